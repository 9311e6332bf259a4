package pki

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cryptobyteasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"go.step.sm/crypto/x509util"
)

// Draft is a certificate before it is signed. What crypto/x509 can say is in the
// template; what it cannot is done to the DER afterwards, in the order of the
// three lists of edits.
type Draft struct {
	// Template needs no key identifiers: they follow from the keys.
	Template *x509.Certificate
	Key      crypto.Signer
	Issuer   *Draft // nil if it signs itself

	// PublicKey is a SubjectPublicKeyInfo that is not Key's, DER.
	PublicKey []byte
	// Hash is of the signature on it; zero is what suits the issuer's key.
	Hash crypto.Hash
	// SignedBy signs in place of the issuer, whose name stays.
	SignedBy crypto.Signer

	Edits   []func(*TBS)          // before it is signed
	Seals   []func(*Seal)         // once it is signed
	Recasts []func([]byte) []byte // of the whole, DER no more

	// Lists are what an issuer says of what it revoked. Without any, nobody
	// can tell.
	Lists []*List

	own bool // the authority's, and finished
	der []byte
}

// Edit adds an edit of what is to be signed.
func (d *Draft) Edit(edit func(*TBS)) { d.Edits = append(d.Edits, edit) }

// Seal is a signed certificate, in its three parts (RFC 5280, 4.1.1).
type Seal struct {
	TBS       []byte // DER, with its tag
	Algorithm []byte // AlgorithmIdentifier, DER
	Signature []byte // the bits
}

// seal signs a draft, once.
func (d *Draft) seal(placeholder crypto.Signer) ([]byte, error) {
	if d.own {
		return d.Template.Raw, nil
	}
	if d.der != nil {
		return d.der, nil
	}
	tbs, err := d.tbs(placeholder)
	if err != nil {
		return nil, err
	}
	seal, err := d.sign(tbs)
	if err != nil {
		return nil, err
	}
	for _, edit := range d.Seals {
		edit(seal)
	}
	if d.der, err = seal.encode(); err != nil {
		return nil, err
	}
	for _, recast := range d.Recasts {
		d.der = recast(d.der)
	}
	return d.der, nil
}

// tbs lets crypto/x509 write what is to be signed, with the placeholder as the
// issuer's and the subject's key, and puts the right keys in.
func (d *Draft) tbs(placeholder crypto.Signer) (*TBS, error) {
	template, parent := *d.Template, new(x509.Certificate)
	var err error
	if template.SubjectKeyId == nil {
		if template.SubjectKeyId, err = d.keyID(); err != nil {
			return nil, err
		}
	}
	issuer := d.issuer()
	parent.Subject, parent.RawSubject = issuer.Template.Subject, issuer.Template.RawSubject
	if parent.SubjectKeyId, err = issuer.keyID(); err != nil {
		return nil, err
	}
	template.SignatureAlgorithm, template.PublicKey = 0, nil
	cert, err := x509util.CreateCertificate(&template, parent, placeholder.Public(), placeholder)
	if err != nil {
		return nil, fmt.Errorf("drafting %q: %w", d.Template.Subject, err)
	}
	tbs, err := ParseTBS(cert.RawTBSCertificate)
	if err != nil {
		return nil, err
	}
	if tbs.PublicKey, err = d.publicKey(); err != nil {
		return nil, err
	}
	return tbs, nil
}

func (d *Draft) sign(tbs *TBS) (*Seal, error) {
	key := d.SignedBy
	if key == nil {
		key = d.issuer().Key
	}
	hash := d.Hash
	if hash == 0 {
		hash = suits(key)
	}
	algorithm, err := algorithmOf(key, hash)
	if err != nil {
		return nil, err
	}
	tbs.Algorithm = algorithm
	for _, edit := range d.Edits {
		edit(tbs)
	}
	seal := &Seal{Algorithm: algorithm}
	if seal.TBS, err = tbs.Encode(); err != nil {
		return nil, err
	}
	seal.Signature, err = signWith(key, hash, seal.TBS)
	return seal, err
}

func (d *Draft) issuer() *Draft {
	if d.Issuer == nil {
		return d
	}
	return d.Issuer
}

func (d *Draft) publicKey() ([]byte, error) {
	switch key := d.Key.(type) {
	case foreignKey:
		if d.PublicKey == nil {
			return key.info()
		}
	default:
		if d.PublicKey == nil {
			return x509.MarshalPKIXPublicKey(key.Public())
		}
	}
	return d.PublicKey, nil
}

// keyID is x509util's, or RFC 7093's for a key that crypto/x509 does not know.
func (d *Draft) keyID() ([]byte, error) {
	if d.Template.SubjectKeyId != nil {
		return d.Template.SubjectKeyId, nil
	}
	if _, foreign := d.Key.(foreignKey); !foreign && d.PublicKey == nil {
		return x509util.GenerateSubjectKeyID(d.Key.Public())
	}
	info, err := d.publicKey()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(info)
	return sum[:20], nil
}

func (s *Seal) encode() ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(cryptobyteasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(s.TBS)
		b.AddBytes(s.Algorithm)
		b.AddASN1BitString(s.Signature)
	})
	return b.Bytes()
}

func signWith(key crypto.Signer, hash crypto.Hash, message []byte) ([]byte, error) {
	digest := message
	if hash != 0 {
		h := hash.New()
		h.Write(message)
		digest = h.Sum(nil)
	}
	if weak, ok := byHand(key); ok {
		return weak.sign(hash, digest)
	}
	return key.Sign(rand.Reader, digest, hash)
}
