package pki

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"time"
)

// crl is one revocation list to be.
type crl struct {
	issuer     *Draft
	signer     crypto.Signer // the issuer's key if nil
	revoked    []*Draft
	number     int64
	thisUpdate time.Time
	nextUpdate time.Time
	extensions []pkix.Extension
}

// Revoke has an authority of the chain publish a list with the drafts on it.
func (f *Forgery) Revoke(issuer *Draft, revoked ...*Draft) {
	f.lists = append(f.lists, f.list(issuer, revoked...))
}

// BadList has an authority publish that list and no good one. change gets the
// list's dates and extensions, and says who signs it.
func (f *Forgery) BadList(issuer *Draft, change func(*List)) {
	issuer.noList = true
	l := f.list(issuer)
	public := List{ThisUpdate: l.thisUpdate, NextUpdate: l.nextUpdate}
	change(&public)
	l.thisUpdate, l.nextUpdate = public.ThisUpdate, public.NextUpdate
	l.signer, l.extensions = public.Signer, public.Extensions
	f.lists = append(f.lists, l)
}

// List is what can be wrong with a revocation list (RFC 5280, 5.1 and 5.2).
type List struct {
	ThisUpdate, NextUpdate time.Time
	Signer                 crypto.Signer // nil: its issuer
	Extensions             []pkix.Extension
}

func (f *Forgery) list(issuer *Draft, revoked ...*Draft) crl {
	return crl{
		issuer: issuer, revoked: revoked, number: int64(len(f.lists)) + 2,
		thisUpdate: f.authority.ca.Root.NotBefore, nextUpdate: f.authority.ca.Root.NotAfter,
	}
}

// makeLists makes the lists asked for, and a good one for every authority that
// is this chain's alone and has none.
func (f *Forgery) makeLists() ([][]byte, error) {
	lists := f.lists
	for _, issuer := range f.issuers() {
		shared := issuer.Template == f.authority.ca.Root || issuer.Template == f.authority.ca.Intermediate
		if !shared && !issuer.noList {
			lists = append(lists, f.list(issuer))
		}
	}
	made := make([][]byte, len(lists))
	for i, l := range lists {
		var err error
		if made[i], err = l.make(); err != nil {
			return nil, err
		}
	}
	return made, nil
}

func (l crl) make() ([]byte, error) {
	template := &x509.RevocationList{
		Number: big.NewInt(l.number), ThisUpdate: l.thisUpdate, NextUpdate: l.nextUpdate, ExtraExtensions: l.extensions,
	}
	for _, d := range l.revoked {
		if _, err := d.make(); err != nil {
			return nil, err
		}
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries, x509.RevocationListEntry{
			SerialNumber: d.Template.SerialNumber, RevocationTime: l.thisUpdate, ReasonCode: 1, // keyCompromise
		})
	}
	if _, err := l.issuer.make(); err != nil {
		return nil, err
	}
	issuer := *l.issuer.Template
	issuer.KeyUsage |= x509.KeyUsageCRLSign // crypto/x509 makes no list for an issuer that may not
	signer := l.signer
	if signer == nil {
		signer = l.issuer.Key
	}
	return x509.CreateRevocationList(rand.Reader, template, &issuer, signer)
}

// CRLs are the authority's own revocation lists with nothing on them, its root's
// and its intermediate's, PEM.
func (a *Authority) CRLs() ([]byte, error) {
	f := &Forgery{authority: a}
	var lists [][]byte
	for _, issuer := range []*Draft{
		{Template: a.ca.Root, Key: a.ca.RootSigner, der: a.ca.Root.Raw},
		{Template: a.ca.Intermediate, Key: a.ca.Signer, der: a.ca.Intermediate.Raw},
	} {
		der, err := f.list(issuer).make()
		if err != nil {
			return nil, err
		}
		lists = append(lists, der)
	}
	return encodePEM("X509 CRL", lists), nil
}
