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

func usageCase(c Case) Case {
	c.ID, c.Roles = "usage/"+c.ID, asBoth
	return c
}

// usageCases are of what a certificate says that it is for.
func usageCases() []Case {
	return by(Authority, append(append(extended(), keyUsage()...), authorities()...))
}

// extKeyUsage replaces the leaf's.
func extKeyUsage(usages ...x509.ExtKeyUsage) func(pki.Request) pki.Mutation {
	return leaf(func(c *x509.Certificate) { c.ExtKeyUsage = usages })
}

// issuerUsage gives the intermediate an extended key usage.
func issuerUsage(of func(wire.Role) x509.ExtKeyUsage) func(pki.Request) pki.Mutation {
	return func(good pki.Request) pki.Mutation {
		return pki.Issuer(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{of(good.Role)} })
	}
}

func extended() []Case {
	const cite = "RFC 5280, 4.2.1.12"
	must, ok := alike(MustRefuse, cite), alike(MustAccept, cite)
	open := rules(either(cite), either("X509-SVID, 4.4"), refuse("policy: a certificate names the role that it is for"))
	nested := strictOnly(
		"RFC 5280, 4.2.1.12",
		"policy: an authority's extended key usage bounds what it issues, as in crypto/x509, OpenSSL and NSS",
	)
	emailOnly := func(wire.Role) x509.ExtKeyUsage { return x509.ExtKeyUsageEmailProtection }
	return []Case{
		usageCase(Case{
			ID: "other-role", Attacker: Insider, Summary: "presents a certificate for the other side's role",
			Meaning: anyUse, Rules: must, Reasons: wrongUse,
			Mutation: func(good pki.Request) pki.Mutation {
				return pki.Leaf(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{usageOf(good.Role.Other())} })
			},
		}),
		usageCase(Case{
			ID: "email-protection", Attacker: Insider, Summary: "presents a certificate for e-mail",
			Meaning: anyUse, Rules: must, Reasons: wrongUse,
			Mutation: extKeyUsage(x509.ExtKeyUsageEmailProtection),
		}),
		usageCase(Case{
			ID: "code-signing", Attacker: Insider, Summary: "presents a certificate for signing code",
			Meaning: anyUse, Rules: must, Reasons: wrongUse,
			Mutation: extKeyUsage(x509.ExtKeyUsageCodeSigning),
		}),
		usageCase(Case{
			ID: "unknown", Attacker: Insider, Summary: "presents a certificate for a purpose that nobody knows",
			Meaning: anyUse, Rules: must, Reasons: wrongUse,
			Mutation: leaf(func(c *x509.Certificate) {
				c.ExtKeyUsage, c.UnknownExtKeyUsage = nil, []asn1.ObjectIdentifier{{2, 999, 2}}
			}),
		}),
		usageCase(Case{
			ID: "none-listed", Summary: "presents a certificate that lists what it is for, and lists nothing",
			Meaning: anyUse, Rules: must, Reasons: []wire.Reason{wire.WrongUsage, wire.BadCertificate},
			Mutation: same(pki.LeafDER(func(t *pki.TBS) { t.Extension(pki.OIDExtKeyUsage).Value = pki.Sequence() })),
		}),
		usageCase(Case{
			ID: "no-eku", Attacker: Insider, Summary: "presents a certificate that does not say what it is for",
			Meaning: anyUse, Rules: open, Reasons: wrongUse,
			Mutation: extKeyUsage(),
		}),
		usageCase(Case{
			ID: "any-eku", Attacker: Insider, Summary: "presents a certificate for any purpose",
			Meaning: anyUse, Rules: open, Reasons: wrongUse,
			Mutation: extKeyUsage(x509.ExtKeyUsageAny),
		}),
		usageCase(Case{
			ID: "both-roles", Summary: "presents a certificate for both roles",
			Meaning: tooFew, Rules: ok, Reasons: wrongUse,
			Mutation: extKeyUsage(x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth),
		}),
		usageCase(Case{
			ID: "critical-eku", Summary: "presents a certificate whose extended key usage is critical",
			Meaning: tooFew, Rules: ok, Reasons: []wire.Reason{wire.CriticalExtension},
			Mutation: same(pki.LeafDER(func(t *pki.TBS) { t.Extension(pki.OIDExtKeyUsage).Critical = true })),
		}),
		usageCase(Case{
			ID: "issuer-for-other-role", Summary: "has an intermediate for the other side's role",
			Meaning: anyUse, Rules: nested, Reasons: wrongUse,
			Mutation: issuerUsage(func(role wire.Role) x509.ExtKeyUsage { return usageOf(role.Other()) }),
		}),
		usageCase(Case{
			ID: "issuer-for-email", Summary: "has an intermediate for e-mail",
			Meaning: anyUse, Rules: nested, Reasons: wrongUse,
			Mutation: issuerUsage(emailOnly),
		}),
		usageCase(Case{
			ID: "issuer-for-role", Summary: "has an intermediate for its own role",
			Meaning: tooFew, Rules: alike(MustAccept, cite), Reasons: wrongUse,
			Mutation: issuerUsage(usageOf),
		}),
		usageCase(Case{
			ID: "root-for-email", Summary: "has a trusted root for e-mail",
			Meaning: anyUse, Rules: nested, Reasons: wrongUse,
			Mutation: same(
				pki.Anchor(
					func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection} },
				),
			),
		}),
	}
}

