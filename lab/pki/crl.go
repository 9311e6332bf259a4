package pki

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cryptobyteasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// List is a revocation list before its issuer signs it (RFC 5280, 5). The zero
// value is a good one on which there is nobody.
type List struct {
	ThisUpdate time.Time // the authority's beginning if zero
	NextUpdate time.Time // the authority's end if zero
	Number     int64     // of the list (RFC 5280, 5.2.3); 1 if zero

	Revoked    []*big.Int // serial numbers
	Reason     byte       // of every entry (RFC 5280, 5.3.1); none if zero
	Extensions []pkix.Extension
	// Entry is an extension of every entry.
	Entry *pkix.Extension

	// Later has the issuer make it only afterwards, in place of its others.
	Later bool

	// SignedBy signs in place of the issuer, whose name and key identifier stay.
	SignedBy crypto.Signer
}

// CRLs returns fresh lists of the authority's root and of its intermediate, as
// PEM. The certificates are listed by whichever of the two issued them; one that
// neither did is an error.
func (a *Authority) CRLs(revoked ...*x509.Certificate) ([]byte, error) {
	return a.CRLsUntil(time.Time{}, revoked...)
}

// CRLsUntil are such lists of which the next are due by then (RFC 5280, 5.1.2.5); at the
// authority's end if it is zero.
func (a *Authority) CRLsUntil(next time.Time, revoked ...*x509.Certificate) ([]byte, error) {
	issuers := []*Draft{
		{Template: a.ca.Root, Key: a.ca.RootSigner, own: true},
		{Template: a.ca.Intermediate, Key: a.ca.Signer, own: true},
	}
	lists := []*List{{NextUpdate: next}, {NextUpdate: next}}
	for _, cert := range revoked {
		listed := false
		for i, issuer := range issuers {
			if cert.CheckSignatureFrom(issuer.Template) == nil {
				lists[i].Revoked = append(lists[i].Revoked, cert.SerialNumber)
				listed = true
			}
		}
		if !listed {
			return nil, fmt.Errorf("revoking %q: not of this authority", cert.Subject)
		}
	}
	var ders [][]byte
	for i, list := range lists {
		der, err := list.sign(a.cfg, issuers[i])
		if err != nil {
			return nil, fmt.Errorf("signing revocation list: %w", err)
		}
		ders = append(ders, der)
	}
	return encodePEM("X509 CRL", ders), nil
}

var (
	oidCRLNumber      = asn1.ObjectIdentifier{2, 5, 29, 20}
	oidReason         = asn1.ObjectIdentifier{2, 5, 29, 21}
	oidAuthorityKeyID = asn1.ObjectIdentifier{2, 5, 29, 35}
)

func (l *List) sign(cfg Config, issuer *Draft) ([]byte, error) {
	key := l.SignedBy
	if key == nil {
		key = issuer.Key
	}
	hash := suits(key)
	algorithm, err := algorithmOf(key, hash)
	if err != nil {
		return nil, err
	}
	tbs, err := l.tbs(cfg, issuer, algorithm)
	if err != nil {
		return nil, err
	}
	signature, err := signWith(key, hash, tbs)
	if err != nil {
		return nil, err
	}
	return (&Seal{TBS: tbs, Algorithm: algorithm, Signature: signature}).encode()
}

func (l *List) tbs(cfg Config, issuer *Draft, algorithm []byte) ([]byte, error) {
	thisUpdate, nextUpdate := l.ThisUpdate, l.NextUpdate
	if thisUpdate.IsZero() {
		thisUpdate = cfg.Now.Add(-cfg.Backdate)
	}
	if nextUpdate.IsZero() {
		nextUpdate = cfg.Now.Add(cfg.Validity)
	}
	name, err := issuer.subject()
	if err != nil {
		return nil, err
	}
	extensions, err := l.extensions(issuer)
	if err != nil {
		return nil, err
	}
	var b cryptobyte.Builder
	b.AddASN1(cryptobyteasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1) // version 2
		b.AddBytes(algorithm)
		b.AddBytes(name)
		addTime(b, thisUpdate)
		addTime(b, nextUpdate)
		if len(l.Revoked) > 0 {
			b.AddASN1(cryptobyteasn1.SEQUENCE, func(b *cryptobyte.Builder) { l.addEntries(b, thisUpdate) })
		}
		b.AddASN1(cryptobyteasn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
			addMarshalled(b, extensions)
		})
	})
	return b.Bytes()
}

func (l *List) addEntries(b *cryptobyte.Builder, at time.Time) {
	var extensions []pkix.Extension
	if l.Reason != 0 {
		extensions = append(extensions, pkix.Extension{Id: oidReason, Value: []byte{asn1.TagEnum, 1, l.Reason}})
	}
	if l.Entry != nil {
		extensions = append(extensions, *l.Entry)
	}
	for _, serial := range l.Revoked {
		b.AddASN1(cryptobyteasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1BigInt(serial)
			addTime(b, at)
			if len(extensions) > 0 {
				addMarshalled(b, extensions)
			}
		})
	}
}

func (l *List) extensions(issuer *Draft) ([]pkix.Extension, error) {
	id, err := issuer.keyID()
	if err != nil {
		return nil, err
	}
	authority, err := asn1.Marshal(struct {
		ID []byte `asn1:"tag:0"`
	}{id})
	if err != nil {
		return nil, err
	}
	count, err := asn1.Marshal(max(l.Number, 1))
	extensions := []pkix.Extension{{Id: oidAuthorityKeyID, Value: authority}, {Id: oidCRLNumber, Value: count}}
	return append(extensions, l.Extensions...), err
}

// subject is the DER that Draft.tbs writes.
func (d *Draft) subject() ([]byte, error) {
	if len(d.Template.RawSubject) > 0 {
		return d.Template.RawSubject, nil
	}
	return asn1.Marshal(d.Template.Subject.ToRDNSequence())
}

// addTime follows RFC 5280, 5.1.2.4.
func addTime(b *cryptobyte.Builder, t time.Time) {
	if t = t.UTC(); t.Year() < 2050 {
		b.AddASN1UTCTime(t)
	} else {
		b.AddASN1GeneralizedTime(t)
	}
}

func addMarshalled(b *cryptobyte.Builder, value any) {
	der, err := asn1.Marshal(value)
	if err != nil {
		b.SetError(err)
		return
	}
	b.AddBytes(bytes.Clone(der))
}
