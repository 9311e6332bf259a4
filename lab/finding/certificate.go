package finding

import (
	"crypto/dsa" //nolint:staticcheck // adversaries send what is deprecated
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net"
	"strings"
	"time"
)

// Decode is what a certificate says, as far as crypto/x509 can parse it.
func Decode(der []byte) ([]Part, error) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	constraints := "none"
	if c.BasicConstraintsValid {
		constraints = fmt.Sprintf("authority: %t", c.IsCA)
		if c.MaxPathLen > 0 || c.MaxPathLenZero {
			constraints += fmt.Sprintf(", path length %d", c.MaxPathLen)
		}
	}
	facts := []Part{
		{Label: "subject", Text: nameOf(c.Subject)},
		{Label: "issuer", Text: nameOf(c.Issuer)},
		{Label: "names", Text: strings.Join(alternatives(c), ", ")},
		{
			Label: "valid",
			Text:  c.NotBefore.UTC().Format(time.DateTime) + " to " + c.NotAfter.UTC().Format(time.DateTime) + " UTC",
		},
		{Label: "key", Text: keyOf(c)},
		{Label: "key usage", Text: strings.Join(keyUsages(c.KeyUsage), ", ")},
		{Label: "extended usage", Text: strings.Join(extendedUsages(c), ", ")},
		{Label: "constraints", Text: constraints},
		{Label: "name constraints", Text: strings.Join(nameConstraints(c), ", ")},
		{Label: "signature", Text: c.SignatureAlgorithm.String()},
		{Label: "serial", Text: c.SerialNumber.Text(16)},
		{Label: "version", Text: fmt.Sprint(c.Version)},
		{Label: "critical, unknown", Text: oids(c.UnhandledCriticalExtensions)},
	}
	return facts, nil
}

func nameOf(name pkix.Name) string {
	if text := name.String(); text != "" {
		return text
	}
	return "empty"
}

// kinds of names by their tag in SubjectAltName (RFC 5280, 4.2.1.6), of which
// crypto/x509 tells only some.
var kinds = map[int]string{
	0: "other name",
	1: "email",
	2: "DNS",
	3: "X.400",
	4: "directory",
	5: "EDI",
	6: "URI",
	7: "IP",
	8: "OID",
}

// alternatives are the names of a certificate in their order.
func alternatives(c *x509.Certificate) (names []string) {
	for _, e := range c.Extensions {
		if !e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 17}) {
			continue
		}
		var all []asn1.RawValue
		if _, err := asn1.Unmarshal(e.Value, &all); err != nil {
			return append(names, "unreadable")
		}
		for _, one := range all {
			kind := kinds[one.Tag]
			switch {
			case one.Class != asn1.ClassContextSpecific:
				names = append(names, "of no kind")
			case one.Tag == 1 || one.Tag == 2 || one.Tag == 6:
				names = append(names, fmt.Sprintf("%s:%s", kind, one.Bytes))
			case one.Tag == 7 && (len(one.Bytes) == net.IPv4len || len(one.Bytes) == net.IPv6len):
				names = append(names, "IP:"+net.IP(one.Bytes).String())
			default:
				names = append(names, fmt.Sprintf("%s:%x", kind, one.Bytes))
			}
		}
	}
	return names
}

func keyOf(c *x509.Certificate) string {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA, %d bits, exponent %d", key.N.BitLen(), key.E)
	case *ecdsa.PublicKey:
		return "ECDSA, " + key.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	case *dsa.PublicKey:
		return fmt.Sprintf("DSA, %d bits", key.P.BitLen())
	default:
		return c.PublicKeyAlgorithm.String()
	}
}

// usages by the bit of KeyUsage (RFC 5280, 4.2.1.3).
var usages = []string{
	"digital signature", "content commitment", "key encipherment", "data encipherment", "key agreement",
	"certificate signing", "CRL signing", "encipher only", "decipher only",
}

func keyUsages(bits x509.KeyUsage) (all []string) {
	for i, usage := range usages {
		if bits&(1<<i) != 0 {
			all = append(all, usage)
		}
	}
	return all
}

var extended = map[x509.ExtKeyUsage]string{
	x509.ExtKeyUsageAny: "any", x509.ExtKeyUsageServerAuth: "server", x509.ExtKeyUsageClientAuth: "client",
	x509.ExtKeyUsageCodeSigning: "code signing", x509.ExtKeyUsageEmailProtection: "email",
	x509.ExtKeyUsageTimeStamping: "time stamping",
	x509.ExtKeyUsageOCSPSigning:  "OCSP signing",
}

func extendedUsages(c *x509.Certificate) (all []string) {
	for _, usage := range c.ExtKeyUsage {
		if name, ok := extended[usage]; ok {
			all = append(all, name)
		} else {
			all = append(all, fmt.Sprintf("number %d of crypto/x509", usage))
		}
	}
	for _, oid := range c.UnknownExtKeyUsage {
		all = append(all, oid.String())
	}
	return all
}

func nameConstraints(c *x509.Certificate) (all []string) {
	add := func(what, kind string, names []string) {
		for _, name := range names {
			if name == "" {
				name = "(all)"
			}
			all = append(all, what+" "+kind+":"+name)
		}
	}
	add("permitted", "DNS", c.PermittedDNSDomains)
	add("permitted", "URI", c.PermittedURIDomains)
	add("permitted", "email", c.PermittedEmailAddresses)
	add("permitted", "IP", networks(c.PermittedIPRanges))
	add("excluded", "DNS", c.ExcludedDNSDomains)
	add("excluded", "URI", c.ExcludedURIDomains)
	add("excluded", "email", c.ExcludedEmailAddresses)
	add("excluded", "IP", networks(c.ExcludedIPRanges))
	return all
}

func networks(all []*net.IPNet) (names []string) {
	for _, n := range all {
		names = append(names, n.String())
	}
	return names
}

func oids(all []asn1.ObjectIdentifier) string {
	var names []string
	for _, oid := range all {
		names = append(names, oid.String())
	}
	return strings.Join(names, ", ")
}
