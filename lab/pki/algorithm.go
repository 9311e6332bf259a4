package pki

import (
	"crypto"
	"fmt"
	"slices"

	"go.step.sm/crypto/keyutil"
)

// Algorithm is the kind of every key of an authority: its root's, its
// intermediate's and its leaves'. The zero value means [ECDSAP256].
type Algorithm string

// The algorithms that an authority can use. Signatures are made with the hash
// that crypto/x509 pairs with the key: SHA-256, but SHA-384 for P-384 and
// none for Ed25519 (RFC 8410). RSA costs a few hundred times what P-256 does;
// a peer that knows no Ed25519 is common, and not at fault.
const (
	ECDSAP256 Algorithm = "ecdsa-p256"
	ECDSAP384 Algorithm = "ecdsa-p384"
	RSA2048   Algorithm = "rsa-2048"
	Ed25519   Algorithm = "ed25519"
)

var algorithms = []Algorithm{ECDSAP256, ECDSAP384, RSA2048, Ed25519}

// ParseAlgorithm returns the algorithm of that name, and [ECDSAP256] for the
// empty one. Names are lower case; the error lists them.
func ParseAlgorithm(name string) (Algorithm, error) {
	if name == "" {
		return ECDSAP256, nil
	}
	if a := Algorithm(name); slices.Contains(algorithms, a) {
		return a, nil
	}
	return "", fmt.Errorf("unknown algorithm %q, want one of %q", name, algorithms)
}

func (a Algorithm) newKey() (crypto.Signer, error) {
	switch a {
	case ECDSAP256:
		return keyutil.GenerateSigner("EC", "P-256", 0)
	case ECDSAP384:
		return keyutil.GenerateSigner("EC", "P-384", 0)
	case RSA2048:
		return keyutil.GenerateSigner("RSA", "", 2048)
	case Ed25519:
		return keyutil.GenerateSigner("OKP", "Ed25519", 0)
	default:
		_, err := ParseAlgorithm(string(a))
		return nil, err
	}
}
