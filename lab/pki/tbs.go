package pki

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cryptobyteasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// TBS is what the signature of a certificate is over (RFC 5280, 4.1.2), field by
// field. Whatever has no type of its own is DER, tag and length included.
type TBS struct {
	Version    []byte // empty for version 1
	Serial     []byte
	Algorithm  []byte // the inner one
	Issuer     []byte
	NotBefore  []byte
	NotAfter   []byte
	Subject    []byte
	PublicKey  []byte
	Extensions []pkix.Extension // none: there is no field for them

	// RawExtensions follow the others, for what pkix.Extension cannot say.
	RawExtensions [][]byte
}

var (
	tagVersion    = cryptobyteasn1.Tag(0).ContextSpecific().Constructed()
	tagExtensions = cryptobyteasn1.Tag(3).ContextSpecific().Constructed()
)

// ParseTBS reads a TBSCertificate that is DER and has no unique identifiers.
func ParseTBS(der []byte) (*TBS, error) {
	var t TBS
	input := cryptobyte.String(der)
	var body, validity, extensions cryptobyte.String
	var present bool
	ok := input.ReadASN1(&body, cryptobyteasn1.SEQUENCE)
	if body.PeekASN1Tag(tagVersion) {
		ok = ok && readElement(&body, &t.Version)
	}
	for _, field := range []*[]byte{&t.Serial, &t.Algorithm, &t.Issuer} {
		ok = ok && readElement(&body, field)
	}
	ok = ok && body.ReadASN1(&validity, cryptobyteasn1.SEQUENCE) &&
		readElement(&validity, &t.NotBefore) && readElement(&validity, &t.NotAfter) && validity.Empty() &&
		readElement(&body, &t.Subject) && readElement(&body, &t.PublicKey) &&
		body.ReadOptionalASN1(&extensions, &present, tagExtensions) && body.Empty()
	if present {
		var list cryptobyte.String
		ok = ok && extensions.ReadASN1(&list, cryptobyteasn1.SEQUENCE) && extensions.Empty()
		for ok && !list.Empty() {
			var raw []byte
			var extension pkix.Extension
			ok = readElement(&list, &raw)
			if rest, err := asn1.Unmarshal(raw, &extension); err != nil || len(rest) > 0 {
				ok = false
			}
			t.Extensions = append(t.Extensions, extension)
		}
	}
	if !ok {
		return nil, errors.New("not a TBSCertificate in DER")
	}
	return &t, nil
}

func readElement(from *cryptobyte.String, to *[]byte) bool {
	var element cryptobyte.String
	var tag cryptobyteasn1.Tag
	if !from.ReadAnyASN1Element(&element, &tag) {
		return false
	}
	*to = element
	return true
}

// Encode returns the DER, as far as the fields are.
func (t *TBS) Encode() ([]byte, error) {
	var extensions [][]byte
	for _, extension := range t.Extensions {
		der, err := asn1.Marshal(extension)
		if err != nil {
			return nil, err
		}
		extensions = append(extensions, der)
	}
	extensions = append(extensions, t.RawExtensions...)

	var b cryptobyte.Builder
	b.AddASN1(cryptobyteasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, field := range [][]byte{t.Version, t.Serial, t.Algorithm, t.Issuer} {
			b.AddBytes(field)
		}
		b.AddASN1(cryptobyteasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(t.NotBefore)
			b.AddBytes(t.NotAfter)
		})
		b.AddBytes(t.Subject)
		b.AddBytes(t.PublicKey)
		if len(extensions) > 0 {
			b.AddASN1(tagExtensions, func(b *cryptobyte.Builder) {
				b.AddASN1(cryptobyteasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddBytes(slices.Concat(extensions...))
				})
			})
		}
	})
	return b.Bytes()
}

// Extension returns the extension of that kind, to be changed, or a spare one if
// there is none.
func (t *TBS) Extension(id asn1.ObjectIdentifier) *pkix.Extension {
	for i := range t.Extensions {
		if t.Extensions[i].Id.Equal(id) {
			return &t.Extensions[i]
		}
	}
	return new(pkix.Extension)
}

// Drop removes the extensions of that kind.
func (t *TBS) Drop(id asn1.ObjectIdentifier) {
	t.Extensions = slices.DeleteFunc(t.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(id) })
}

// Set replaces the extension of the same kind, where it stands, or adds it.
func (t *TBS) Set(extension pkix.Extension) {
	for i := range t.Extensions {
		if t.Extensions[i].Id.Equal(extension.Id) {
			t.Extensions[i] = extension
			return
		}
	}
	t.Extensions = append(t.Extensions, extension)
}
