package pki

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
)

// Kinds of extension that mutations change or add (RFC 5280, 4.2.1 and 5.2; RFC
// 7633, 6).
var (
	OIDKeyUsage          = asn1.ObjectIdentifier{2, 5, 29, 15}
	OIDSubjectAltName    = asn1.ObjectIdentifier{2, 5, 29, 17}
	OIDBasicConstraints  = asn1.ObjectIdentifier{2, 5, 29, 19}
	OIDDeltaCRL          = asn1.ObjectIdentifier{2, 5, 29, 27}
	OIDDistribution      = asn1.ObjectIdentifier{2, 5, 29, 28} // issuingDistributionPoint, of a list
	OIDNameConstraints   = asn1.ObjectIdentifier{2, 5, 29, 30}
	OIDDistributionPoint = asn1.ObjectIdentifier{2, 5, 29, 31} // cRLDistributionPoints, of a certificate
	OIDPolicies          = asn1.ObjectIdentifier{2, 5, 29, 32}
	OIDPolicyMappings    = asn1.ObjectIdentifier{2, 5, 29, 33}
	OIDPolicyConstraints = asn1.ObjectIdentifier{2, 5, 29, 36}
	OIDExtKeyUsage       = asn1.ObjectIdentifier{2, 5, 29, 37}
	OIDTLSFeature        = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}
)

// GeneralName is one name of a certificate, DER (RFC 5280, 4.2.1.6). Nothing is
// checked: what no authority should sign can be said.
type GeneralName []byte

// DNSName is a dNSName.
func DNSName(name string) GeneralName { return primitive(2, name) }

// EmailName is an rfc822Name.
func EmailName(name string) GeneralName { return primitive(1, name) }

// URIName is a uniformResourceIdentifier.
func URIName(name string) GeneralName { return primitive(6, name) }

// IPName is an iPAddress of any length.
func IPName(octets ...byte) GeneralName { return primitive(7, string(octets)) }

// DirectoryName is a directoryName.
func DirectoryName(name pkix.Name) GeneralName {
	return Element(asn1.ClassContextSpecific, 4, true, Marshal(name.ToRDNSequence()))
}

// OtherName is an otherName that holds a string in UTF-8.
func OtherName(kind asn1.ObjectIdentifier, value string) GeneralName {
	text := Element(asn1.ClassUniversal, asn1.TagUTF8String, false, []byte(value))
	return Element(asn1.ClassContextSpecific, 0, true,
		Marshal(kind), Element(asn1.ClassContextSpecific, 0, true, text))
}

func primitive(tag int, value string) GeneralName {
	return Element(asn1.ClassContextSpecific, tag, false, []byte(value))
}

// SubjectAltName is an extension of those names, in that order.
func SubjectAltName(names ...GeneralName) pkix.Extension {
	return pkix.Extension{Id: OIDSubjectAltName, Value: sequence(names)}
}

// NameConstraints is a critical extension of those subtrees, in which a name
// stands for all below it (RFC 5280, 4.2.1.10).
func NameConstraints(permitted, excluded []GeneralName) pkix.Extension {
	var parts [][]byte
	for tag, names := range [][]GeneralName{permitted, excluded} {
		if len(names) == 0 {
			continue
		}
		var subtrees [][]byte
		for _, name := range names {
			subtrees = append(subtrees, sequence([]GeneralName{name}))
		}
		parts = append(parts, Element(asn1.ClassContextSpecific, tag, true, subtrees...))
	}
	return pkix.Extension{Id: OIDNameConstraints, Critical: true, Value: sequence(parts)}
}

// Element is a value in DER, made of the parts one after another.
func Element[T ~[]byte](class, tag int, constructed bool, parts ...T) []byte {
	var content []byte
	for _, part := range parts {
		content = append(content, part...)
	}
	return Marshal(asn1.RawValue{Class: class, Tag: tag, IsCompound: constructed, Bytes: content})
}

func sequence[T ~[]byte](parts []T) []byte {
	return Element(asn1.ClassUniversal, asn1.TagSequence, true, parts...)
}

// Sequence is a SEQUENCE of what is given in DER.
func Sequence(parts ...[]byte) []byte { return sequence(slices.Clone(parts)) }

// Marshal is [asn1.Marshal] of what it cannot refuse; of anything else it is
// nothing.
func Marshal(value any) []byte {
	der, err := asn1.Marshal(value)
	if err != nil {
		return nil
	}
	return der
}
