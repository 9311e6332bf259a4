package broken

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// faults can be either side's, but for those that say whose they are.
var faults = map[string]Fault{
	"accepts-any": {replace: func(Peer) Verification {
		return func(tls.ConnectionState) error { return nil }
	}},
	"skips-chain": {
		trust: func(_, chain []*x509.Certificate) []*x509.Certificate { return chain[:min(1, len(chain))] },
	},
	"trusts-presented-roots": {trust: withPresentedRoots},
	"trusts-presented-issuers": {trust: func(trusted, chain []*x509.Certificate) []*x509.Certificate {
		return slices.Concat(trusted, chain[min(1, len(chain)):])
	}},

	"trusts-first-root": {trust: func(trusted, _ []*x509.Certificate) []*x509.Certificate { return trusted[:1] }},
	"names-from-chain":  {replace: namesFromChain},

	"ignores-dates":         {doctor: timeless},
	"checks-dates-of-leaf":  {doctor: func(c *certificate) { unless(c.leaf, c, timeless) }},
	"ignores-usage":         {doctor: func(c *certificate) { unless(!c.leaf, c, usable) }},
	"ignores-issuer-usage":  {doctor: func(c *certificate) { unless(c.leaf, c, anyUsage) }},
	"ignores-constraints":   {doctor: unconstrained},
	"ignores-path-length":   {doctor: func(c *certificate) { c.MaxPathLen, c.MaxPathLenZero = -1, false }},
	"ignores-authority-bit": {doctor: func(c *certificate) { unless(c.leaf, c, mayIssue) }},
	"ignores-critical":      {doctor: func(c *certificate) { c.UnhandledCriticalExtensions = nil }},
	"takes-authorities":     {doctor: func(c *certificate) { unless(!c.leaf, c, mayNotIssue) }},

	"ignores-crl":           {settle: func(p *Peer) { p.Creds = withCRLs(p.Creds, nil) }},
	"ignores-crl-signature": {replace: ignoresCRLSignature},
	"takes-stale-crl":       {settle: func(p *Peer) { p.Creds = withCRLs(p.Creds, lasting(p.Creds.CRLs)) }},

	// of a server
	"ignores-allow-list": {settle: func(p *Peer) { p.Policy.Allow = nil }},
	"admits-prefix":      {forgive: admits(strings.HasPrefix)},
	"admits-any-case":    {forgive: admits(strings.EqualFold)},
	"admits-common-name": {doctor: namedByCommonName},

	// of a client
	"skips-names":    {forgive: whereHost(func(*x509.Certificate, string) bool { return true })},
	"matches-prefix": {forgive: whereHost(matches(strings.HasPrefix))},
	"matches-suffix": {forgive: whereHost(matches(strings.HasSuffix))},
	"matches-common-name": {
		forgive: whereHost(func(leaf *x509.Certificate, host string) bool { return leaf.Subject.CommonName == host }),
	},
	"matches-wildcards": {replace: matchesWildcards},
}

func unless(unless bool, c *certificate, f func(*certificate)) {
	if !unless {
		f(c)
	}
}

func withPresentedRoots(trusted, chain []*x509.Certificate) []*x509.Certificate {
	all := slices.Clone(trusted)
	for _, cert := range chain {
		if string(cert.RawSubject) == string(cert.RawIssuer) {
			all = append(all, cert)
		}
	}
	return all
}

func timeless(c *certificate) {
	c.NotBefore, c.NotAfter = time.Unix(0, 0), time.Unix(1<<40, 0)
}

func usable(c *certificate) {
	usage := x509.ExtKeyUsageServerAuth
	if c.role == wire.Client {
		usage = x509.ExtKeyUsageClientAuth
	}
	c.ExtKeyUsage = append(slices.Clone(c.ExtKeyUsage), usage)
}

func anyUsage(c *certificate) { c.ExtKeyUsage, c.UnknownExtKeyUsage = nil, nil }

var oidNameConstraints = asn1.ObjectIdentifier{2, 5, 29, 30}

func unconstrained(c *certificate) {
	c.PermittedDNSDomains, c.ExcludedDNSDomains = nil, nil
	c.PermittedIPRanges, c.ExcludedIPRanges = nil, nil
	c.PermittedEmailAddresses, c.ExcludedEmailAddresses = nil, nil
	c.PermittedURIDomains, c.ExcludedURIDomains = nil, nil
	c.UnhandledCriticalExtensions = slices.DeleteFunc(
		slices.Clone(c.UnhandledCriticalExtensions),
		oidNameConstraints.Equal,
	)
}

func mayIssue(c *certificate) {
	c.Version, c.BasicConstraintsValid, c.IsCA = 3, true, true
	c.KeyUsage |= x509.KeyUsageCertSign
	if c.MaxPathLen == 0 && !c.MaxPathLenZero {
		c.MaxPathLen = -1
	}
}

func mayNotIssue(c *certificate) {
	const issues = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	if !c.IsCA && c.KeyUsage&issues == 0 {
		return
	}
	c.IsCA = false
	c.KeyUsage = c.KeyUsage&^issues | x509.KeyUsageDigitalSignature
}

func withCRLs(creds *wire.Credentials, lists []*x509.RevocationList) *wire.Credentials {
	changed := *creds
	changed.CRLs = lists
	return &changed
}

func lasting(lists []*x509.RevocationList) (all []*x509.RevocationList) {
	for _, list := range lists {
		doctored := *list
		doctored.ThisUpdate, doctored.NextUpdate = time.Unix(0, 0), time.Unix(1<<40, 0)
		all = append(all, &doctored)
	}
	return all
}

var oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}

// namedByCommonName makes the common name of a leaf its only one, as a URI.
func namedByCommonName(c *certificate) {
	name := c.Subject.CommonName
	if !c.leaf || !strings.Contains(name, "://") {
		return
	}
	const tagURI = 6
	value, err := asn1.Marshal([]asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: tagURI, Bytes: []byte(name)}})
	if err != nil {
		return
	}
	c.DNSNames, c.URIs = nil, nil
	c.Extensions = append(
		slices.DeleteFunc(slices.Clone(c.Extensions), func(e pkix.Extension) bool { return e.Id.Equal(oidSubjectAltName) }),
		pkix.Extension{Id: oidSubjectAltName, Value: value},
	)
}
