package cases

import (
	"crypto/x509"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

const (
	ownAuthority = "Anybody can make an authority of their own; with it they are whoever they want to be."
	anyIssuer    = "Whoever has a certificate can issue others, in any name."
)

var (
	unknown = []wire.Reason{wire.UnknownAuthority}
	notCA   = []wire.Reason{wire.NotAnAuthority, wire.UnknownAuthority}
)

// SecondRoot is the name of the case, in its group, by which it is known whether a peer takes
// more than one root.
const SecondRoot = "second-root"

// chainCase must be refused by whoever builds a path at all.
func chainCase(c Case) Case {
	c.ID, c.Roles = "chain/"+c.ID, asBoth
	return c
}

// systemCase is of an authority that the system of the other side trusts. Who is told whom to trust
// trusts nobody else.
func systemCase(c Case) Case {
	c.ID, c.Mutation, c.Reasons = "chain/"+c.ID, same(pki.OfSystem), unknown
	c.Rules = alike(MustRefuse, "RFC 5280, 6.1.1 (d)")
	return c.needing(SystemStore)
}

// goodChain must be accepted, or may be.
func goodChain(c Case) Case {
	c.ID, c.Roles = "chain/"+c.ID, asBoth
	c.Reasons = []wire.Reason{wire.UnknownAuthority, wire.NotAnAuthority, wire.BadCertificate, wire.ProtocolError}
	return c
}

// chainCases do not lead to an authority that is trusted, or by a way that no
// authority allows.
func chainCases() []Case {
	all := append(strangers(), issuers()...)
	all = append(all, odd()...)
	return by(Nobody, append(all, peers()...))
}

func strangers() []Case {
	const path = "RFC 5280, 6.1.3 (a)(1)"
	return []Case{
		chainCase(Case{
			ID: "self-signed", Summary: "presents a certificate that it signed itself",
			Meaning: ownAuthority, Rules: alike(MustRefuse, "RFC 5280, 6.1"), Reasons: unknown,
			Mutation: same(pki.SelfSigned),
		}),
		chainCase(Case{
			ID: "other-authority", Summary: "presents a good chain of an authority that nobody trusts",
			Meaning: ownAuthority, Rules: alike(MustRefuse, "RFC 5280, 6.1"), Reasons: unknown,
			Mutation: same(pki.Untrusted),
		}),
		chainCase(Case{
			ID: "other-authority-with-root", Summary: "presents that chain and its root",
			Meaning: ownAuthority, Rules: alike(MustRefuse, "RFC 5280, 6.1"), Reasons: unknown,
			Mutation: same(pki.UntrustedPresented),
		}),
		systemCase(Case{
			ID: "public-authority", Roles: asClient, Attacker: Nobody,
			Summary: "has a good certificate of an authority that the server's system trusts, and the server was not told of",
			Meaning: "Whoever has a certificate of any public authority is let in: anybody can have one, in a name of his own.",
		}),
		systemCase(Case{
			ID: "public-authority-errs", Roles: asServer, Attacker: Authority,
			Summary: "has a certificate in the host's name of an authority that the client's system trusts, and the client " +
				"was not told of",
			Meaning: "Any public authority that errs, or is robbed, can make whoever it likes the server.",
		}),
		chainCase(Case{
			ID: "namesake", Summary: "presents a chain of an authority of the same name",
			Meaning: ownAuthority, Rules: alike(MustRefuse, path), Reasons: unknown,
			Mutation: same(pki.Namesake),
		}),
		chainCase(Case{
			ID: "namesake-with-root", Summary: "presents that chain and its root",
			Meaning: ownAuthority, Rules: alike(MustRefuse, path), Reasons: unknown,
			Mutation: same(pki.NamesakePresented),
		}),
		chainCase(Case{
			ID:      "namesake-with-key-id",
			Summary: "presents a root with the name and the key identifier of the trusted one",
			Meaning: ownAuthority, Rules: alike(MustRefuse, path), Reasons: unknown,
			Mutation: same(pki.NamesakeRoot),
		}),
		chainCase(Case{
			ID:      "namesake-intermediate",
			Summary: "presents an intermediate with the name and the key identifier of the good one",
			Meaning: ownAuthority, Rules: alike(MustRefuse, path), Reasons: unknown,
			Mutation: same(pki.NamesakeIntermediate),
		}),
		chainCase(Case{
			ID: "missing-intermediate", Summary: "leaves out an intermediate that nobody has seen before",
			Meaning:  "The other side takes a certificate whose issuer it cannot know.",
			Rules:    alike(MustRefuse, "RFC 5280, 6.1"),
			Reasons:  unknown,
			Mutation: same(pki.MissingIntermediate),
		}),
		chainCase(Case{
			ID: "leaf-not-first", Attacker: Insider, Summary: "presents the intermediate before the leaf",
			Meaning: "One check looks at the first certificate, and another at the one that fits.",
			Rules:   alike(MustRefuse, "RFC 8446, 4.4.2"),
			Reasons: []wire.Reason{
				wire.AuthorityAsPeer,
				wire.BadSignature,
				wire.WrongUsage,
				wire.WrongName,
				wire.NotAllowed,
				wire.ProtocolError,
			},
			Mutation: same(pki.LeafNotFirst),
		}),
		{
			ID: "chain/tampered-names", Roles: asBoth, Reasons: unknown,
			Summary: "has other names put into a certificate after it was signed",
			Meaning: "Nothing that a certificate says is protected: anybody can write the names in that they like.",
			Rules:   alike(MustRefuse, path),
			Mutation: func(good pki.Request) pki.Mutation {
				if good.Role == wire.Server {
					return pki.RenamedLeaf(pki.DNSName("other"), pki.URIName("spiffe://lab/other"))
				}
				return pki.RenamedLeaf(pki.URIName(intruder))
			},
		},
		chainCase(Case{
			ID: "tampered-signature", Summary: "has one bit of the leaf's signature changed",
			Meaning:  "Signatures on certificates are not verified.",
			Rules:    alike(MustRefuse, path),
			Reasons:  []wire.Reason{wire.UnknownAuthority, wire.BadCertificate},
			Mutation: same(pki.SpoiltSignature(pki.OfLeaf)),
		}),
		chainCase(Case{
			ID: "tampered-issuer-signature", Summary: "has one bit of the intermediate's signature changed",
			Meaning:  "Signatures on intermediates are not verified: anybody can make one.",
			Rules:    alike(MustRefuse, path),
			Reasons:  []wire.Reason{wire.UnknownAuthority, wire.BadCertificate},
			Mutation: same(pki.SpoiltSignature(pki.OfIssuer)),
		}),
	}
}

func issuers() []Case {
	withCertSign := func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCertSign }
	return []Case{
		chainCase(Case{
			ID: "leaf-as-issuer", Attacker: Insider, Summary: "has its certificate issued by the holder of another",
			Meaning: anyIssuer, Rules: alike(MustRefuse, "RFC 5280, 6.1.4 (k)"), Reasons: notCA,
			Mutation: same(pki.LeafAsIssuer(nil)),
		}),
		chainCase(Case{
			ID: "leaf-with-cert-sign-as-issuer", Attacker: Authority,
			Summary: "has its certificate issued by the holder of another that has keyCertSign, and is no CA",
			Meaning: anyIssuer, Rules: alike(MustRefuse, "RFC 5280, 6.1.4 (k)"), Reasons: notCA,
			Mutation: same(pki.LeafAsIssuer(withCertSign)),
		}),
		chainCase(Case{
			ID: "issuer-not-a-ca", Attacker: Authority, Summary: "has an intermediate that says it is no CA",
			Meaning: anyIssuer, Rules: alike(MustRefuse, "RFC 5280, 6.1.4 (k)"), Reasons: notCA,
			Mutation: same(pki.IssuerExtension(basicConstraints(false))),
		}),
		chainCase(Case{
			ID: "issuer-without-basic-constraints", Attacker: Authority,
			Summary: "has an intermediate that does not say whether it is a CA",
			Meaning: anyIssuer, Rules: alike(MustRefuse, "RFC 5280, 6.1.4 (k)"), Reasons: notCA,
			Mutation: same(pki.IssuerDER(func(t *pki.TBS) { t.Drop(pki.OIDBasicConstraints) })),
		}),
		chainCase(Case{
			ID: "issuer-of-version-1", Attacker: Authority,
			Summary:  "has an intermediate of version 1, which says nothing of what it may do",
			Meaning:  anyIssuer,
			Rules:    alike(MustRefuse, "RFC 5280, 6.1.4 (k)"),
			Reasons:  []wire.Reason{wire.NotAnAuthority, wire.UnknownAuthority, wire.BadCertificate},
			Mutation: same(pki.IssuerDER(func(t *pki.TBS) { t.Version, t.Extensions = nil, nil })),
		}),
		chainCase(Case{
			ID: "issuer-without-cert-sign", Attacker: Authority,
			Summary: "has an intermediate whose key may sign lists, and no certificates",
			Meaning: anyIssuer, Rules: alike(MustRefuse, "RFC 5280, 6.1.4 (n)"), Reasons: notCA,
			Mutation: same(pki.Issuer(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign })),
		}),
		chainCase(Case{
			ID: "path-length", Attacker: Authority, Summary: "has one intermediate more than the path length allows",
			Meaning:  "An authority that was to issue to peers only can make others.",
			Rules:    alike(MustRefuse, "RFC 5280, 6.1.4 (l)"),
			Reasons:  notCA,
			Mutation: same(pki.SubordinateBelow(0)),
		}),
		{
			ID: "chain/path-length-of-root", Attacker: Authority, Roles: asBoth, Reasons: notCA,
			Summary:  "has an intermediate where the root's path length allows none",
			Meaning:  "A root that was to issue to peers only can make authorities.",
			Rules:    strictOnly("RFC 5280, 6.2", "policy: what a trusted root says of itself is believed"),
			Mutation: same(pki.AnchorPathLen),
		},
		goodChain(Case{
			ID: "path-length-used-up", Summary: "has as many intermediates as the path length allows",
			Meaning:  "A good peer is turned away: path lengths are counted wrong.",
			Rules:    alike(MustAccept, "RFC 5280, 4.2.1.9"),
			Mutation: same(pki.SubordinateBelow(1)),
		}),
	}
}

