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
	return append(listed(), unusable()...)
}

func revocationCase(id, row, summary, meaning string, rules map[Profile]Rule, reasons []wire.Reason, m pki.Mutation) Case {
	return Case{
		ID: "revocation/" + id, Row: row, Roles: asBoth, Summary: summary, Meaning: meaning,
		Reasons: reasons, Rules: rules, Needs: []Need{RevocationLists}, Mutation: same(m),
	}
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
		revocationCase("leaf", "F01", "presents a certificate that is on its issuer's list", stolen, must, revoked, onList(0)),
		revocationCase("on-hold", "F01", "presents a certificate that is on hold", stolen, must, revoked, onList(holdReason)),
		revocationCase("issuer", "F02", "has an intermediate that is on the root's list", "An authority whose key was stolen still issues, though the one above has taken it back.", must, revoked,
			func(f *pki.Forgery) {
				f.OwnRoot().Lists[0].Revoked = []*big.Int{f.OwnIntermediate().Template.SerialNumber}
			}),
		revocationCase("older-list-without", "F01", "presents a certificate that is on the newer of two lists, both in date", stolen,
			rules(either("RFC 5280, 6.3.3"), either(svidSilent), refuse("policy: what one usable list says is revoked is")), revoked,
			func(f *pki.Forgery) {
				issuer := f.OwnIntermediate()
				issuer.Lists = append(issuer.Lists, &pki.List{ThisUpdate: f.Now, Number: 2, Revoked: []*big.Int{f.Leaf.Template.SerialNumber}})
			}),
		revocationCase("expired-list-with", "F03", "presents a certificate that is on a list that has expired", stolen,
			rules(either("RFC 5280, 6.3.3"), either(svidSilent), refuse("policy: without a list in date nobody can tell")),
			[]wire.Reason{wire.RevocationUnknown, wire.Revoked}, pki.Together(onList(0), list(expire))),
		revocationCase("same-serial-of-other-issuer", "F05", "presents a certificate with the number of one that another authority has taken back", tooFew,
			rules(accept("RFC 5280, 5.3"), accept("RFC 5280, 5.3"), accept("RFC 5280, 5.3")), revoked,
			func(f *pki.Forgery) {
				f.OwnIntermediate()
				other := f.CA("Other CA", f.Root, 0)
				other.Lists[0].Revoked = []*big.Int{f.Leaf.Template.SerialNumber}
				f.Bystanders = append(f.Bystanders, other)
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
	const scope = "A list about others is taken for one about this certificate: nobody has looked whether it was taken back."
	untold := []wire.Reason{wire.RevocationUnknown}
	hard := func(cite string) map[Profile]Rule {
		return rules(either(cite), either(svidSilent), refuse("policy: where nobody can tell, nobody is let in"))
	}
	someReasons := pki.Element(asn1.ClassContextSpecific, 3, false, []byte{6, 0x40}) // keyCompromise
	both := pkix.Extension{Id: pki.OIDDistributionPoint, Value: pki.Sequence(
		pki.Sequence(point("http://one.test/crl")), pki.Sequence(point("http://two.test/crl")))}
	return []Case{
		revocationCase("no-list", "F03", "has an intermediate of which there is no list", open, hard("RFC 5280, 6.3.3"), untold, func(f *pki.Forgery) { f.OwnIntermediate().Lists = nil }),
		revocationCase("expired-list", "F03", "has an intermediate whose list has expired", open, hard("RFC 5280, 6.3.3 (a)"), untold, list(expire)),
		revocationCase("list-not-yet-valid", "F03", "has an intermediate whose list begins in a day", open, hard("RFC 5280, 5.1.2.4"), untold,
			list(func(f *pki.Forgery, l *pki.List) { l.ThisUpdate = f.Now.AddDate(0, 0, 1) })),
		revocationCase("list-of-other-key", "F04", "has an intermediate whose list is signed by somebody else", "Anybody can say that nothing was taken back.", hard("RFC 5280, 6.3.3 (g)"), untold,
			func(f *pki.Forgery) { f.OwnIntermediate().Lists[0].SignedBy = f.CA("Stranger", nil, 0).Key }),
		revocationCase("issuer-without-crl-sign", "F04", "has an intermediate whose key may not sign lists, and its list", open, hard("RFC 5280, 6.3.3 (f)"), untold,
			func(f *pki.Forgery) { f.OwnIntermediate().Template.KeyUsage = x509.KeyUsageCertSign }),
		revocationCase("unknown-critical-in-list", "F04", "has a list with a critical extension that nobody knows", scope, rules(either("RFC 5280, 5.2"), either(svidSilent), refuse("RFC 5280, 5.2")), untold,
			narrowed(pki.Unknown(true))),
		revocationCase("unknown-critical-in-entry", "F04", "is not on a list of which an entry has a critical extension that nobody knows", scope,
			rules(either("RFC 5280, 5.3"), either(svidSilent), refuse("RFC 5280, 5.3")), untold,
			list(func(_ *pki.Forgery, l *pki.List) {
				critical := pki.Unknown(true)
				l.Revoked, l.Entry = []*big.Int{big.NewInt(42)}, &critical
			})),
		revocationCase("delta-only", "F06", "has a list of nothing but changes", scope, hard("RFC 5280, 5.2.4"), untold,
			narrowed(pkix.Extension{Id: pki.OIDDeltaCRL, Critical: true, Value: pki.Marshal(1)})),
		revocationCase("list-of-authorities", "F06", "has a list of authorities only", scope, hard("RFC 5280, 6.3.3 (b)(2)"), untold, narrowed(distribution(flag(2)))),
		revocationCase("list-of-attributes", "F06", "has a list of attribute certificates only", scope, hard("RFC 5280, 6.3.3 (b)(2)"), untold, narrowed(distribution(flag(5)))),
		revocationCase("list-of-some-reasons", "F06", "has a list of stolen keys only", scope, hard("RFC 5280, 6.3.3 (d)"), untold, narrowed(distribution(someReasons))),
		revocationCase("list-of-peers", "F06", "has a list of peers only", "Lists that name what they are about are misread.", alike(MayEither, "RFC 5280, 5.2.5"), untold, narrowed(distribution(flag(1)))),
		revocationCase("list-of-other-point", "F06", "has a list for another distribution point than its own", scope, hard("RFC 5280, 6.3.3 (b)(2)"), untold,
			pki.Together(narrowed(distribution(point("http://two.test/crl"))), pki.LeafExtension(onePoint()))),
		revocationCase("list-of-second-point", "F06", "is on the list for the second of its distribution points", "A certificate that was taken back is good: only the first place is looked at.",
			rules(either("RFC 5280, 5.2.5"), either(svidSilent), refuse("RUSTSEC-2026-0049")), []wire.Reason{wire.Revoked, wire.RevocationUnknown},
			pki.Together(narrowed(distribution(point("http://two.test/crl"))), onList(0), pki.LeafExtension(both))),
	}
}

func onePoint() pkix.Extension {
	return pkix.Extension{Id: pki.OIDDistributionPoint, Value: pki.Sequence(pki.Sequence(point("http://one.test/crl")))}
}
