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
func constrained(more, permitted, excluded names) func(pki.Request) pki.Mutation {
	return func(good pki.Request) pki.Mutation {
		return pki.Together(
			pki.IssuerExtension(pki.NameConstraints(forHost(permitted, good), excluded)),
			leafAlso(good, more...),
		)
	}
}

// leafAlso gives the leaf names beside its own, which it keeps as they are if
// there are no others.
func leafAlso(good pki.Request, more ...pki.GeneralName) pki.Mutation {
	if len(more) == 0 {
		return pki.Together()
	}
	return pki.LeafNames(append(namesOf(good), more...)...)
}

func constraintCase(c Case) Case {
	c.ID, c.Roles = "constraints/"+c.ID, asBoth
	c.Reasons = outside
	return c
}

// constraintCases are of what an authority may issue, and under which policies.
func constraintCases() []Case {
	return by(Authority, slices.Concat(
		dnsConstraints(),
		otherConstraints(),
		directoryConstraints(),
		oddConstraints(),
		policyCases(),
		criticalCases(),
	))
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
		constraintCase(Case{
			ID: "dns-not-permitted", Summary: "has a DNS name that its issuer may not issue",
			Meaning: unbound, Rules: must(permittedCite),
			Mutation: constrained(extra, excluded("good.test"), nil),
		}),
		constraintCase(Case{
			ID: "dns-excluded", Summary: "has a DNS name that is excluded for its issuer",
			Meaning: unbound, Rules: must(excludedCite),
			Mutation: constrained(extra, nil, excluded("www.evil.test")),
		}),
		constraintCase(Case{
			ID: "dns-excluded-above", Summary: "has a DNS name below one that is excluded",
			Meaning: unbound, Rules: must(excludedCite),
			Mutation: constrained(extra, nil, excluded("evil.test")),
		}),
		constraintCase(Case{
			ID: "dns-excluded-in-capitals", Summary: "has a DNS name that is excluded in capitals",
			Meaning: unbound, Rules: must(subtreeCite),
			Mutation: constrained(extra, nil, excluded("EVIL.TEST")),
		}),
		constraintCase(Case{
			ID: "dns-excluded-within-permitted", Summary: "has a DNS name that is permitted, and excluded",
			Meaning: unbound, Rules: must(excludedCite),
			Mutation: constrained(extra, names{pki.DNSName("test"), itsHost}, excluded("evil.test")),
		}),
		constraintCase(Case{
			ID:      "dns-excluded-not-critical",
			Summary: "has a DNS name that is excluded by an extension that is not critical",
			Meaning: unbound, Rules: must(subtreeCite),
			Mutation: func(good pki.Request) pki.Mutation {
				return pki.Together(pki.IssuerExtension(notCritical), leafAlso(good, extra...))
			},
		}),
		constraintCase(Case{
			ID: "dns-permitted", Summary: "has DNS names that its issuer may issue",
			Meaning: tooFew, Rules: alike(MustAccept, subtreeCite),
			Mutation: constrained(extra, names{pki.DNSName("evil.test"), itsHost}, nil),
		}),
		constraintCase(Case{
			ID: "dns-neighbour", Summary: "has a DNS name that ends like an excluded one, within a label",
			Meaning: tooFew, Rules: alike(MustAccept, subtreeCite),
			Mutation: constrained(names{pki.DNSName("notevil.test")}, nil, excluded("evil.test")),
		}),
		constraintCase(Case{
			ID: "wildcard-over-excluded", Summary: "has a wildcard that covers an excluded name",
			Meaning: unbound, Rules: must("CVE-2025-61727"),
			Mutation: constrained(names{pki.DNSName("*.evil.test")}, nil, excluded("www.evil.test")),
		}),
		constraintCase(Case{
			ID: "wildcard-over-permitted", Summary: "has a wildcard that covers more than what is permitted",
			Meaning: unbound, Rules: must("RUSTSEC-2026-0099"),
			Mutation: constrained(
				names{pki.DNSName("*.good.test")},
				names{pki.DNSName("www.good.test"), itsHost},
				nil,
			),
		}),
		{
			ID: "constraints/common-name-only", Roles: asBoth, Needs: []Need{Admission}, Reasons: []wire.Reason{
				wire.NameConstraint, wire.WrongName, wire.BadName, wire.NotAllowed,
			},
			Summary: "has no names but the common one, which its issuer may not issue", Meaning: unbound,
			Rules: rules(
				refuse("policy: a common name is no name (RFC 9525, 2), least of all one that is not permitted"),
				refuse("X509-SVID, 2"),
				refuse("CVE-2026-42790"),
			),
			Mutation: func(good pki.Request) pki.Mutation {
				return pki.Together(
					pki.IssuerExtension(pki.NameConstraints(names{pki.DNSName("good.test")}, nil)),
					commonName(shortNameOf(good)), pki.LeafNames(),
				)
			},
		},
	}
}

