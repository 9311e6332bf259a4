package pki

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"sync"
)

// RSASize says what an RSA key is like.
type RSASize struct {
	Bits     int   // of the modulus, or a few more
	Primes   int   // that it is the product of; two if zero
	Exponent int64 // the public one; 65537 if zero
}

// Such keys are costly, and so are primes: there is one of each size a process.
var (
	rsaKeys   onces[RSASize, *rsa.PrivateKey]
	rsaPrimes onces[primesSize, []*big.Int]
)

// onces are things of which one of each size is made.
type onces[S comparable, T any] struct{ of sync.Map }

func (o *onces[S, T]) get(size S, generate func() (T, error)) (T, error) {
	once, _ := o.of.LoadOrStore(size, sync.OnceValues(generate))
	return once.(func() (T, error))() //nolint:forcetypeassert // nothing else is stored
}

// RSA returns a key that crypto/rsa may refuse to make or to sign with. Keys of as many bits
// and primes are of the same primes.
//
// A handshake with less than 1024 bits needs GODEBUG=rsa1024min=0, which the
// adversary sets. With exponent 1, and over 8192 bits, there is none.
func RSA(size RSASize) (*rsa.PrivateKey, error) {
	size.Primes, size.Exponent = cmp.Or(size.Primes, 2), cmp.Or(size.Exponent, usualExponent)
	return rsaKeys.get(size, size.generate)
}

func (s RSASize) generate() (*rsa.PrivateKey, error) {
	one, e := big.NewInt(1), big.NewInt(s.Exponent)
	key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: big.NewInt(1), E: int(s.Exponent)}}
	primes := primesSize{bits: (s.Bits + s.Primes - 1) / s.Primes, n: s.Primes}
	var err error
	if key.Primes, err = rsaPrimes.get(primes, primes.generate); err != nil {
		return nil, fmt.Errorf("making an RSA key: %w", err)
	}
	order := big.NewInt(1)
	for _, p := range key.Primes {
		key.N.Mul(key.N, p)
		order.Mul(order, new(big.Int).Sub(p, one))
	}
	key.D = new(big.Int).ModInverse(e, order)
	if s.Exponent == 1 {
		key.D = one
	}
	if key.D == nil {
		return nil, errors.New("making an RSA key: the exponent has no inverse")
	}
	if s.Primes == 2 && s.Exponent > 1 {
		key.Precompute()
	}
	return key, nil
}

// primesSize says what the primes of a key are like.
type primesSize struct{ bits, n int }

const usualExponent = 65537

func (s primesSize) generate() (all []*big.Int, err error) {
	for len(all) < s.n {
		p, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), uint(s.bits)))
		if err != nil {
			return nil, err
		}
		p.SetBit(p, s.bits-1, 1).SetBit(p, s.bits-2, 1) // the product is as long as it has to be
		six := big.NewInt(6)
		p.Add(p.Sub(p, new(big.Int).Mod(p, six)), big.NewInt(5)) // so that 3 can be the exponent
		const rounds = 20
		less := new(big.Int).Sub(p, big.NewInt(1))
		if p.BitLen() == s.bits && less.Mod(less, big.NewInt(usualExponent)).Sign() != 0 && p.ProbablyPrime(rounds) {
			all = append(all, p)
		}
	}
	return all, nil
}

// textbook signs with an RSA key of any size: RSASSA-PKCS1-v1_5 (RFC 8017, 8.2.1).
type textbook struct{ key *rsa.PrivateKey }

// digestInfo is the DER before a digest (RFC 8017, 9.2, note 1).
type digestInfo struct {
	Algorithm struct {
		OID  asn1.ObjectIdentifier
		Null asn1.RawValue
	}
	Digest []byte
}

var digests = map[crypto.Hash]asn1.ObjectIdentifier{
	crypto.MD5: {1, 2, 840, 113549, 2, 5}, crypto.SHA1: {1, 3, 14, 3, 2, 26},
	crypto.SHA256: {2, 16, 840, 1, 101, 3, 4, 2, 1}, crypto.SHA384: {2, 16, 840, 1, 101, 3, 4, 2, 2},
}

func (t textbook) sign(hash crypto.Hash, digest []byte) ([]byte, error) {
	info := digestInfo{Digest: digest}
	info.Algorithm.OID, info.Algorithm.Null = digests[hash], asn1.NullRawValue
	tail, err := asn1.Marshal(info)
	if err != nil {
		return nil, fmt.Errorf("signing with %v: %w", hash, err)
	}
	padding := t.key.Size() - len(tail) - 3
	if padding < 8 {
		return nil, fmt.Errorf("%v does not fit into %d bits", hash, t.key.N.BitLen())
	}
	message := append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, padding)...)
	message = append(append(message, 0), tail...)
	signature := t.power(new(big.Int).SetBytes(message))
	return signature.FillBytes(make([]byte, t.key.Size())), nil
}

// power raises to the private exponent, prime by prime (RFC 8017, 5.1.2).
func (t textbook) power(message *big.Int) *big.Int {
	result, modulus := new(big.Int), big.NewInt(1)
	for _, p := range t.key.Primes {
		exponent := new(big.Int).Mod(t.key.D, new(big.Int).Sub(p, big.NewInt(1)))
		part := new(big.Int).Exp(new(big.Int).Mod(message, p), exponent, p)
		step := part.Sub(part, result)
		step.Mul(step, new(big.Int).ModInverse(modulus, p)).Mod(step, p)
		result.Add(result, step.Mul(step, modulus))
		modulus = new(big.Int).Mul(modulus, p)
	}
	return result
}
