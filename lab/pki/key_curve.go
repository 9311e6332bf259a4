package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
)

// Curve is y² = x³ + ax + b over a prime field (SEC 1, 3.1.1), with any
// generator, in arithmetic as plain as it is slow.
type Curve struct {
	P, A, B *big.Int
	G       Point // the generator
	N       *big.Int

	// OID names the curve; without one it is spelt out (SEC 1, C.2).
	OID asn1.ObjectIdentifier
}

// Point is a point of a curve, in affine coordinates; X is nil at infinity.
type Point struct{ X, Y *big.Int }

// P256 spells P-256 out, with its own generator.
func P256() *Curve {
	p := elliptic.P256().Params()
	return &Curve{P: p.P, A: new(big.Int).Sub(p.P, big.NewInt(3)), B: p.B, G: Point{p.Gx, p.Gy}, N: p.N}
}

// Brainpool is brainpoolP256r1 (RFC 5639, 3.4).
func Brainpool() *Curve {
	return &Curve{
		P: number("A9FB57DBA1EEA9BC3E660A909D838D726E3BF623D52620282013481D1F6E5377"),
		A: number("7D5A0975FC2C3057EEF67530417AFFE7FB8055C126DC5C6CE94A4B44F330B5D9"),
		B: number("26DC5C6CE94A4B44F330B5D9BBD77CBF958416295CF7E1CE6BCCDC18FF8C07B6"),
		G: Point{
			number("8BD2AEB9CB7E57CB2C4B482FFC81B7AFB9DE27E1E3BD23C23A4453BD9ACE3262"),
			number("547EF835C3DAC4FD97F8461A14611DC9C27745132DED8E545C1D54C72F046997"),
		},
		N:   number("A9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7"),
		OID: asn1.ObjectIdentifier{1, 3, 36, 3, 3, 2, 8, 1, 1, 7},
	}
}

func number(hexadecimal string) *big.Int {
	n, _ := new(big.Int).SetString(hexadecimal, 16)
	return n
}

func (c *Curve) mod(n *big.Int) *big.Int { return n.Mod(n, c.P) }

func (c *Curve) add(p, q Point) Point {
	if p.X == nil {
		return q
	}
	if q.X == nil {
		return p
	}
	slope := new(big.Int)
	if p.X.Cmp(q.X) == 0 {
		if c.mod(new(big.Int).Add(p.Y, q.Y)).Sign() == 0 {
			return Point{}
		}
		slope.Mul(p.X, p.X).Mul(slope, big.NewInt(3)).Add(slope, c.A)
		slope.Mul(slope, new(big.Int).ModInverse(new(big.Int).Lsh(p.Y, 1), c.P))
	} else {
		run := c.mod(new(big.Int).Sub(q.X, p.X))
		slope.Sub(q.Y, p.Y).Mul(slope, run.ModInverse(run, c.P))
	}
	c.mod(slope)
	x := new(big.Int).Mul(slope, slope)
	c.mod(x.Sub(x, p.X).Sub(x, q.X))
	y := new(big.Int).Sub(p.X, x)
	return Point{x, c.mod(y.Mul(y, slope).Sub(y, p.Y))}
}

func (c *Curve) multiply(k *big.Int, p Point) (result Point) {
	for i := k.BitLen() - 1; i >= 0; i-- {
		result = c.add(result, result)
		if k.Bit(i) == 1 {
			result = c.add(result, p)
		}
	}
	return result
}

// CurveKey is a key on any curve. It signs certificates and lists.
type CurveKey struct {
	curve  *Curve
	d      *big.Int
	public Point
}

// NewKey makes a key on the curve.
func (c *Curve) NewKey() (*CurveKey, error) {
	d, err := rand.Int(rand.Reader, c.N)
	if err != nil {
		return nil, fmt.Errorf("making a key on a curve: %w", err)
	}
	return &CurveKey{c, d, c.multiply(d, c.G)}, nil
}

// Impostor is a key with the public point of a P-256 key whose private half
// nobody needs: the point is made the generator of a curve that is spelt out,
// and the private key is 1 (CVE-2020-0601).
func Impostor(of *ecdsa.PublicKey) (*CurveKey, error) {
	public, err := pointOf(of)
	curve := P256()
	curve.G = public
	return &CurveKey{curve, big.NewInt(1), public}, err
}

