package pki

import (
	"crypto/x509"
	"fmt"
	"time"

	"golang.org/x/crypto/ocsp"
)

// Staple says of a certificate of the authority's whether it is revoked (RFC 6960), from one moment
// until another. It is signed by the issuer itself.
func (a *Authority) Staple(cert *x509.Certificate, revoked bool, from, until time.Time) ([]byte, error) {
	response := ocsp.Response{
		Status: ocsp.Good, SerialNumber: cert.SerialNumber, ThisUpdate: from.UTC(), NextUpdate: until.UTC(),
	}
	if revoked {
		response.Status, response.RevokedAt = ocsp.Revoked, from.UTC()
	}
	der, err := ocsp.CreateResponse(a.ca.Intermediate, a.ca.Intermediate, response, a.ca.Signer)
	if err != nil {
		return nil, fmt.Errorf("signing OCSP response: %w", err)
	}
	return der, nil
}
