package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"fmt"
	"io"
	"math/big"
	"sync"

	"github.com/mtlslab/mtlslab/lab/attack"
)

// identityOf is what the attack presents. crypto/tls looks into none of the
// certificates that it sends: it goes by the key alone.
func (f *field) identityOf(a attack.Attack) (*tls.Certificate, error) {
	if a.NoTLS || a.NoCertificate {
		return new(tls.Certificate), nil
	}
	key, err := a.Signer()
	if err != nil {
		return nil, err
	}
	if a.WrongKey {
		if key, err = f.keys.another(key.Public()); err != nil {
			return nil, fmt.Errorf("making a wrong key: %w", err)
		}
	}
	key = willing(key, a.Version)
	switch {
	case len(a.Signature) > 0:
		key = fixed{key, a.Signature}
	case a.WrongContext:
		key = contrary{key}
	}
	return &tls.Certificate{Certificate: a.Chain, PrivateKey: key}, nil
}

// fixed signs everything with the same bytes.
type fixed struct {
	crypto.Signer
	signature []byte
}

// Sign looks at nothing.
func (f fixed) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return f.signature, nil }

// contrary signs as the other side would. crypto/tls gives a signer that will
// have it the message itself, not its digest.
type contrary struct{ crypto.Signer }

// SignMessage puts one context string in the place of the other (RFC 8446,
// 4.4.3).
func (c contrary) SignMessage(random io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	const client, server = "TLS 1.3, client CertificateVerify", "TLS 1.3, server CertificateVerify"
	theirs := bytes.Replace(message, []byte(client), []byte(server), 1)
	if bytes.Equal(theirs, message) {
		theirs = bytes.Replace(message, []byte(server), []byte(client), 1)
	}
	return crypto.SignMessage(c.Signer, random, theirs, opts)
}

// signer signs with a key that crypto/tls would not use, by showing it the
// public half of one that it would.
type signer struct {
	crypto.Signer
	shown crypto.PublicKey
}

func (s signer) Public() crypto.PublicKey { return s.shown }

// Sign falls back on a signature of the right length that no key has made: a
// key of 512 bits is too short for RSA-PSS, so there is none to be made.
func (s signer) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	signature, err := s.Signer.Sign(random, digest, opts)
	if key, ok := s.Signer.Public().(*rsa.PublicKey); ok && err != nil {
		signature = make([]byte, key.Size())
		_, err = io.ReadFull(rand.Reader, signature)
	}
	return signature, err
}

// willing makes crypto/tls sign with any key. TLS 1.3 has signature schemes for
// three curves only, and none for the shortest RSA keys (RFC 8446, 4.2.3), so
// another's is claimed: the certificate, which the other side sees first, is
// what it is to judge. Before, ECDSA was bound to no curve, and PKCS #1 v1.5
// does with less.
func willing(key crypto.Signer, version string) crypto.Signer {
	switch public := key.Public().(type) {
	case *ecdsa.PublicKey:
		switch public.Curve {
		case elliptic.P256(), elliptic.P384(), elliptic.P521():
		default:
			return signer{key, &ecdsa.PublicKey{Curve: elliptic.P256()}}
		}
	case *rsa.PublicKey:
		if public.Size() < shortestPSS && version == "1.3" {
			return signer{key, &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 8*shortestPSS), E: public.E}}
		}
	}
	return key
}

// shortestPSS is the shortest modulus, in bytes, for RSA-PSS with SHA-256 and a
// salt as long (RFC 8017, 9.1.1).
const shortestPSS = 2*32 + 2

// keyring makes keys to be wrong with. Those of RSA are costly, and made once.
type keyring struct {
	mu  sync.Mutex
	rsa map[int]crypto.Signer // by their bits
}

// another makes a key of the same kind.
func (k *keyring) another(public crypto.PublicKey) (crypto.Signer, error) {
	switch public := public.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.GenerateKey(public.Curve, rand.Reader)
	case ed25519.PublicKey:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case *rsa.PublicKey:
		return k.anotherRSA(public.N.BitLen())
	default:
		return nil, fmt.Errorf("a key of type %T", public)
	}
}

func (k *keyring) anotherRSA(bits int) (crypto.Signer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key := k.rsa[bits]; key != nil {
		return key, nil
	}
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, err
	}
	if k.rsa == nil {
		k.rsa = make(map[int]crypto.Signer)
	}
	k.rsa[bits] = key
	return key, nil
}
