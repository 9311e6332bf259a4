package cases

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

const (
	unbound = "An authority that may issue in one name only, and those who have its key, issue in every name."
	slow    = "One handshake keeps the other side busy for seconds or more."
)

var outside = []wire.Reason{wire.NameConstraint, wire.UnknownAuthority, wire.BadCertificate}

// names is short for a list of them.
type names = []pki.GeneralName

// constrained has more names in the leaf, and an intermediate that may issue
// some names only.
func constrained(more, permitted, excluded names) func(wire.Role) pki.Mutation {
	return func(role wire.Role) pki.Mutation {
		return pki.Together(
			pki.IssuerExtension(pki.NameConstraints(permitted, excluded)),
			leafAlso(role, more...),
		)
	}
}

// leafAlso gives the leaf names beside its own, which it keeps as they are if
// there are no others.
func leafAlso(role wire.Role, more ...pki.GeneralName) pki.Mutation {
	if len(more) == 0 {
		return pki.Together()
	}
	return pki.LeafNames(append(namesOf(role), more...)...)
}

func constraintCase(id, row, summary, meaning string, rules map[Profile]Rule, mutation func(wire.Role) pki.Mutation) Case {
	return Case{
		ID: "constraints/" + id, Row: row, Roles: asBoth, Summary: summary, Meaning: meaning,
		Reasons: outside, Rules: rules, Mutation: mutation,
	}
}

// constraintCases are of what an authority may issue, and under which policies.
func constraintCases() []Case {
	return slices.Concat(dnsConstraints(), otherConstraints(), directoryConstraints(), oddConstraints(), policyCases(), criticalCases())
}

const (
	permittedCite = "RFC 5280, 6.1.3 (b)"
	excludedCite  = "RFC 5280, 6.1.3 (c)"
	subtreeCite   = "RFC 5280, 4.2.1.10"
)

func dnsConstraints() []Case {
	extra := names{pki.DNSName("www.evil.test")}
	excluded := func(name string) names { return names{pki.DNSName(name)} }
	must := func(cite string) map[Profile]Rule { return alike(MustRefuse, cite) }
	notCritical := pki.NameConstraints(nil, excluded("evil.test"))
	notCritical.Critical = false
	return []Case{
		constraintCase("dns-not-permitted", "E01", "has a DNS name that its issuer may not issue", unbound, must(permittedCite),
			constrained(extra, excluded("good.test"), nil)),
		constraintCase("dns-excluded", "E02", "has a DNS name that is excluded for its issuer", unbound, must(excludedCite), constrained(extra, nil, excluded("www.evil.test"))),
		constraintCase("dns-excluded-above", "E02", "has a DNS name below one that is excluded", unbound, must(excludedCite), constrained(extra, nil, excluded("evil.test"))),
		constraintCase("dns-excluded-in-capitals", "E02", "has a DNS name that is excluded in capitals", unbound, must(subtreeCite), constrained(extra, nil, excluded("EVIL.TEST"))),
		constraintCase("dns-excluded-within-permitted", "E02", "has a DNS name that is permitted, and excluded", unbound, must(excludedCite),
			constrained(extra, names{pki.DNSName("test"), pki.DNSName(host)}, excluded("evil.test"))),
		constraintCase("dns-excluded-not-critical", "E02", "has a DNS name that is excluded by an extension that is not critical", unbound, must(subtreeCite),
			func(role wire.Role) pki.Mutation {
				return pki.Together(pki.IssuerExtension(notCritical), leafAlso(role, extra...))
			}),
		constraintCase("dns-permitted", "E01", "has DNS names that its issuer may issue", tooFew, alike(MustAccept, subtreeCite),
			constrained(extra, names{pki.DNSName("evil.test"), pki.DNSName(host)}, nil)),
		constraintCase("dns-neighbour", "E02", "has a DNS name that ends like an excluded one, within a label", tooFew, alike(MustAccept, subtreeCite),
			constrained(names{pki.DNSName("notevil.test")}, nil, excluded("evil.test"))),
		constraintCase("wildcard-over-excluded", "E03", "has a wildcard that covers an excluded name", unbound, must("CVE-2025-61727"),
			constrained(names{pki.DNSName("*.evil.test")}, nil, excluded("www.evil.test"))),
		constraintCase("wildcard-over-permitted", "E03", "has a wildcard that covers more than what is permitted", unbound, must("RUSTSEC-2026-0099"),
			constrained(names{pki.DNSName("*.good.test")}, names{pki.DNSName("www.good.test"), pki.DNSName(host)}, nil)),
		{
			ID: "constraints/common-name-only", Row: "E08", Roles: asBoth, Needs: []Need{Admission}, Reasons: []wire.Reason{wire.NameConstraint, wire.WrongName, wire.BadName, wire.NotAllowed},
			Summary: "has no names but the common one, which its issuer may not issue", Meaning: unbound,
			Rules: rules(refuse("policy: a common name is no name (RFC 9525, 2), least of all one that is not permitted"), refuse("X509-SVID, 2"), refuse("CVE-2026-42790")),
			Mutation: func(role wire.Role) pki.Mutation {
				return pki.Together(
					pki.IssuerExtension(pki.NameConstraints(names{pki.DNSName("good.test")}, nil)),
					commonName(string(role)), pki.LeafNames(),
				)
			},
		},
	}
}

