package wire

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"strings"
)

// minRSABits is the smallest RSA modulus taken, and minRSAExponent the smallest
// public exponent (NIST SP 800-131A and FIPS 186-5, A.1.1).
const (
	minRSABits     = 2048
	minRSAExponent = 65537
)

// maxSerialOctets bounds a serial number (RFC 5280, 4.1.2.2).
const maxSerialOctets = 20

var (
	oidTLSFeature      = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}
	oidKeyUsage        = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidNameConstraints = asn1.ObjectIdentifier{2, 5, 29, 30}
)

// strict refuses what crypto/x509 lets pass and a careful peer should not. It
// judges a chain that has been verified, leaf first and root last.
func strict(chain []*x509.Certificate, state tls.ConnectionState, usage x509.ExtKeyUsage) error {
	for _, cert := range chain {
		if err := strictCertificate(cert); err != nil {
			return err
		}
	}
	leaf := chain[0]
	for _, authority := range chain[1:] {
		if err := strictConstraints(authority, leaf); err != nil {
			return err
		}
	}
	if err := strictLeaf(leaf, usage); err != nil {
		return err
	}
	if err := strictNames(leaf, usage); err != nil {
		return err
	}
	if usage == x509.ExtKeyUsageServerAuth && mustStaple(leaf) && len(state.OCSPResponse) == 0 {
		return refuse(RevocationUnknown, "the certificate demands a stapled OCSP response, and none came (RFC 7633, 4.2.3)")
	}
	return nil
}

// strictCertificate holds for every certificate of a chain.
func strictCertificate(cert *x509.Certificate) error {
	if cert.Version != 3 {
		return refuse(
			BadCertificate,
			"%q is of version %d, where version 3 is the one that says who may issue",
			cert.Subject,
			cert.Version,
		)
	}
	if octets := len(cert.SerialNumber.Bytes()); cert.SerialNumber.Sign() <= 0 || octets > maxSerialOctets {
		return refuse(
			BadCertificate,
			"the serial number of %q is not a positive one of at most %d octets",
			cert.Subject,
			maxSerialOctets,
		)
	}
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < minRSABits || key.E < minRSAExponent {
			return refuse(WeakKey, "%q has an RSA key of %d bits and exponent %d", cert.Subject, key.N.BitLen(), key.E)
		}
	case *ecdsa.PublicKey:
		if !slices.Contains([]elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()}, key.Curve) {
			return refuse(WeakKey, "%q has a key on a curve that TLS 1.3 does not know", cert.Subject)
		}
	}
	return nil
}

// strictConstraints refuses what crypto/x509 passes over in the name constraints
// of an authority (RFC 5280, 4.2.1.10): constraints that are not critical, of
// kinds that it does not know, and mail at hosts below the one that is permitted.
func strictConstraints(authority, leaf *x509.Certificate) error {
	for _, e := range authority.Extensions {
		if e.Id.Equal(oidNameConstraints) && !e.Critical {
			return refuse(NameConstraint, "%q has name constraints that are not critical", authority.Subject)
		}
	}
	if len(authority.PermittedEmailAddresses) == 0 {
		return nil
	}
	for _, address := range leaf.EmailAddresses {
		if !slices.ContainsFunc(
			authority.PermittedEmailAddresses,
			func(permitted string) bool { return mailWithin(address, permitted) },
		) {
			return refuse(NameConstraint, "%q may not issue for %q", authority.Subject, address)
		}
	}
	return nil
}

// mailWithin compares an address with a constraint: a mailbox, a host, or, with
// a dot before it, all hosts below a domain. Hosts have no case, mailboxes do.
func mailWithin(address, permitted string) bool {
	at := strings.LastIndexByte(address, '@')
	host := strings.ToLower(address[at+1:])
	switch {
	case strings.Contains(permitted, "@"):
		box := strings.LastIndexByte(permitted, '@')
		return address[:max(at, 0)] == permitted[:box] && host == strings.ToLower(permitted[box+1:])
	case strings.HasPrefix(permitted, "."):
		return strings.HasSuffix(host, strings.ToLower(permitted))
	default:
		return host == strings.ToLower(permitted)
	}
}

// strictLeaf holds a leaf to its role. crypto/x509 takes a certificate with no
// extended key usage, or with any, for every role, and does not look at the key
// usage of a leaf at all.
func strictLeaf(leaf *x509.Certificate, usage x509.ExtKeyUsage) error {
	if leaf.IsCA || leaf.KeyUsage&(x509.KeyUsageCertSign|x509.KeyUsageCRLSign) != 0 {
		return refuse(AuthorityAsPeer, "the certificate may issue others; a peer's may not (X509-SVID, 5.2)")
	}
	if !slices.Contains(leaf.ExtKeyUsage, usage) {
		return refuse(WrongUsage, "the extended key usage does not name the role (RFC 5280, 4.2.1.12)")
	}
	return strictKeyUsage(leaf)
}

// strictKeyUsage reads the extension again: crypto/x509 does not tell one that
// allows nothing from none at all, and does not mind what comes after it.
func strictKeyUsage(leaf *x509.Certificate) error {
	i := slices.IndexFunc(leaf.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oidKeyUsage) })
	if i < 0 {
		return nil
	}
	var bits asn1.BitString
	if rest, err := asn1.Unmarshal(leaf.Extensions[i].Value, &bits); err != nil || len(rest) > 0 {
		return refuse(BadCertificate, "the key usage is not one bit string (RFC 5280, 4.2.1.3)")
	}
	if leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return refuse(WrongUsage, "the key usage does not allow digital signatures (RFC 8446, 4.4.2.2)")
	}
	return nil
}

// strictNames refuses names that no authority should have signed.
func strictNames(leaf *x509.Certificate, usage x509.ExtKeyUsage) error {
	uris, err := uriNames(leaf)
	if err != nil {
		return refuse(BadName, "the subject alternative name cannot be read: %w", err)
	}
	if usage == x509.ExtKeyUsageClientAuth && len(uris)+len(leaf.DNSNames) == 0 {
		return refuse(
			BadName,
			"the certificate has neither a URI nor a DNS name, and a common name is no identity (RFC 9525, 2)",
		)
	}
	for _, uri := range uris {
		if !strings.HasPrefix(strings.ToLower(uri), spiffeScheme) {
			continue
		}
		if len(uris) > 1 {
			return refuse(BadName, "a SPIFFE ID beside another URI (X509-SVID, 2)")
		}
		if err := checkSPIFFE(uri); err != nil {
			return refuse(BadName, "%q: %w (SPIFFE-ID, 2)", uri, err)
		}
	}
	for _, name := range leaf.DNSNames {
		if err := checkDNS(name); err != nil {
			return refuse(BadName, "%q: %w", name, err)
		}
	}
	return nil
}

func mustStaple(leaf *x509.Certificate) bool {
	return slices.ContainsFunc(leaf.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oidTLSFeature) })
}
