package cases

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"time"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// revocationCases need a peer that was given lists. Every one has an issuer of
// its own, so that what its list says is nothing to any other case.
func revocationCases() []Case {
	return by(Former, append(listed(), unusable()...))
}

func revocationCase(c Case) Case {
	c.ID, c.Roles = "revocation/"+c.ID, asBoth
	c.Needs = []Need{RevocationLists}
	return c
}

// onList puts the leaf on its issuer's list.
func onList(reason byte) pki.Mutation {
	return pki.IssuerList(func(f *pki.Forgery, l *pki.List) {
		l.Revoked, l.Reason = append(l.Revoked, f.Leaf.Template.SerialNumber), reason
	})
}

func list(change func(*pki.Forgery, *pki.List)) pki.Mutation { return pki.IssuerList(change) }

const (
	svidSilent = "X509-SVID, 5"
	holdReason = 6 // RFC 5280, 5.3.1
)

func listed() []Case {
	const stolen = "A certificate whose key was stolen is good until it expires, though its authority has taken it back."
	must := rules(refuse("RFC 5280, 6.1.3 (a)(3)"), either(svidSilent), refuse("RFC 5280, 6.1.3 (a)(3)"))
	revoked := []wire.Reason{wire.Revoked}
	return []Case{
		revocationCase(Case{
			ID: "leaf", Summary: "presents a certificate that is on its issuer's list",
			Meaning: stolen, Rules: must, Reasons: revoked,
			Mutation: same(onList(0)),
		}),
		revocationCase(Case{
			ID: "on-hold", Summary: "presents a certificate that is on hold",
			Meaning: stolen, Rules: must, Reasons: revoked,
			Mutation: same(onList(holdReason)),
		}),
		revocationCase(Case{
			ID: "issuer", Summary: "has an intermediate that is on the root's list",
			Meaning: "An authority whose key was stolen still issues, though the one above has taken it back.",
			Rules:   must,
			Reasons: revoked,
			Mutation: same(func(f *pki.Forgery) {
				f.OwnRoot().Lists[0].Revoked = []*big.Int{f.OwnIntermediate().Template.SerialNumber}
			}),
		}),
		revocationCase(Case{
			ID:      "older-list-without",
			Summary: "presents a certificate that is on the newer of two lists, both in date",
			Meaning: stolen,
			Rules: rules(
				either("RFC 5280, 6.3.3"),
				either(svidSilent),
				refuse("policy: what one usable list says is revoked is"),
			),
			Reasons: revoked,
			Mutation: same(func(f *pki.Forgery) {
				issuer := f.OwnIntermediate()
				issuer.Lists = append(
					issuer.Lists,
					&pki.List{ThisUpdate: f.Now, Number: 2, Revoked: []*big.Int{f.Leaf.Template.SerialNumber}},
				)
			}),
		}),
		revocationCase(Case{
			ID: "expired-list-with", Summary: "presents a certificate that is on a list that has expired",
			Meaning: stolen,
			Rules: rules(
				either("RFC 5280, 6.3.3"),
				either(svidSilent),
				refuse("policy: without a list in date nobody can tell"),
			),
			Reasons:  []wire.Reason{wire.RevocationUnknown, wire.Revoked},
			Mutation: same(pki.Together(onList(0), list(expire))),
		}),
		revocationCase(Case{
			ID:      "same-serial-of-other-issuer",
			Summary: "presents a certificate with the number of one that another authority has taken back",
			Meaning: tooFew,
			Rules:   rules(accept("RFC 5280, 5.3"), accept("RFC 5280, 5.3"), accept("RFC 5280, 5.3")),
			Reasons: revoked,
			Mutation: same(func(f *pki.Forgery) {
				f.OwnIntermediate()
				other := f.CA("Other CA", f.Root, 0)
				other.Lists[0].Revoked = []*big.Int{f.Leaf.Template.SerialNumber}
				f.Bystanders = append(f.Bystanders, other)
			}),
		}),
	}
}

func expire(f *pki.Forgery, l *pki.List) {
	l.ThisUpdate, l.NextUpdate = f.Now.Add(-2*time.Hour), f.Now.Add(-time.Hour)
}

// distribution is an issuingDistributionPoint (RFC 5280, 5.2.5).
func distribution(parts ...[]byte) pkix.Extension {
	return pkix.Extension{Id: pki.OIDDistribution, Critical: true, Value: pki.Sequence(parts...)}
}

// flag is one of its booleans; reasons are onlySomeReasons.
func flag(tag int) []byte {
	return pki.Element(asn1.ClassContextSpecific, tag, false, []byte{0xff})
}

// point is a distributionPoint that is a full name.
func point(uri string) []byte {
	full := pki.Element(asn1.ClassContextSpecific, 0, true, pki.URIName(uri))
	return pki.Element(asn1.ClassContextSpecific, 0, true, full)
}

// narrowed has one extension more in its issuer's only list.
func narrowed(extension pkix.Extension) pki.Mutation {
	return list(func(_ *pki.Forgery, l *pki.List) { l.Extensions = append(l.Extensions, extension) })
}