func otherConstraints() []Case {
	must := func(cite string) map[Profile]Rule { return alike(MustRefuse, cite) }
	v4, v6 := pki.IPName(192, 0, 2, 7), pki.IPName(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7)
	net4 := pki.IPName(192, 0, 2, 0, 255, 255, 255, 0)
	net6 := pki.IPName(slices.Concat([]byte{0x20, 1, 0xd, 0xb8}, make([]byte, 12), []byte{255, 255, 255, 255}, make([]byte, 12))...)
	elsewhere := pki.IPName(198, 51, 100, 0, 255, 255, 255, 0)
	mail := func(name string) names { return names{pki.EmailName(name)} }
	uri := func(host string) names { return names{pki.URIName(host)} }
	return []Case{
		constraintCase("ipv4-excluded", "E04", "has an IPv4 address of a network that is excluded", unbound, must(excludedCite), constrained(names{v4}, nil, names{net4})),
		constraintCase("ipv6-excluded", "E04", "has an IPv6 address of a network that is excluded", unbound, must(excludedCite), constrained(names{v6}, nil, names{net6})),
		constraintCase("ip-not-permitted", "E04", "has an IP address outside the network that is permitted", unbound, must(permittedCite), constrained(names{v4}, names{elsewhere}, nil)),
		constraintCase("ip-permitted", "E04", "has an IP address of the network that is permitted", tooFew, alike(MustAccept, subtreeCite), constrained(names{v4}, names{net4}, nil)),
		constraintCase("uri-excluded", "E05", "has an ID in a trust domain that is excluded", unbound, must("RUSTSEC-2026-0098"), constrained(nil, nil, uri("lab"))),
		constraintCase("uri-not-permitted", "E05", "has an ID outside the trust domain that is permitted", unbound, must("RUSTSEC-2026-0098"), constrained(nil, uri("good.test"), nil)),
		{
			ID: "constraints/uri-with-zone", Row: "E05", Roles: asServer, Reasons: append([]wire.Reason{wire.BadName}, outside...),
			Summary: "has a URI whose host is an IP address with a zone that reads like a permitted domain", Meaning: unbound,
			Rules: must("CVE-2024-45341"),
			Mutation: func(role wire.Role) pki.Mutation {
				return pki.Together(
					pki.IssuerExtension(pki.NameConstraints(uri(".good.test"), nil)),
					pki.LeafNames(namesOf(role, "https://[fe80::1%25a.good.test]/")...),
				)
			},
		},
		constraintCase("email-excluded", "E06", "has an e-mail address at a host that is excluded", unbound, must(excludedCite), constrained(mail("root@evil.test"), nil, mail("evil.test"))),
		constraintCase("email-not-permitted", "E06", "has an e-mail address at a host that is not permitted", unbound, must(permittedCite), constrained(mail("root@evil.test"), mail("good.test"), nil)),
		constraintCase("email-first-of-two", "E06", "has the first of two e-mail addresses that are excluded, alike but for their hosts", unbound, must("CVE-2026-27137"),
			constrained(mail("root@evil.test"), nil, names{pki.EmailName("root@evil.test"), pki.EmailName("root@good.test")})),
		constraintCase("email-below-permitted-host", "E06", "has an e-mail address at a host below the one that is permitted", unbound, must("CVE-2026-78664"),
			constrained(mail("root@www.good.test"), mail("good.test"), nil)),
		constraintCase("email-at-permitted-host", "E06", "has an e-mail address at the host that is permitted", tooFew, alike(MustAccept, subtreeCite),
			constrained(mail("root@good.test"), mail("good.test"), nil)),
		{
			ID: "constraints/root", Row: "E09", Roles: asBoth, Reasons: outside,
			Summary: "has a DNS name that is excluded by the trusted root", Meaning: "A root that was to vouch for one domain vouches for every one.",
			Rules: strictOnly("RFC 5280, 6.2", "policy: what a trusted root says of itself is believed"),
			Mutation: func(role wire.Role) pki.Mutation {
				return pki.Together(
					func(f *pki.Forgery) {
						f.OwnRoot().Edit(func(t *pki.TBS) { t.Set(pki.NameConstraints(nil, names{pki.DNSName("evil.test")})) })
					},
					leafAlso(role, pki.DNSName("www.evil.test")),
				)
			},
		},
	}
}

