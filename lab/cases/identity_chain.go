package cases

import (
	"github.com/mtlslab/mtlslab/lab/pki"
)

// chainNameCases have another's names in the leaf, and the right ones in a certificate above
// it.
func chainNameCases() []Case {
	const anyOfChain = "The name is taken from any certificate of the chain: whoever has an authority so named under " +
		"a trusted one is the peer, and so is each of its customers."
	above := func(c Case, cite string) Case {
		c.ID, c.Attacker, c.Meaning, c.Rules = "identity/"+c.ID, Authority, anyOfChain, alike(MustRefuse, cite)
		return c
	}
	stranger := pki.LeafNames(pki.DNSName("other"), pki.URIName("spiffe://lab/other"))
	issuer := func(names ...pki.GeneralName) pki.Mutation {
		return pki.IssuerExtension(pki.SubjectAltName(names...))
	}
	root := func(names ...pki.GeneralName) pki.Mutation {
		return func(f *pki.Forgery) {
			own := f.OwnRoot()
			own.Edit(func(t *pki.TBS) { t.Set(pki.SubjectAltName(names...)) })
			f.Present(own)
		}
	}
	// with has a certificate above the leaf have the good names.
	with := func(above func(...pki.GeneralName) pki.Mutation) func(pki.Request) pki.Mutation {
		return func(good pki.Request) pki.Mutation { return pki.Together(above(namesOf(good)...), stranger) }
	}
	return []Case{
		above(Case{
			ID: "host-in-issuer", Roles: asServer, Reasons: wrongName,
			Summary:  "has another host's names, and an intermediate that has the right ones",
			Mutation: with(issuer),
		}, "RFC 9525, 6.1"),
		above(Case{
			ID: "host-in-root", Roles: asServer, Reasons: wrongName,
			Summary:  "has another host's names, and presents a trusted root that has the right ones",
			Mutation: with(root),
		}, "RFC 9525, 6.1"),
		above(Case{
			ID: "uri-in-issuer", Roles: asServer, Reasons: wrongName,
			Summary:  "has another server's names, and an intermediate that has the right URI",
			Mutation: same(pki.Together(issuer(pki.URIName(serverID)), stranger)),
		}, "RFC 9525, 6.1"),
		above(Case{
			ID: "id-in-issuer", Roles: asClient, Reasons: notOnList, Needs: []Need{Admission},
			Summary:  "has another client's ID, and an intermediate that has the admitted one",
			Mutation: same(pki.Together(issuer(pki.URIName(clientID)), pki.LeafNames(pki.URIName(intruder)))),
		}, onlyClient),
	}
}