func odd() []Case {
	const extra, order = "RFC 8446, 4.4.2", "Peers are turned away, or not, depending on certificates that " +
		"are nothing to their path."
	return []Case{
		goodChain(Case{
			ID:       "cross-signed",
			Summary:  "presents two intermediates that certify each other, and the root's certificate for one of them",
			Meaning:  "A peer with a good path is turned away, or whoever sends such a chain brings the other side down.",
			Rules:    alike(MustAccept, "CVE-2024-0567"),
			Mutation: same(pki.CrossSigned),
		}),
		goodChain(Case{
			ID: SecondRoot, Summary: "is good, under the second of the trusted roots",
			Meaning:  "A bundle of roots is read as far as the first: good peers of the others are turned away.",
			Rules:    alike(MustAccept, "RFC 5280, 6.2"),
			Mutation: same(func(f *pki.Forgery) { f.OwnRoot() }),
		}),
		goodChain(Case{
			ID: "root-presented", Summary: "presents the trusted root as well",
			Meaning:  "A good peer is turned away for sending what it may leave out.",
			Rules:    alike(MustAccept, "RFC 8446, 4.4.2"),
			Mutation: same(pki.RootPresented),
		}),
		goodChain(Case{
			ID: "unrelated-certificate", Summary: "presents a certificate that belongs to nothing",
			Meaning: order, Rules: alike(MayEither, extra),
			Mutation: same(pki.Unrelated),
		}),
		goodChain(Case{
			ID: "intermediate-twice", Summary: "presents the intermediate two times",
			Meaning: order, Rules: alike(MayEither, extra),
			Mutation: same(pki.IntermediateTwice),
		}),
		goodChain(Case{
			ID: "issuers-out-of-order", Summary: "presents two intermediates in the wrong order",
			Meaning: order, Rules: alike(MayEither, extra),
			Mutation: same(pki.OutOfOrder),
		}),
		{
			ID: "chain/hundred-issuers", Roles: asBoth,
			Reasons: []wire.Reason{
				wire.UnknownAuthority,
				wire.BadCertificate,
				wire.ProtocolError,
				wire.NotAnAuthority,
			},
			Summary:  "has a hundred intermediates, each good",
			Meaning:  "Whoever sends it brings the other side down, or makes it work for nothing.",
			Rules:    alike(MayEither, "CVE-2024-28835"),
			Mutation: same(pki.Deep(100)),
		},
		{
			ID: "chain/bulky", Attacker: Authority, Roles: asBoth,
			Reasons: []wire.Reason{wire.ProtocolError, wire.BadCertificate},
			Summary: "has a certificate of 300 KiB",
			Meaning: "Whoever can connect makes the other side keep as much as they like.",
			Rules: strictOnly(
				"RFC 8446, 4.4.2",
				"policy: what is read from a stranger is bounded, and 256 KiB is more than any chain needs",
			),
			Mutation: same(pki.Bulky(300 << 10)),
		},
	}
}