func directoryConstraints() []Case {
	ours, others := pki.DirectoryName(pkix.Name{Organization: []string{"mtlslab"}}), pki.DirectoryName(pkix.Name{Organization: []string{"others"}})
	must := alike(MustRefuse, subtreeCite)
	quiet := pki.NameConstraints(nil, names{ours})
	quiet.Critical = false
	all := []Case{
		constraintCase("directory-name-excluded", "E07", "has a subject that is excluded for its issuer", unbound, must, constrained(nil, nil, names{ours})),
		constraintCase("directory-name-not-permitted", "E07", "has a subject that its issuer may not issue", unbound, must, constrained(nil, names{others}, nil)),
		constraintCase("directory-name-excluded-not-critical", "E07", "has a subject that is excluded by an extension that is not critical", unbound, must,
			same(pki.IssuerExtension(quiet))),
		constraintCase("directory-name-permitted", "E07", "has a subject that its issuer may issue", tooFew, alike(MayEither, subtreeCite), constrained(nil, names{ours}, nil)),
	}
	for i := range all {
		all[i].Reasons = append([]wire.Reason{wire.CriticalExtension}, outside...)
	}
	return all
}

func oddConstraints() []Case {
	malformed := func(value []byte) func(wire.Role) pki.Mutation {
		return same(pki.IssuerExtension(pkix.Extension{Id: pki.OIDNameConstraints, Critical: true, Value: value}))
	}
	bad := append([]wire.Reason{wire.BadName, wire.CriticalExtension}, outside...)
	many := func(n int, name func(string) pki.GeneralName, form string) (all names) {
		for i := range n {
			all = append(all, name(fmt.Sprintf(form, i)))
		}
		return all
	}
	const panics = "Whoever can connect brings the other side down, or is let in by a constraint that is not read."
	all := []Case{
		constraintCase("empty", "E10", "has an issuer whose name constraints are empty", panics, strictOnly(subtreeCite, "policy: a constraint that cannot be read is none that can be kept"), malformed(pki.Sequence())),
		constraintCase("garbage", "E10", "has an issuer whose name constraints are no DER", panics, alike(MustRefuse, "RFC 5280, 4.2"), malformed([]byte("garbage"))),
		constraintCase("ip-mask-with-gaps", "E10", "has an issuer that may issue for a network with gaps", panics, strictOnly(subtreeCite, "policy: a constraint that cannot be read is none that can be kept"),
			constrained(nil, nil, names{pki.IPName(192, 0, 2, 0, 255, 0, 255, 0)})),
		constraintCase("empty-dns-name", "E10", "has an empty DNS name, and an issuer with name constraints", panics, strictOnly("RFC 5280, 4.2.1.6", "CVE-2026-27138"),
			constrained(names{pki.DNSName("")}, nil, names{pki.DNSName("evil.test")})),
		constraintCase("mailbox-in-utf-8", "A13", "has a mailbox beyond ASCII, and an issuer with a constraint in overlong punycode", panics, alike(MayEither, "CVE-2022-3602"),
			constrained(names{pki.OtherName(smtpUTF8Mailbox, "a@xn--"+strings.Repeat("a", 600)+"b.test")}, names{pki.EmailName("xn--" + strings.Repeat("a", 600) + "b.test")}, nil)),
		constraintCase("many", "E11", "has a thousand names, and an issuer with a thousand constraints", slow, alike(MayEither, "CVE-2025-58187"),
			constrained(many(1000, pki.DNSName, "a%d.good.test"), nil, many(1000, pki.DNSName, "b%d.evil.test"))),
	}
	for i := range all {
		all[i].Reasons = bad
	}
	return all
}

