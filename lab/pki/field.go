package pki

import (
	"crypto/x509"
	"slices"
)

// Field is where one who verifies a certificate looks for whose it is.
type Field string

// The fields.
const (
	URI        Field = "uri"   // a SPIFFE ID among the alternative names (RFC 5280, 4.2.1.6)
	DNS        Field = "dns"   // a DNS name there
	Email      Field = "email" // an e-mail address there
	CommonName Field = "cn"    // the last of the subject's common names (RFC 5280, 4.1.2.6)
	Subject    Field = "dn"    // the whole subject, as RFC 4514 writes it
)

// Fields lists them.
func Fields() []Field { return []Field{URI, DNS, Email, CommonName, Subject} }

// Of is what stands in the field for a name of a lab: "client" is spiffe://lab/client,
// client.lab.test, client@lab.test, client, or OU=client,O=mtlslab.
func (f Field) Of(name string) string {
	switch f {
	case DNS:
		return name + "." + fieldDomain
	case Email:
		return name + "@" + fieldDomain
	case CommonName:
		return name
	case Subject:
		return "OU=" + name + ",O=" + defaultName
	case URI:
	}
	return "spiffe://" + defaultTrustDomain + "/" + name
}

// fieldDomain is one that nobody has (RFC 6761, 6.2).
const fieldDomain = "lab.test"

// put has a certificate say in the field whose it is. Its URI and its subject's unit say so
// in any case.
func (f Field) put(name string, cert *x509.Certificate) {
	switch f {
	case DNS:
		cert.DNSNames = append(slices.Clone(cert.DNSNames), f.Of(name))
	case Email:
		cert.EmailAddresses = append(slices.Clone(cert.EmailAddresses), f.Of(name))
	case CommonName:
		cert.Subject.CommonName = name
	case URI, Subject:
	}
}

// Shown is what of the field's text is found in a certificate that has it, byte for byte.
func (f Field) Shown(name string) string {
	if f == Subject {
		return name
	}
	return f.Of(name)
}