func peers() []Case {
	const stolen = "Whoever gets at the key of an authority, for however short a time, needs to issue " +
		"nothing: it is a peer already."
	asPeer := []wire.Reason{wire.AuthorityAsPeer, wire.WrongUsage, wire.WrongName, wire.NotAllowed, wire.BadName}
	return []Case{
		chainCase(Case{
			ID: "issuer-as-peer", Attacker: Authority, Summary: "presents the authority's intermediate as its own certificate",
			Meaning: stolen, Rules: alike(MustRefuse, "RFC 5280, 4.2.1.3"), Reasons: asPeer,
			Mutation: same(pki.IssuerAsPeer),
		}),
		chainCase(Case{
			ID: "root-as-peer", Attacker: Authority, Summary: "presents the trusted root as its own certificate",
			Meaning: stolen, Rules: alike(MustRefuse, "RFC 5280, 4.2.1.3"), Reasons: asPeer,
			Mutation: same(pki.RootAsPeer),
		}),
		chainCase(Case{
			ID: "named-issuer-as-peer", Attacker: Authority,
			Summary: "presents an intermediate that has a peer's names and usage beside its own",
			Meaning: stolen, Rules: alike(MustRefuse, "RFC 5280, 4.2.1.3"), Reasons: asPeer,
			Mutation: same(pki.NamedIssuerAsPeer),
		}),
	}
}