var smtpUTF8Mailbox = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 9} // RFC 9598, 3

func policyCases() []Case {
	require := pkix.Extension{Id: pki.OIDPolicyConstraints, Critical: true, Value: pki.Sequence([]byte{0x80, 1, 0})}
	demand := Case{
		ID: "constraints/explicit-policy", Row: "E12", Roles: asBoth, Reasons: []wire.Reason{wire.BadCertificate, wire.CriticalExtension, wire.UnknownAuthority},
		Summary:  "has an issuer that demands a policy, and names none",
		Meaning:  "What an authority demands of those who rely on it is not done.",
		Rules:    alike(MustRefuse, "RFC 5280, 6.1.3 (f)"),
		Mutation: same(pki.IssuerExtension(require)),
	}
	tree := constraintCase("policy-tree", "E12", "has policies that are mapped to each other at every level", slow, alike(MayEither, "CVE-2023-0464"), same(policyTree))
	tree.Reasons = demand.Reasons
	return []Case{demand, tree}
}

// policyTree doubles the valid policies of a naive evaluation at every one of
// many intermediates.
func policyTree(f *pki.Forgery) {
	const levels = 30
	pki.Deep(levels)(f)
	policy := func(level, i int) []byte { return pki.Marshal(asn1.ObjectIdentifier{2, 999, 3, level, i}) }
	policies := func(level int) pkix.Extension {
		return pkix.Extension{Id: pki.OIDPolicies, Value: pki.Sequence(pki.Sequence(policy(level, 0)), pki.Sequence(policy(level, 1)))}
	}
	f.Leaf.Edit(func(t *pki.TBS) { t.Set(policies(levels)) })
	for i, issuer := range f.Presented[1:] {
		level := levels - 1 - i
		var mappings [][]byte
		for from := range 2 {
			for to := range 2 {
				mappings = append(mappings, pki.Sequence(policy(level, from), policy(level+1, to)))
			}
		}
		issuer.Edit(func(t *pki.TBS) {
			t.Set(policies(level))
			t.Set(pkix.Extension{Id: pki.OIDPolicyMappings, Critical: true, Value: pki.Sequence(mappings...)})
		})
	}
}

func criticalCases() []Case {
	reasons := []wire.Reason{wire.CriticalExtension}
	const meaning = "What an authority says must be understood is not."
	return []Case{
		{
			ID: "constraints/unknown-critical", Row: "E13", Roles: asBoth, Reasons: reasons,
			Summary: "has a critical extension that nobody knows", Meaning: meaning,
			Rules:    alike(MustRefuse, "RFC 5280, 4.2"),
			Mutation: same(pki.LeafExtension(pki.Unknown(true))),
		},
		{
			ID: "constraints/unknown-critical-issuer", Row: "E14", Roles: asBoth, Reasons: reasons,
			Summary: "has an issuer with a critical extension that nobody knows", Meaning: meaning,
			Rules:    alike(MustRefuse, "RFC 5280, 6.1.4 (o)"),
			Mutation: same(pki.IssuerExtension(pki.Unknown(true))),
		},
		{
			ID: "constraints/unknown-not-critical", Row: "E13", Roles: asBoth, Reasons: reasons,
			Summary: "has an extension that nobody knows, and nobody need", Meaning: tooFew,
			Rules:    alike(MustAccept, "RFC 5280, 4.2"),
			Mutation: same(pki.LeafExtension(pki.Unknown(false))),
		},
	}
}
