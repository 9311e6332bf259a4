package cases

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

const (
	anyUse = "A certificate that was given out for something else opens this as well."
	tooFew = "A good peer is turned away."
)

var wrongUse = []wire.Reason{wire.WrongUsage}

func usageCase(id, row, summary, meaning string, rules map[Profile]Rule, reasons []wire.Reason, mutation func(wire.Role) pki.Mutation) Case {
	return Case{
		ID: "usage/" + id, Row: row, Roles: asBoth, Summary: summary, Meaning: meaning,
		Reasons: reasons, Rules: rules, Mutation: mutation,
	}
}

// usageCases are of what a certificate says that it is for.
func usageCases() []Case {
	return append(append(extended(), keyUsage()...), authorities()...)
}

// extKeyUsage replaces the leaf's.
func extKeyUsage(usages ...x509.ExtKeyUsage) func(wire.Role) pki.Mutation {
	return leaf(func(c *x509.Certificate) { c.ExtKeyUsage = usages })
}

// issuerUsage gives the intermediate an extended key usage.
func issuerUsage(of func(wire.Role) x509.ExtKeyUsage) func(wire.Role) pki.Mutation {
	return func(role wire.Role) pki.Mutation {
		return pki.Issuer(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{of(role)} })
	}
}

func extended() []Case {
	const cite = "RFC 5280, 4.2.1.12"
	must, ok := alike(MustRefuse, cite), alike(MustAccept, cite)
	open := rules(either(cite), either("X509-SVID, 4.4"), refuse("policy: a certificate names the role that it is for"))
	nested := strictOnly("RFC 5280, 4.2.1.12", "policy: an authority's extended key usage bounds what it issues, as in crypto/x509, OpenSSL and NSS")
	emailOnly := func(wire.Role) x509.ExtKeyUsage { return x509.ExtKeyUsageEmailProtection }
	return []Case{
		usageCase("other-role", "D01", "presents a certificate for the other side's role", anyUse, must, wrongUse,
			func(role wire.Role) pki.Mutation {
				return pki.Leaf(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{usageOf(role.Other())} })
			}),
		usageCase("email-protection", "D02", "presents a certificate for e-mail", anyUse, must, wrongUse, extKeyUsage(x509.ExtKeyUsageEmailProtection)),
		usageCase("code-signing", "D02", "presents a certificate for signing code", anyUse, must, wrongUse, extKeyUsage(x509.ExtKeyUsageCodeSigning)),
		usageCase("unknown", "D03", "presents a certificate for a purpose that nobody knows", anyUse, must, wrongUse,
			leaf(func(c *x509.Certificate) {
				c.ExtKeyUsage, c.UnknownExtKeyUsage = nil, []asn1.ObjectIdentifier{{2, 999, 2}}
			})),
		usageCase("none-listed", "D03", "presents a certificate that lists what it is for, and lists nothing", anyUse, must,
			[]wire.Reason{wire.WrongUsage, wire.BadCertificate},
			same(pki.LeafDER(func(t *pki.TBS) { t.Extension(pki.OIDExtKeyUsage).Value = pki.Sequence() }))),
		usageCase("no-eku", "D04", "presents a certificate that does not say what it is for", anyUse, open, wrongUse, extKeyUsage()),
		usageCase("any-eku", "D05", "presents a certificate for any purpose", anyUse, open, wrongUse, extKeyUsage(x509.ExtKeyUsageAny)),
		usageCase("both-roles", "D01", "presents a certificate for both roles", tooFew, ok, wrongUse, extKeyUsage(x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)),
		usageCase("critical-eku", "D01", "presents a certificate whose extended key usage is critical", tooFew, ok, []wire.Reason{wire.CriticalExtension},
			same(pki.LeafDER(func(t *pki.TBS) { t.Extension(pki.OIDExtKeyUsage).Critical = true }))),
		usageCase("issuer-for-other-role", "D06", "has an intermediate for the other side's role", anyUse, nested, wrongUse,
			issuerUsage(func(role wire.Role) x509.ExtKeyUsage { return usageOf(role.Other()) })),
		usageCase("issuer-for-email", "D06", "has an intermediate for e-mail", anyUse, nested, wrongUse, issuerUsage(emailOnly)),
		usageCase("issuer-for-role", "D06", "has an intermediate for its own role", tooFew, alike(MustAccept, cite), wrongUse, issuerUsage(usageOf)),
		usageCase("root-for-email", "D06", "has a trusted root for e-mail", anyUse, nested, wrongUse,
			same(pki.Anchor(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection} }))),
	}
}

