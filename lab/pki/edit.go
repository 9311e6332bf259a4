package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"slices"
)

// TBS is the signed part of a certificate, taken to pieces (RFC 5280, 4.1). Each
// piece is a whole DER element, and may be replaced by anything.
type TBS struct {
	Version    []byte // with its context tag; nil is version 1
	Serial     []byte
	Algorithm  []byte
	Issuer     []byte
	Validity   []byte
	Subject    []byte
	PublicKey  []byte
	Extensions []pkix.Extension

	// Outer is the algorithm beside the signature, Algorithm if nil.
	Outer []byte
	// Hash is what the signature is made over the digest of.
	Hash crypto.Hash
	// Signature, if not nil, stands in place of a real one.
	Signature []byte
}

// Extension finds an extension, or nil.
func (t *TBS) Extension(oid asn1.ObjectIdentifier) *pkix.Extension {
	if i := slices.IndexFunc(t.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oid) }); i >= 0 {
		return &t.Extensions[i]
	}
	return nil
}

// edit takes a certificate to pieces, applies the edits and signs it again.
func edit(der []byte, edits []func(*TBS), signer crypto.Signer) ([]byte, error) {
	t, err := takeApart(der)
	if err != nil {
		return nil, err
	}
	if key, ok := signer.Public().(*ecdsa.PublicKey); ok && key.Curve.Params().BitSize == 384 {
		t.Hash = crypto.SHA384
	}
	for _, change := range edits {
		change(t)
	}
	return t.sign(signer)
}

func takeApart(der []byte) (*TBS, error) {
	var whole struct {
		Signed    asn1.RawValue
		Algorithm asn1.RawValue
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &whole); err != nil {
		return nil, err
	}
	var pieces []asn1.RawValue
	if _, err := asn1.UnmarshalWithParams(whole.Signed.FullBytes, &pieces, ""); err != nil {
		return nil, err
	}
	if len(pieces) != 8 {
		return nil, errors.New("not a certificate of version 3 with extensions")
	}
	t := &TBS{
		Version: pieces[0].FullBytes, Serial: pieces[1].FullBytes, Algorithm: pieces[2].FullBytes,
		Issuer: pieces[3].FullBytes, Validity: pieces[4].FullBytes, Subject: pieces[5].FullBytes,
		PublicKey: pieces[6].FullBytes, Hash: crypto.SHA256,
	}
	if _, err := asn1.Unmarshal(pieces[7].Bytes, &t.Extensions); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *TBS) sign(signer crypto.Signer) ([]byte, error) {
	pieces := [][]byte{t.Version, t.Serial, t.Algorithm, t.Issuer, t.Validity, t.Subject, t.PublicKey}
	if len(t.Extensions) > 0 {
		list, err := asn1.Marshal(t.Extensions)
		if err != nil {
			return nil, err
		}
		pieces = append(pieces, Element(0xa3, list))
	}
	signed := Element(0x30, pieces...)
	signature := t.Signature
	if signature == nil {
		var err error
		if signature, err = signOver(signer, t.Hash, signed); err != nil {
			return nil, err
		}
	}
	outer := t.Outer
	if outer == nil {
		outer = t.Algorithm
	}
	return Element(0x30, signed, outer, Element(0x03, []byte{0}, signature)), nil
}

func signOver(signer crypto.Signer, hash crypto.Hash, message []byte) ([]byte, error) {
	switch signer.(type) {
	case ed25519.PrivateKey:
		return signer.Sign(rand.Reader, message, crypto.Hash(0))
	case *ecdsa.PrivateKey, *rsa.PrivateKey:
		h := hash.New()
		h.Write(message)
		return signer.Sign(rand.Reader, h.Sum(nil), hash)
	default:
		return nil, errors.New("a key of a kind that no certificate is signed with")
	}
}

// Element is a DER element of that tag with the parts as its content (X.690, 8.1
// and 10.1).
func Element(tag byte, parts ...[]byte) []byte {
	content := slices.Concat(parts...)
	length := len(content)
	switch {
	case length < 1<<7:
		return slices.Concat([]byte{tag, byte(length)}, content)
	case length < 1<<8:
		return slices.Concat([]byte{tag, 0x81, byte(length)}, content)
	case length < 1<<16:
		return slices.Concat([]byte{tag, 0x82, byte(length >> 8), byte(length)}, content)
	default:
		return slices.Concat([]byte{tag, 0x83, byte(length >> 16), byte(length >> 8), byte(length)}, content)
	}
}
