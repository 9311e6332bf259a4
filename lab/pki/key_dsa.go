package pki

import (
	"crypto"
	"crypto/rand"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
)

// The parameters of every DSA key here, of 2048 and 256 bits (FIPS 186-4, 4.2).
// They were made once, and are no secret.
var (
	dsaP = number(
		"9870394E2FAF1AEB2BEDEB16429CA3198C119A402A79D0ED2EB961B4455ECBF3" +
			"86FD0518A99E077320181B8D684CA1FF440D67A9C5DC63D38A54FC5A0F2CC6CD" +
			"1128218D6D705F02E32EB3CD65AAE76B6A1F8E409B04ADACDE8C874AFE5D4D37" +
			"93935DBA9D74C9FC3CEC44AEA33AE0C75A77B30F6279DAFAFE351ECAB26A9E9D" +
			"3D23CFDCCDA45B80D57F85B3D03EB742B633F123A55F508C778B18019E3D2BFB" +
			"0E2CC3DFCA9B842C727A023E8C37993659A998B8794B47C6EAA11C20BEEE7806" +
			"9BBE1ED2D3212ECABF429B2E6D31918C2982316B217FFB5A46EC17D9B85B23EC" +
			"7C8DF31050A6EC9B0932D6DC1EFC8D47DC31B7E2CAD833312AE997D859990A9F")
	dsaQ = number(
		"D4E083EB299993273BF91617486A145802F528E555E3E1A63A6E0436B7C52FB3")
	dsaG = number(
		"3CC3EF5E799703BE5782340CF36AAC774A96352B8759DFC0F7BE0BD8A558BC9B" +
			"CCCF4C445A2055049319AD7DA4E477889C6284E9E7018EEBD97EAB871F374E69" +
			"BCDE2CADEE0E01923DAE7FC8A1740C8ED6F88A7377CBB883FA204EC249B7194C" +
			"94D6746867873D3CD4E143EB1E1E8EFCF0BC9FC31E350A4C01F65633D6BECCE1" +
			"1EDDE077112611D86DF7AA0DB29667600F341E29042CB17EB63B897A99184751" +
			"E8246271BD65B2290C8E960E3E4AE702E3D428A751F51E2A4DD40C3C3113EE7D" +
			"B861D3505C2132542E51CD948D8133F77902A16AE04CBE976E019BA0AD7771F7" +
			"19815FC76BE6AD8A54D545439991243791A6F0C09B16D387CB5BAA458923B79C")
)

// DSAKey is a key of an algorithm that TLS 1.3 has no signature scheme for, and
// crypto/x509 no verification. It signs certificates and lists.
type DSAKey struct{ x, y *big.Int }

// DSA makes a DSA key.
func DSA() (*DSAKey, error) {
	x, err := rand.Int(rand.Reader, dsaQ)
	if err != nil {
		return nil, fmt.Errorf("making a DSA key: %w", err)
	}
	return &DSAKey{x, new(big.Int).Exp(dsaG, x, dsaP)}, nil
}

// Public returns the public number, which is of no type that crypto/x509 knows.
func (k *DSAKey) Public() crypto.PublicKey { return k.y }

// Sign signs a digest (FIPS 186-4, 4.6).
func (k *DSAKey) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.sign(opts.HashFunc(), digest)
}

func (k *DSAKey) sign(_ crypto.Hash, digest []byte) ([]byte, error) {
	for {
		secret, err := rand.Int(rand.Reader, dsaQ)
		if err != nil {
			return nil, fmt.Errorf("signing with DSA: %w", err)
		}
		if secret.Sign() == 0 {
			continue
		}
		r := new(big.Int).Exp(dsaG, secret, dsaP)
		r.Mod(r, dsaQ)
		s := new(big.Int).Mul(k.x, r)
		s.Add(s, new(big.Int).SetBytes(digest))
		s.Mul(s, secret.ModInverse(secret, dsaQ)).Mod(s, dsaQ)
		if r.Sign() > 0 && s.Sign() > 0 {
			return asn1.Marshal(struct{ R, S *big.Int }{r, s})
		}
	}
}

func (k *DSAKey) oid(crypto.Hash) asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 2} // with SHA-256 (RFC 5758, 3.1)
}

func (k *DSAKey) info() ([]byte, error) {
	public, err := asn1.Marshal(k.y)
	if err != nil {
		return nil, err
	}
	return publicKeyInfo(
		asn1.ObjectIdentifier{1, 2, 840, 10040, 4, 1},
		struct{ P, Q, G *big.Int }{dsaP, dsaQ, dsaG},
		public,
	)
}
