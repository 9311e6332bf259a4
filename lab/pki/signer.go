package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	_ "crypto/md5" //nolint:gosec // of the signatures that nobody may accept
	"crypto/rsa"
	_ "crypto/sha1" //nolint:gosec // likewise
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/asn1"
	"fmt"
)

// foreignKey is a key that crypto/x509 knows nothing of. It signs certificates
// and lists, never a handshake.
type foreignKey interface {
	crypto.Signer
	handSigner
	info() ([]byte, error) // SubjectPublicKeyInfo, DER
	oid(crypto.Hash) asn1.ObjectIdentifier
}

// handSigner signs a digest with no regard to how strong the key is.
type handSigner interface {
	sign(crypto.Hash, []byte) ([]byte, error)
}

// byHand finds the keys that the standard library does not sign with.
func byHand(key crypto.Signer) (handSigner, bool) {
	switch key := key.(type) {
	case foreignKey:
		return key, true
	case *rsa.PrivateKey:
		return textbook{key}, true
	}
	return nil, false
}

// suits is the hash that crypto/x509 would pair with the key.
func suits(key crypto.Signer) crypto.Hash {
	switch key := key.Public().(type) {
	case ed25519.PublicKey:
		return 0
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P384() {
			return crypto.SHA384
		}
	}
	return crypto.SHA256
}

// RFC 8017, A.2.4; RFC 5758, 3.2; RFC 3279, 2.2.3; RFC 8410, 3.
var (
	rsaSignatures = map[crypto.Hash]asn1.ObjectIdentifier{
		crypto.MD5: {1, 2, 840, 113549, 1, 1, 4}, crypto.SHA1: {1, 2, 840, 113549, 1, 1, 5},
		crypto.SHA256: {1, 2, 840, 113549, 1, 1, 11}, crypto.SHA384: {1, 2, 840, 113549, 1, 1, 12},
	}
	ecdsaSignatures = map[crypto.Hash]asn1.ObjectIdentifier{
		crypto.SHA1:   {1, 2, 840, 10045, 4, 1},
		crypto.SHA256: {1, 2, 840, 10045, 4, 3, 2}, crypto.SHA384: {1, 2, 840, 10045, 4, 3, 3},
	}
	ed25519Signature = asn1.ObjectIdentifier{1, 3, 101, 112}
)

// algorithmOf is the AlgorithmIdentifier of a signature, DER.
func algorithmOf(key crypto.Signer, hash crypto.Hash) ([]byte, error) {
	var algorithm struct {
		OID        asn1.ObjectIdentifier
		Parameters asn1.RawValue `asn1:"optional"`
	}
	if foreign, ok := key.(foreignKey); ok {
		algorithm.OID = foreign.oid(hash)
	} else {
		switch key.Public().(type) {
		case *rsa.PublicKey:
			algorithm.OID, algorithm.Parameters = rsaSignatures[hash], asn1.NullRawValue
		case *ecdsa.PublicKey:
			algorithm.OID = ecdsaSignatures[hash]
		case ed25519.PublicKey:
			algorithm.OID = ed25519Signature
		}
	}
	if algorithm.OID == nil {
		return nil, fmt.Errorf("no signature of %v by a %T", hash, key)
	}
	return asn1.Marshal(algorithm)
}