func otherConstraints() []Case {
	must := func(cite string) map[Profile]Rule { return alike(MustRefuse, cite) }
	v4, v6 := pki.IPName(192, 0, 2, 7), pki.IPName(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7)
	net4 := pki.IPName(192, 0, 2, 0, 255, 255, 255, 0)
	net6 := pki.IPName(
		slices.Concat([]byte{0x20, 1, 0xd, 0xb8}, make([]byte, 12), []byte{255, 255, 255, 255}, make([]byte, 12))...)
	elsewhere := pki.IPName(198, 51, 100, 0, 255, 255, 255, 0)
	mail := func(name string) names { return names{pki.EmailName(name)} }
	uri := func(host string) names { return names{pki.URIName(host)} }
	return []Case{
		constraintCase(Case{
			ID: "ipv4-excluded", Summary: "has an IPv4 address of a network that is excluded",
			Meaning: unbound, Rules: must(excludedCite),
			Mutation: constrained(names{v4}, nil, names{net4}),
		}),
		constraintCase(Case{
			ID: "ipv6-excluded", Summary: "has an IPv6 address of a network that is excluded",
			Meaning: unbound, Rules: must(excludedCite),
			Mutation: constrained(names{v6}, nil, names{net6}),
		}),
		constraintCase(Case{
			ID: "ip-not-permitted", Summary: "has an IP address outside the network that is permitted",
			Meaning: unbound, Rules: must(permittedCite),
			Mutation: constrained(names{v4}, names{elsewhere}, nil),
		}),
		constraintCase(Case{
			ID: "ip-permitted", Summary: "has an IP address of the network that is permitted",
			Meaning: tooFew, Rules: alike(MustAccept, subtreeCite),
			Mutation: constrained(names{v4}, names{net4}, nil),
		}),
		constraintCase(Case{
			ID: "uri-excluded", Summary: "has an ID in a trust domain that is excluded",
			Meaning: unbound, Rules: must("RUSTSEC-2026-0098"),
			Mutation: constrained(nil, nil, uri("lab")),
		}),
		constraintCase(Case{
			ID: "uri-not-permitted", Summary: "has an ID outside the trust domain that is permitted",
			Meaning: unbound, Rules: must("RUSTSEC-2026-0098"),
			Mutation: constrained(nil, uri("good.test"), nil),
		}),
		{
			ID: "constraints/uri-with-zone", Roles: asServer, Reasons: append([]wire.Reason{wire.BadName}, outside...),
			Summary: "has a URI whose host is an IP address with a zone that reads like a permitted domain", Meaning: unbound,
			Rules: must("CVE-2024-45341"),
			Mutation: func(good pki.Request) pki.Mutation {
				return pki.Together(
					pki.IssuerExtension(pki.NameConstraints(uri(".good.test"), nil)),
					pki.LeafNames(namesOf(good, "https://[fe80::1%25a.good.test]/")...),
				)
			},
		},
		constraintCase(Case{
			ID: "email-excluded", Summary: "has an e-mail address at a host that is excluded",
			Meaning: unbound, Rules: must(excludedCite),
			Mutation: constrained(mail("root@evil.test"), nil, mail("evil.test")),
		}),
		constraintCase(Case{
			ID: "email-not-permitted", Summary: "has an e-mail address at a host that is not permitted",
			Meaning: unbound, Rules: must(permittedCite),
			Mutation: constrained(mail("root@evil.test"), mail("good.test"), nil),
		}),
		constraintCase(Case{
			ID:      "email-first-of-two",
			Summary: "has the first of two e-mail addresses that are excluded, alike but for their hosts",
			Meaning: unbound, Rules: must("CVE-2026-27137"),
			Mutation: constrained(
				mail("root@evil.test"),
				nil,
				names{pki.EmailName("root@evil.test"), pki.EmailName("root@good.test")},
			),
		}),
		constraintCase(Case{
			ID:      "email-below-permitted-host",
			Summary: "has an e-mail address at a host below the one that is permitted",
			Meaning: unbound, Rules: must("CVE-2026-78664"),
			Mutation: constrained(mail("root@www.good.test"), mail("good.test"), nil),
		}),
		constraintCase(Case{
			ID: "email-at-permitted-host", Summary: "has an e-mail address at the host that is permitted",
			Meaning: tooFew, Rules: alike(MustAccept, subtreeCite),
			Mutation: constrained(mail("root@good.test"), mail("good.test"), nil),
		}),
		{
			ID: "constraints/root", Roles: asBoth, Reasons: outside,
			Summary: "has a DNS name that is excluded by the trusted root", Meaning: "A root that was to vouch " +
				"for one domain vouches for every one.",
			Rules: strictOnly("RFC 5280, 6.2", "policy: what a trusted root says of itself is believed"),
			Mutation: func(good pki.Request) pki.Mutation {
				return pki.Together(
					func(f *pki.Forgery) {
						f.OwnRoot().
							Edit(func(t *pki.TBS) { t.Set(pki.NameConstraints(nil, names{pki.DNSName("evil.test")})) })
					},
					leafAlso(good, pki.DNSName("www.evil.test")),
				)
			},
		},
	}
}

