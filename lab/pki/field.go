package pki

import (
	"crypto/x509"
	"slices"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// put has a certificate say in a field whose it is. Its URI and its subject's unit say so in
// any case.
func put(name string, field wire.Field, cert *x509.Certificate) {
	switch field {
	case wire.FieldDNS:
		cert.DNSNames = append(slices.Clone(cert.DNSNames), field.Of(name))
	case wire.FieldEmail:
		cert.EmailAddresses = append(slices.Clone(cert.EmailAddresses), field.Of(name))
	case wire.FieldName:
		cert.Subject.CommonName = name
	case wire.FieldURI, wire.FieldSubject:
	}
}
