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

var oidTLSFeature = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}

// strict refuses what crypto/x509 lets pass and a careful peer should not. It
// judges a chain that has been verified, leaf first and root last.
func strict(chain []*x509.Certificate, state tls.ConnectionState, usage x509.ExtKeyUsage) error {
	for _, cert := range chain {
		if err := strictCertificate(cert); err != nil {
			return err
		}
	}
	leaf := chain[0]
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
		return refuse(BadCertificate, "%q is of version %d, where version 3 is the one that says who may issue", cert.Subject, cert.Version)
	}
	if octets := len(cert.SerialNumber.Bytes()); cert.SerialNumber.Sign() <= 0 || octets > maxSerialOctets {
		return refuse(BadCertificate, "the serial number of %q is not a positive one of at most %d octets", cert.Subject, maxSerialOctets)
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
	if leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
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
		return refuse(BadName, "the certificate has neither a URI nor a DNS name, and a common name is no identity (RFC 9525, 2)")
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