func unusable() []Case {
	const open = "Whoever keeps the list from arriving, or its authority from making one, undoes every revocation."
	const scope = "A list about others is taken for one about this certificate: nobody has looked whether " +
		"it was taken back."
	untold := []wire.Reason{wire.RevocationUnknown}
	hard := func(cite string) map[Profile]Rule {
		return rules(either(cite), either(svidSilent), refuse("policy: where nobody can tell, nobody is let in"))
	}
	someReasons := pki.Element(asn1.ClassContextSpecific, 3, false, []byte{6, 0x40}) // keyCompromise
	both := pkix.Extension{Id: pki.OIDDistributionPoint, Value: pki.Sequence(
		pki.Sequence(point("http://one.test/crl")), pki.Sequence(point("http://two.test/crl")))}
	return []Case{
		revocationCase(Case{
			ID: "no-list", Summary: "has an intermediate of which there is no list",
			Meaning: open, Rules: hard("RFC 5280, 6.3.3"), Reasons: untold,
			Mutation: same(func(f *pki.Forgery) { f.OwnIntermediate().Lists = nil }),
		}),
		revocationCase(Case{
			ID: "expired-list", Summary: "has an intermediate whose list has expired",
			Meaning: open, Rules: hard("RFC 5280, 6.3.3 (a)"), Reasons: untold,
			Mutation: same(list(expire)),
		}),
		revocationCase(Case{
			ID: "list-not-yet-valid", Summary: "has an intermediate whose list begins in a day",
			Meaning: open, Rules: hard("RFC 5280, 5.1.2.4"), Reasons: untold,
			Mutation: same(list(func(f *pki.Forgery, l *pki.List) { l.ThisUpdate = f.Now.AddDate(0, 0, 1) })),
		}),
		revocationCase(Case{
			ID: "list-of-other-key", Summary: "has an intermediate whose list is signed by somebody else",
			Meaning: "Anybody can say that nothing was taken back.",
			Rules:   hard("RFC 5280, 6.3.3 (g)"),
			Reasons: untold,
			Mutation: same(
				func(f *pki.Forgery) { f.OwnIntermediate().Lists[0].SignedBy = f.CA("Stranger", nil, 0).Key },
			),
		}),
		revocationCase(Case{
			ID:      "issuer-without-crl-sign",
			Summary: "has an intermediate whose key may not sign lists, and its list",
			Meaning: open, Rules: hard("RFC 5280, 6.3.3 (f)"), Reasons: untold,
			Mutation: same(func(f *pki.Forgery) { f.OwnIntermediate().Template.KeyUsage = x509.KeyUsageCertSign }),
		}),
		revocationCase(Case{
			ID: "unknown-critical-in-list", Summary: "has a list with a critical extension that nobody knows",
			Meaning:  scope,
			Rules:    rules(either("RFC 5280, 5.2"), either(svidSilent), refuse("RFC 5280, 5.2")),
			Reasons:  untold,
			Mutation: same(narrowed(pki.Unknown(true))),
		}),
		revocationCase(Case{
			ID:      "unknown-critical-in-entry",
			Summary: "is not on a list of which an entry has a critical extension that nobody knows",
			Meaning: scope,
			Rules:   rules(either("RFC 5280, 5.3"), either(svidSilent), refuse("RFC 5280, 5.3")),
			Reasons: untold,
			Mutation: same(list(func(_ *pki.Forgery, l *pki.List) {
				critical := pki.Unknown(true)
				l.Revoked, l.Entry = []*big.Int{big.NewInt(42)}, &critical
			})),
		}),
		revocationCase(Case{
			ID: "delta-only", Summary: "has a list of nothing but changes",
			Meaning: scope, Rules: hard("RFC 5280, 5.2.4"), Reasons: untold,
			Mutation: same(narrowed(pkix.Extension{Id: pki.OIDDeltaCRL, Critical: true, Value: pki.Marshal(1)})),
		}),
		revocationCase(Case{
			ID: "list-of-authorities", Summary: "has a list of authorities only",
			Meaning: scope, Rules: hard("RFC 5280, 6.3.3 (b)(2)"), Reasons: untold,
			Mutation: same(narrowed(distribution(flag(2)))),
		}),
		revocationCase(Case{
			ID: "list-of-attributes", Summary: "has a list of attribute certificates only",
			Meaning: scope, Rules: hard("RFC 5280, 6.3.3 (b)(2)"), Reasons: untold,
			Mutation: same(narrowed(distribution(flag(5)))),
		}),
		revocationCase(Case{
			ID: "list-of-some-reasons", Summary: "has a list of stolen keys only",
			Meaning: scope, Rules: hard("RFC 5280, 6.3.3 (d)"), Reasons: untold,
			Mutation: same(narrowed(distribution(someReasons))),
		}),
		revocationCase(Case{
			ID: "list-of-peers", Summary: "has a list of peers only",
			Meaning:  "Lists that name what they are about are misread.",
			Rules:    alike(MayEither, "RFC 5280, 5.2.5"),
			Reasons:  untold,
			Mutation: same(narrowed(distribution(flag(1)))),
		}),
		revocationCase(Case{
			ID: "list-of-other-point", Summary: "has a list for another distribution point than its own",
			Meaning: scope, Rules: hard("RFC 5280, 6.3.3 (b)(2)"), Reasons: untold,
			Mutation: same(
				pki.Together(narrowed(distribution(point("http://two.test/crl"))), pki.LeafExtension(onePoint())),
			),
		}),
		revocationCase(Case{
			ID: "list-of-second-point", Summary: "is on the list for the second of its distribution points",
			Meaning: "A certificate that was taken back is good: only the first place is looked at.",
			Rules:   rules(either("RFC 5280, 5.2.5"), either(svidSilent), refuse("RUSTSEC-2026-0049")),
			Reasons: []wire.Reason{wire.Revoked, wire.RevocationUnknown},
			Mutation: same(
				pki.Together(narrowed(distribution(point("http://two.test/crl"))), onList(0), pki.LeafExtension(both)),
			),
		}),
	}
}

func onePoint() pkix.Extension {
	return pkix.Extension{Id: pki.OIDDistributionPoint, Value: pki.Sequence(pki.Sequence(point("http://one.test/crl")))}
}
