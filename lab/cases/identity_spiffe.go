package cases

import (
	"fmt"
	"strings"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// spiffeCases are IDs that are not well formed, or not the only one.
func spiffeCases() []Case {
	all := []Case{
		twoIDs(
			"two-ids",
			"has a second SPIFFE ID",
			func(role wire.Role) []string { return []string{idOf(role), intruder} },
		),
		twoIDs(
			"two-ids-other-first",
			"has a second SPIFFE ID before its own",
			func(role wire.Role) []string { return []string{intruder, idOf(role)} },
		),
		twoIDs(
			"id-beside-web-address",
			"has another URI beside its SPIFFE ID",
			func(role wire.Role) []string { return []string{idOf(role), "https://evil.test/"} },
		),
		{
			ID: "identity/server-without-id", Attacker: Authority, Roles: asServer, Reasons: wrongName,
			Summary:  "has the host's name, and no URI",
			Meaning:  "A server is turned away that has the name it was asked for.",
			Rules:    rules(accept("RFC 9525, 6.3"), refuse("X509-SVID, 2"), accept("RFC 9525, 6.3")),
			Mutation: hostNames(dnsName("HOST")),
		},
	}
	for _, m := range []struct {
		id, summary, cite string
		change            func(id string) string
	}{
		{"percent-encoded", "has an ID with an encoded letter", "SPIFFE-ID, 2.2", encodeFirst},
		{
			"with-final-slash", "has an ID with a slash at its end", "SPIFFE-ID, 2.2",
			func(id string) string { return id + "/" },
		},
		{
			"with-double-slash", "has an ID with an empty segment", "SPIFFE-ID, 2.2",
			func(id string) string { return strings.Replace(id, "lab/", "lab//", 1) },
		},
		{
			"with-dot-segments", "has an ID that leads elsewhere and back", "SPIFFE-ID, 2.2",
			func(id string) string { return strings.Replace(id, "lab/", "lab/evil/../", 1) },
		},
		{"with-query", "has an ID with a query", "SPIFFE-ID, 2", func(id string) string { return id + "?admin" }},
		{"with-fragment", "has an ID with a fragment", "SPIFFE-ID, 2", func(id string) string { return id + "#admin" }},
		{
			"with-user", "has an ID with a user", "SPIFFE-ID, 2.1",
			func(id string) string { return strings.Replace(id, "lab/", "lab@lab/", 1) },
		},
		{
			"with-port", "has an ID with a port", "SPIFFE-ID, 2.1",
			func(id string) string { return strings.Replace(id, "lab/", "lab:443/", 1) },
		},
	} {
		all = append(
			all,
			malformedID("id-"+m.id, m.summary, rules(either("RFC 3986, 6"), refuse(m.cite), refuse(m.cite)), m.change),
		)
	}
	capital := rules(
		either("RFC 3986, 6.2.2.1"),
		either("SPIFFE-ID, 2.4"),
		refuse("policy: names are compared as they were signed"),
	)
	long := rules(
		either("RFC 3986, 2"),
		either("SPIFFE-ID, 2.3"),
		refuse("policy: an ID has at most the 2048 bytes of SPIFFE-ID, 2.3"),
	)
	return append(
		all,
		malformedID(
			"id-with-scheme-in-upper-case",
			"has an ID whose scheme is in capitals",
			capital,
			func(id string) string { return strings.Replace(id, "spiffe", "SPIFFE", 1) },
		),
		malformedID(
			"id-with-domain-in-upper-case",
			"has an ID whose trust domain is in capitals",
			capital,
			func(id string) string { return strings.Replace(id, "lab", "LAB", 1) },
		),
		malformedID(
			"id-too-long",
			"has an ID of more than 2048 bytes",
			long,
			func(id string) string { return id + strings.Repeat("/a", 1024) },
		),
	)
}

// encodeFirst encodes the first letter of the path, which needs no encoding.
func encodeFirst(id string) string {
	i := len("spiffe://lab/")
	return fmt.Sprintf("%s%%%02x%s", id[:i], id[i], id[i+1:])
}

func twoIDs(id, summary string, ids func(wire.Role) []string) Case {
	return Case{
		ID: "identity/" + id, Roles: asBoth, Attacker: Authority, Summary: summary,
		Reasons: []wire.Reason{wire.BadName, wire.NotAllowed},
		Meaning: "Two checks, one for the list and one for the log, can each find another name in the same certificate.",
		Rules: rules(either("RFC 5280, 4.2.1.6"), refuse("X509-SVID, 5.2"),
			refuse("X509-SVID, 5.2")),
		Mutation: func(good pki.Request) pki.Mutation { return pki.LeafNames(namesOf(good, ids(good.Role)...)...) },
	}
}

func malformedID(id, summary string, rules map[Profile]Rule, change func(string) string) Case {
	return Case{
		ID: "identity/" + id, Roles: asBoth, Attacker: Authority, Summary: summary, Rules: rules,
		Meaning:  "An ID that is written in two ways is one name to one check and another to the next.",
		Reasons:  []wire.Reason{wire.BadName, wire.NotAllowed, wire.BadCertificate},
		Mutation: func(good pki.Request) pki.Mutation { return pki.LeafNames(namesOf(good, change(idOf(good.Role)))...) },
	}
}
