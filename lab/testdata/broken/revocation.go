package broken

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"slices"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// ignoresCRLSignature believes any list that has an issuer's name on it.
func ignoresCRLSignature(p Peer) Verification {
	lists := p.Creds.CRLs
	p.Creds = withCRLs(p.Creds, nil)
	honest := p.honest()
	return func(state tls.ConnectionState) error {
		if err := honest(state); err != nil || len(lists) == 0 {
			return err
		}
		leaf := state.PeerCertificates[0]
		intermediates := x509.NewCertPool()
		for _, cert := range state.PeerCertificates[1:] {
			intermediates.AddCert(cert)
		}
		chains, err := leaf.Verify(x509.VerifyOptions{
			Roots: p.Creds.Roots, Intermediates: intermediates, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
		})
		for _, chain := range chains {
			if err = revoked(chain, lists); err == nil {
				return nil
			}
		}
		return err
	}
}

func revoked(chain []*x509.Certificate, lists []*x509.RevocationList) error {
	now := time.Now()
	for i, cert := range chain[:len(chain)-1] {
		covered := false
		for _, list := range lists {
			if isOdd(list) || !bytes.Equal(list.RawIssuer, chain[i+1].RawSubject) || now.Before(list.ThisUpdate) ||
				now.After(list.NextUpdate) {
				continue
			}
			covered = true
			for _, entry := range list.RevokedCertificateEntries {
				if entry.SerialNumber.Cmp(cert.SerialNumber) == 0 {
					return refusal(wire.Revoked, "%q is revoked", cert.Subject)
				}
			}
		}
		if !covered {
			return refusal(wire.RevocationUnknown, "no list of %q", chain[i+1].Subject)
		}
	}
	return nil
}

func isCritical(e pkix.Extension) bool { return e.Critical }

func isOdd(list *x509.RevocationList) bool {
	return slices.ContainsFunc(list.Extensions, isCritical) ||
		slices.ContainsFunc(list.RevokedCertificateEntries, func(e x509.RevocationListEntry) bool {
			return slices.ContainsFunc(e.Extensions, isCritical)
		})
}
