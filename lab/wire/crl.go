package wire

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"slices"
	"time"
)

// revoked refuses a chain of which a certificate is revoked, or of which the
// lists cannot tell. Where no list was given nothing is checked; where one was,
// every certificate below the root must be covered by a list that is signed by
// its issuer, in date, and about all that this issuer issues (RFC 5280, 6.3.3).
// A list that cannot be used is no reason to go on as if there were none.
func revoked(chain []*x509.Certificate, lists []*x509.RevocationList, now time.Time) error {
	if len(lists) == 0 {
		return nil
	}
	for i, cert := range chain[:len(chain)-1] {
		covered := false
		for _, list := range lists {
			if !usable(list, chain[i+1], now) {
				continue
			}
			covered = true
			if slices.ContainsFunc(list.RevokedCertificateEntries, func(e x509.RevocationListEntry) bool {
				return e.SerialNumber.Cmp(cert.SerialNumber) == 0
			}) {
				return refuse(Revoked, "%q, serial %x, is on its issuer's revocation list", cert.Subject, cert.SerialNumber)
			}
		}
		if !covered {
			return refuse(RevocationUnknown, "no usable revocation list of %q", chain[i+1].Subject)
		}
	}
	return nil
}

func critical(e pkix.Extension) bool { return e.Critical }

// usable tells whether a list speaks for an issuer. A critical extension that is
// not understood, of the list or of an entry, narrows it to some of the
// certificates, or says something else that matters (RFC 5280, 5.2 and 5.3).
func usable(list *x509.RevocationList, issuer *x509.Certificate, now time.Time) bool {
	odd := slices.ContainsFunc(list.Extensions, critical) ||
		slices.ContainsFunc(list.RevokedCertificateEntries, func(e x509.RevocationListEntry) bool {
			return slices.ContainsFunc(e.Extensions, critical)
		})
	return !odd &&
		bytes.Equal(list.RawIssuer, issuer.RawSubject) &&
		!now.Before(list.ThisUpdate) && !now.After(list.NextUpdate) &&
		list.CheckSignatureFrom(issuer) == nil
}