func directoryConstraints() []Case {
	ours, others := pki.DirectoryName(
		pkix.Name{Organization: []string{"mtlslab"}},
	), pki.DirectoryName(
		pkix.Name{Organization: []string{"others"}},
	)
	must := alike(MustRefuse, subtreeCite)
	quiet := pki.NameConstraints(nil, names{ours})
	quiet.Critical = false
	all := []Case{
		constraintCase(Case{
			ID: "directory-name-excluded", Summary: "has a subject that is excluded for its issuer",
			Meaning: unbound, Rules: must,
			Mutation: constrained(nil, nil, names{ours}),
		}),
		constraintCase(Case{
			ID: "directory-name-not-permitted", Summary: "has a subject that its issuer may not issue",
			Meaning: unbound, Rules: must,
			Mutation: constrained(nil, names{others}, nil),
		}),
		constraintCase(Case{
			ID:      "directory-name-excluded-not-critical",
			Summary: "has a subject that is excluded by an extension that is not critical",
			Meaning: unbound, Rules: must,
			Mutation: same(pki.IssuerExtension(quiet)),
		}),
		constraintCase(Case{
			ID: "directory-name-permitted", Summary: "has a subject that its issuer may issue",
			Meaning: tooFew, Rules: alike(MayEither, subtreeCite),
			Mutation: constrained(nil, names{ours}, nil),
		}),
	}
	for i := range all {
		all[i].Reasons = append([]wire.Reason{wire.CriticalExtension}, outside...)
	}
	return all
}

func oddConstraints() []Case {
	malformed := func(value []byte) func(pki.Request) pki.Mutation {
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
		constraintCase(Case{
			ID: "empty", Summary: "has an issuer whose name constraints are empty",
			Meaning:  panics,
			Rules:    strictOnly(subtreeCite, "policy: a constraint that cannot be read is none that can be kept"),
			Mutation: malformed(pki.Sequence()),
		}),
		constraintCase(Case{
			ID: "garbage", Summary: "has an issuer whose name constraints are no DER",
			Meaning: panics, Rules: alike(MustRefuse, "RFC 5280, 4.2"),
			Mutation: malformed([]byte("garbage")),
		}),
		constraintCase(Case{
			ID: "ip-mask-with-gaps", Summary: "has an issuer that may issue for a network with gaps",
			Meaning:  panics,
			Rules:    strictOnly(subtreeCite, "policy: a constraint that cannot be read is none that can be kept"),
			Mutation: constrained(nil, nil, names{pki.IPName(192, 0, 2, 0, 255, 0, 255, 0)}),
		}),
		constraintCase(Case{
			ID: "empty-dns-name", Summary: "has an empty DNS name, and an issuer with name constraints",
			Meaning: panics, Rules: strictOnly("RFC 5280, 4.2.1.6", "CVE-2026-27138"),
			Mutation: constrained(names{pki.DNSName("")}, nil, names{pki.DNSName("evil.test")}),
		}),
		constraintCase(Case{
			ID:      "mailbox-in-utf-8",
			Summary: "has a mailbox beyond ASCII, and an issuer with a constraint in overlong punycode",
			Meaning: panics, Rules: alike(MayEither, "CVE-2022-3602"),
			Mutation: constrained(
				names{pki.OtherName(smtpUTF8Mailbox, "a@xn--"+strings.Repeat("a", 600)+"b.test")},
				names{pki.EmailName("xn--" + strings.Repeat("a", 600) + "b.test")},
				nil,
			),
		}),
		constraintCase(Case{
			ID: "many", Summary: "has a thousand names, and an issuer with a thousand constraints",
			Meaning: slow, Rules: alike(MayEither, "CVE-2025-58187"),
			Mutation: func(good pki.Request) pki.Mutation { // when it is asked for: it takes long
				more, excluded := many(1000, pki.DNSName, "a%d.good.test"), many(1000, pki.DNSName, "b%d.evil.test")
				return constrained(more, nil, excluded)(good)
			},
		}),
	}
	for i := range all {
		all[i].Reasons = bad
	}
	return all
}

var smtpUTF8Mailbox = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 9} // RFC 9598, 3