func keyUsage() []Case {
	signs := rules(refuse("RFC 5280, 4.2.1.3"), refuse("X509-SVID, 4.3"), refuse("RFC 5280, 4.2.1.3"))
	only := func(usage x509.KeyUsage) func(pki.Request) pki.Mutation {
		return leaf(func(c *x509.Certificate) { c.KeyUsage = usage })
	}
	all := []Case{
		usageCase(Case{
			ID:      "key-encipherment-only",
			Summary: "presents a certificate whose key may encrypt keys, and sign nothing",
			Meaning: anyUse, Rules: signs, Reasons: wrongUse,
			Mutation: only(x509.KeyUsageKeyEncipherment),
		}),
		usageCase(Case{
			ID:      "key-agreement-only",
			Summary: "presents a certificate whose key may agree on keys, and sign nothing",
			Meaning: anyUse, Rules: signs, Reasons: wrongUse,
			Mutation: only(x509.KeyUsageKeyAgreement),
		}),
		usageCase(Case{
			ID:      "content-commitment-only",
			Summary: "presents a certificate whose key may sign documents, and authenticate nobody",
			Meaning: anyUse, Rules: signs, Reasons: wrongUse,
			Mutation: only(x509.KeyUsageContentCommitment),
		}),
		usageCase(Case{
			ID: "no-bit-set", Summary: "presents a certificate that says what its key may do, and says nothing",
			Meaning: anyUse, Rules: signs, Reasons: []wire.Reason{wire.WrongUsage, wire.BadCertificate},
			Mutation: same(
				pki.LeafDER(func(t *pki.TBS) { t.Extension(pki.OIDKeyUsage).Value = pki.Marshal(asn1.BitString{}) }),
			),
		}),
		usageCase(Case{
			ID: "no-key-usage", Summary: "presents a certificate that does not say what its key may do",
			Meaning:  tooFew,
			Rules:    rules(accept("RFC 5280, 4.2.1.3"), either("X509-SVID, 4.3"), either("RFC 5280, 4.2.1.3")),
			Reasons:  wrongUse,
			Mutation: same(pki.LeafDER(func(t *pki.TBS) { t.Drop(pki.OIDKeyUsage) })),
		}),
		usageCase(Case{
			ID: "more-than-signing", Summary: "presents a certificate whose key may sign, and encrypt keys too",
			Meaning: tooFew, Rules: alike(MustAccept, "RFC 5280, 4.2.1.3"), Reasons: wrongUse,
			Mutation: only(x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment),
		}),
		usageCase(Case{
			ID: "key-usage-not-critical", Summary: "presents a certificate whose key usage is not critical",
			Meaning: tooFew, Rules: alike(MustAccept, "RFC 5280, 4.2.1.3"), Reasons: wrongUse,
			Mutation: same(pki.LeafDER(func(t *pki.TBS) { t.Extension(pki.OIDKeyUsage).Critical = false })),
		}),
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
		ID: "usage/must-staple", Attacker: Former, Roles: asServer,
		Reasons: []wire.Reason{wire.RevocationUnknown, wire.BadCertificate},
		Summary: "presents a certificate that promises a stapled status, and staples none",
		Meaning: "Whoever has a certificate that was revoked need only leave the status out.",
		Rules:   strictOnly("RFC 7633, 4.2.3.1", "RFC 7633, 4.3.3"),
		Mutation: same(pki.LeafExtension(pkix.Extension{
			Id: pki.OIDTLSFeature, Value: pki.Sequence(pki.Marshal(5)), // status_request (RFC 6066, 8)
		})),
	}
	return []Case{
		usageCase(Case{
			ID: "authority", Summary: "presents a certificate that may issue others",
			Meaning: makes, Rules: svid("RFC 5280, 4.2.1.9"), Reasons: asCA,
			Mutation: leaf(func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, c.KeyUsage|x509.KeyUsageCertSign }),
		}),
		usageCase(Case{
			ID:      "ca-without-cert-sign",
			Summary: "presents a certificate of a CA whose key may not sign certificates",
			Meaning: makes, Rules: svid("RFC 5280, 4.2.1.9"), Reasons: asCA,
			Mutation: leaf(func(c *x509.Certificate) { c.IsCA = true }),
		}),
		usageCase(Case{
			ID:      "cert-sign-without-ca",
			Summary: "presents a certificate whose key may sign certificates, of no CA",
			Meaning: makes, Rules: svid("RFC 5280, 4.2.1.9"), Reasons: asCA,
			Mutation: leaf(func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCertSign }),
		}),
		usageCase(Case{
			ID: "crl-sign", Summary: "presents a certificate whose key may sign revocation lists",
			Meaning:  "Whoever holds this certificate can take back others.",
			Rules:    svid("RFC 5280, 4.2.1.3"),
			Reasons:  asCA,
			Mutation: leaf(func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCRLSign }),
		}),
		usageCase(Case{
			ID: "no-basic-constraints", Summary: "presents a certificate that does not say whether it is a CA",
			Meaning:  tooFew,
			Rules:    rules(accept("RFC 5280, 4.2.1.9"), either("X509-SVID, 4.1"), accept("RFC 5280, 4.2.1.9")),
			Reasons:  asCA,
			Mutation: same(pki.LeafDER(func(t *pki.TBS) { t.Drop(pki.OIDBasicConstraints) })),
		}),
		staple,
	}
}
