package wire

import (
	"crypto/x509"
	"fmt"
	"time"

	"golang.org/x/crypto/ocsp"
)

// checkStaple reads a server's staple, as far as that can be done without its issuer: a response that
// is none, or an error of the responder's, would be shown to every client for as long as it is there.
func checkStaple(staple []byte, chain []*x509.Certificate) error {
	if len(staple) == 0 {
		return nil
	}
	response, err := ocsp.ParseResponse(staple, nil)
	switch {
	case err != nil:
		return malformed(FileStaple, "no OCSP response that says anything: %w", err)
	case response.SerialNumber.Cmp(chain[0].SerialNumber) != 0:
		return &MaterialError{File: FileStaple, Err: fmt.Errorf("%w: it is about another certificate than that in %s",
			ErrUnexpected, FileChain)}
	}
	return nil
}

// stapled refuses a server whose staple says that it is revoked, or cannot be used, and one without any
// where one is demanded. A staple that cannot be used is no reason to go on as if there were none: who
// can take it away could as well have spoilt it.
func stapled(staple []byte, chains [][]*x509.Certificate, demanded bool, now time.Time) error {
	if len(staple) == 0 {
		if demanded {
			return refuse(RevocationUnknown, "the server shows no OCSP response, and one is demanded")
		}
		return nil
	}
	var first error
	for _, chain := range chains {
		err := vouched(staple, chain, now)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// vouched says what a staple says of a leaf, by its issuer or by whoever that has put in charge (RFC
// 6960, 4.2.2.2).
func vouched(staple []byte, chain []*x509.Certificate, now time.Time) error {
	const least = 2 // a leaf that is trusted itself has no issuer to ask
	if len(chain) < least {
		return refuse(RevocationUnknown, "an OCSP response about a certificate that nobody has issued")
	}
	response, err := ocsp.ParseResponseForCert(staple, chain[0], chain[1])
	switch {
	case err != nil:
		return refuse(RevocationUnknown, "an OCSP response that cannot be used: %v", err)
	case now.Before(response.ThisUpdate), response.NextUpdate.IsZero(), now.After(response.NextUpdate):
		return refuse(RevocationUnknown, "an OCSP response of %v to %v", response.ThisUpdate, response.NextUpdate)
	case response.Status == ocsp.Revoked:
		return refuse(Revoked, "%q, serial %x, is revoked, its OCSP response says", chain[0].Subject, chain[0].SerialNumber)
	case response.Status != ocsp.Good:
		return refuse(RevocationUnknown, "an OCSP response that does not know the certificate")
	}
	return nil
}