func pointOf(key *ecdsa.PublicKey) (Point, error) {
	bytes, err := key.Bytes()
	if err != nil || key.Curve != elliptic.P256() {
		return Point{}, fmt.Errorf("want a key on P-256: %w", err)
	}
	half := (len(bytes) - 1) / 2
	return Point{new(big.Int).SetBytes(bytes[1 : 1+half]), new(big.Int).SetBytes(bytes[1+half:])}, nil
}

// Public returns the point, which is of no type that crypto/x509 knows.
func (k *CurveKey) Public() crypto.PublicKey { return k.public }

// Sign signs a digest (SEC 1, 4.1.3).
func (k *CurveKey) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.sign(opts.HashFunc(), digest)
}

func (k *CurveKey) sign(_ crypto.Hash, digest []byte) ([]byte, error) {
	n := k.curve.N
	for {
		secret, err := rand.Int(rand.Reader, n)
		if err != nil {
			return nil, fmt.Errorf("signing on a curve: %w", err)
		}
		if secret.Sign() == 0 {
			continue
		}
		r := k.curve.multiply(secret, k.curve.G).X
		r = new(big.Int).Mod(r, n)
		s := new(big.Int).Mul(r, k.d)
		s.Add(s, new(big.Int).SetBytes(digest)) // as long as n, or the digest is cut: all here are of 256 bits
		s.Mul(s, secret.ModInverse(secret, n)).Mod(s, n)
		if r.Sign() > 0 && s.Sign() > 0 {
			return asn1.Marshal(struct{ R, S *big.Int }{r, s})
		}
	}
}

func (k *CurveKey) oid(hash crypto.Hash) asn1.ObjectIdentifier { return ecdsaSignatures[hash] }

// specified is ECParameters with nothing left out (SEC 1, C.2).
type specified struct {
	Version int
	Field   struct {
		Type asn1.ObjectIdentifier
		P    *big.Int
	}
	Curve    struct{ A, B []byte }
	Base     []byte
	Order    *big.Int
	Cofactor int
}

func (k *CurveKey) info() ([]byte, error) {
	size := (k.curve.P.BitLen() + 7) / 8
	octets := func(n *big.Int) []byte { return n.FillBytes(make([]byte, size)) }
	encode := func(p Point) []byte { return append(append([]byte{4}, octets(p.X)...), octets(p.Y)...) }

	var parameters any = k.curve.OID
	if k.curve.OID == nil {
		spelt := specified{Version: 1, Base: encode(k.curve.G), Order: k.curve.N, Cofactor: 1}
		spelt.Field.Type, spelt.Field.P = asn1.ObjectIdentifier{1, 2, 840, 10045, 1, 1}, k.curve.P
		spelt.Curve.A, spelt.Curve.B = octets(k.curve.A), octets(k.curve.B)
		parameters = spelt
	}
	return publicKeyInfo(asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}, parameters, encode(k.public))
}

// publicKeyInfo is a SubjectPublicKeyInfo (RFC 5280, 4.1.2.7), DER.
func publicKeyInfo(algorithm asn1.ObjectIdentifier, parameters any, bits []byte) ([]byte, error) {
	der, err := asn1.Marshal(parameters)
	if err != nil {
		return nil, err
	}
	var info struct {
		Algorithm struct {
			OID        asn1.ObjectIdentifier
			Parameters asn1.RawValue
		}
		Key asn1.BitString
	}
	info.Algorithm.OID, info.Algorithm.Parameters.FullBytes = algorithm, der
	info.Key = asn1.BitString{Bytes: bits, BitLength: 8 * len(bits)}
	return asn1.Marshal(info)
}

func ecdsaPublic(key crypto.Signer) (*ecdsa.PublicKey, error) {
	public, ok := key.Public().(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%T is no key on P-256", key.Public())
	}
	return public, nil
}

// SpeltInfo is the SubjectPublicKeyInfo of a P-256 key with its curve spelt out;
// nothing for any other key.
func SpeltInfo(key *ecdsa.PrivateKey) []byte {
	public, err := pointOf(&key.PublicKey)
	if err != nil {
		return nil
	}
	info, err := (&CurveKey{curve: P256(), public: public}).info()
	if err != nil {
		return nil
	}
	return info
}