func keyUsage() []Case {
	signs := rules(refuse("RFC 5280, 4.2.1.3"), refuse("X509-SVID, 4.3"), refuse("RFC 5280, 4.2.1.3"))
	only := func(usage x509.KeyUsage) func(wire.Role) pki.Mutation {
		return leaf(func(c *x509.Certificate) { c.KeyUsage = usage })
	}
	all := []Case{
		usageCase("key-encipherment-only", "D07", "presents a certificate whose key may encrypt keys, and sign nothing", anyUse, signs, wrongUse, only(x509.KeyUsageKeyEncipherment)),
		usageCase("key-agreement-only", "D08", "presents a certificate whose key may agree on keys, and sign nothing", anyUse, signs, wrongUse, only(x509.KeyUsageKeyAgreement)),
		usageCase("content-commitment-only", "D07", "presents a certificate whose key may sign documents, and authenticate nobody", anyUse, signs, wrongUse, only(x509.KeyUsageContentCommitment)),
		usageCase("no-bit-set", "D07", "presents a certificate that says what its key may do, and says nothing", anyUse, signs,
			[]wire.Reason{wire.WrongUsage, wire.BadCertificate},
			same(pki.LeafDER(func(t *pki.TBS) { t.Extension(pki.OIDKeyUsage).Value = pki.Marshal(asn1.BitString{}) }))),
		usageCase("no-key-usage", "D07", "presents a certificate that does not say what its key may do", tooFew,
			rules(accept("RFC 5280, 4.2.1.3"), either("X509-SVID, 4.3"), either("RFC 5280, 4.2.1.3")), wrongUse,
			same(pki.LeafDER(func(t *pki.TBS) { t.Drop(pki.OIDKeyUsage) }))),
		usageCase("more-than-signing", "D07", "presents a certificate whose key may sign, and encrypt keys too", tooFew, alike(MustAccept, "RFC 5280, 4.2.1.3"), wrongUse,
			only(x509.KeyUsageDigitalSignature|x509.KeyUsageKeyEncipherment)),
		usageCase("key-usage-not-critical", "D07", "presents a certificate whose key usage is not critical", tooFew, alike(MustAccept, "RFC 5280, 4.2.1.3"), wrongUse,
			same(pki.LeafDER(func(t *pki.TBS) { t.Extension(pki.OIDKeyUsage).Critical = false }))),
	}
	for i := range all {
		all[i].ByVersion = true
	}
	return all
}

// basicConstraints is the extension, critical, with no path length.
func basicConstraints(ca bool) pkix.Extension {
	value := struct {
		IsCA bool `asn1:"optional"`
	}{ca}
	return pkix.Extension{Id: pki.OIDBasicConstraints, Critical: true, Value: pki.Marshal(value)}
}

func authorities() []Case {
	const makes = "Whoever holds this certificate can be a peer, and make more of them."
	asCA := []wire.Reason{wire.AuthorityAsPeer}
	svid := func(left string) map[Profile]Rule {
		return rules(either(left), refuse("X509-SVID, 5.2"), refuse("policy: a peer is no authority"))
	}
	staple := Case{
		ID: "usage/must-staple", Row: "D10", Roles: asServer, Reasons: []wire.Reason{wire.RevocationUnknown, wire.BadCertificate},
		Summary: "presents a certificate that promises a stapled status, and staples none",
		Meaning: "Whoever has a certificate that was revoked need only leave the status out.",
		Rules:   strictOnly("RFC 7633, 4.2.3.1", "RFC 7633, 4.3.3"),
		Mutation: same(pki.LeafExtension(pkix.Extension{
			Id: pki.OIDTLSFeature, Value: pki.Sequence(pki.Marshal(5)), // status_request (RFC 6066, 8)
		})),
	}
	return []Case{
		usageCase("authority", "D09", "presents a certificate that may issue others", makes,
			svid("RFC 5280, 4.2.1.9"), asCA,
			leaf(func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, c.KeyUsage|x509.KeyUsageCertSign })),
		usageCase("ca-without-cert-sign", "D09", "presents a certificate of a CA whose key may not sign certificates", makes,
			svid("RFC 5280, 4.2.1.9"), asCA,
			leaf(func(c *x509.Certificate) { c.IsCA = true })),
		usageCase("cert-sign-without-ca", "D09", "presents a certificate whose key may sign certificates, of no CA", makes,
			svid("RFC 5280, 4.2.1.9"), asCA,
			leaf(func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCertSign })),
		usageCase("crl-sign", "D09", "presents a certificate whose key may sign revocation lists", "Whoever holds this certificate can take back others.",
			svid("RFC 5280, 4.2.1.3"), asCA,
			leaf(func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCRLSign })),
		usageCase("no-basic-constraints", "D09", "presents a certificate that does not say whether it is a CA", tooFew,
			rules(accept("RFC 5280, 4.2.1.9"), either("X509-SVID, 4.1"), accept("RFC 5280, 4.2.1.9")), asCA,
			same(pki.LeafDER(func(t *pki.TBS) { t.Drop(pki.OIDBasicConstraints) }))),
		staple,
	}
}
