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

// chainCase must be refused by whoever builds a path at all.
func chainCase(id, row, summary, meaning, cite string, reasons []wire.Reason, m pki.Mutation) Case {
	return Case{
		ID: "chain/" + id, Row: row, Roles: asBoth, Summary: summary, Meaning: meaning,
		Reasons: reasons, Rules: alike(MustRefuse, cite), Mutation: same(m),
	}
}

// goodChain must be accepted, or may be.
func goodChain(id, row, summary, meaning string, rules map[Profile]Rule, m pki.Mutation) Case {
	return Case{
		ID: "chain/" + id, Row: row, Roles: asBoth, Summary: summary, Meaning: meaning,
		Reasons: []wire.Reason{wire.UnknownAuthority, wire.NotAnAuthority, wire.BadCertificate, wire.ProtocolError},
		Rules:   rules, Mutation: same(m),
	}
}

// chainCases do not lead to an authority that is trusted, or by a way that no
// authority allows.
func chainCases() []Case {
	all := append(strangers(), issuers()...)
	all = append(all, odd()...)
	return append(all, peers()...)
}

func strangers() []Case {
	const path = "RFC 5280, 6.1.3 (a)(1)"
	return []Case{
		chainCase("self-signed", "B01", "presents a certificate that it signed itself", ownAuthority, "RFC 5280, 6.1", unknown, pki.SelfSigned),
		chainCase("other-authority", "B02", "presents a good chain of an authority that nobody trusts", ownAuthority, "RFC 5280, 6.1", unknown, pki.Untrusted),
		chainCase("other-authority-with-root", "B02", "presents that chain and its root", ownAuthority, "RFC 5280, 6.1", unknown, pki.UntrustedPresented),
		chainCase("namesake", "B03", "presents a chain of an authority of the same name", ownAuthority, path, unknown, pki.Namesake),
		chainCase("namesake-with-root", "B03", "presents that chain and its root", ownAuthority, path, unknown, pki.NamesakePresented),
		chainCase("namesake-with-key-id", "B03", "presents a root with the name and the key identifier of the trusted one", ownAuthority, path, unknown, pki.NamesakeRoot),
		chainCase("namesake-intermediate", "B04", "presents an intermediate with the name and the key identifier of the good one", ownAuthority, path, unknown, pki.NamesakeIntermediate),
		chainCase("missing-intermediate", "B05", "leaves out an intermediate that nobody has seen before",
			"The other side takes a certificate whose issuer it cannot know.", "RFC 5280, 6.1", unknown, pki.MissingIntermediate),
		chainCase("leaf-not-first", "B06", "presents the intermediate before the leaf",
			"One check looks at the first certificate, and another at the one that fits.", "RFC 8446, 4.4.2",
			[]wire.Reason{wire.AuthorityAsPeer, wire.BadSignature, wire.WrongUsage, wire.WrongName, wire.NotAllowed, wire.ProtocolError}, pki.LeafNotFirst),
		{
			ID: "chain/tampered-names", Row: "B11", Roles: asBoth, Reasons: unknown,
			Summary: "has other names put into a certificate after it was signed",
			Meaning: "Nothing that a certificate says is protected: anybody can write the names in that they like.",
			Rules:   alike(MustRefuse, path),
			Mutation: func(role wire.Role) pki.Mutation {
				if role == wire.Server {
					return pki.RenamedLeaf(pki.DNSName("other"), pki.URIName("spiffe://lab/other"))
				}
				return pki.RenamedLeaf(pki.URIName(intruder))
			},
		},
		chainCase("tampered-signature", "B11", "has one bit of the leaf's signature changed", "Signatures on certificates are not verified.", path,
			[]wire.Reason{wire.UnknownAuthority, wire.BadCertificate}, pki.SpoiltSignature(pki.OfLeaf)),
		chainCase("tampered-issuer-signature", "B11", "has one bit of the intermediate's signature changed", "Signatures on intermediates are not verified: anybody can make one.", path,
			[]wire.Reason{wire.UnknownAuthority, wire.BadCertificate}, pki.SpoiltSignature(pki.OfIssuer)),
	}
}

func issuers() []Case {
	withCertSign := func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCertSign }
	return []Case{
		chainCase("leaf-as-issuer", "B07", "has its certificate issued by the holder of another", anyIssuer, "RFC 5280, 6.1.4 (k)", notCA, pki.LeafAsIssuer(nil)),
		chainCase("leaf-with-cert-sign-as-issuer", "B07", "has its certificate issued by the holder of another that has keyCertSign, and is no CA", anyIssuer, "RFC 5280, 6.1.4 (k)", notCA, pki.LeafAsIssuer(withCertSign)),
		chainCase("issuer-not-a-ca", "B08", "has an intermediate that says it is no CA", anyIssuer, "RFC 5280, 6.1.4 (k)", notCA,
			pki.IssuerExtension(basicConstraints(false))),
		chainCase("issuer-without-basic-constraints", "B08", "has an intermediate that does not say whether it is a CA", anyIssuer, "RFC 5280, 6.1.4 (k)", notCA,
			pki.IssuerDER(func(t *pki.TBS) { t.Drop(pki.OIDBasicConstraints) })),
		chainCase("issuer-of-version-1", "G11", "has an intermediate of version 1, which says nothing of what it may do", anyIssuer, "RFC 5280, 6.1.4 (k)",
			[]wire.Reason{wire.NotAnAuthority, wire.UnknownAuthority, wire.BadCertificate},
			pki.IssuerDER(func(t *pki.TBS) { t.Version, t.Extensions = nil, nil })),
		chainCase("issuer-without-cert-sign", "B09", "has an intermediate whose key may sign lists, and no certificates", anyIssuer, "RFC 5280, 6.1.4 (n)", notCA,
			pki.Issuer(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign })),
		chainCase("path-length", "B10", "has one intermediate more than the path length allows", "An authority that was to issue to peers only can make others.", "RFC 5280, 6.1.4 (l)", notCA, pki.SubordinateBelow(0)),
		{
			ID: "chain/path-length-of-root", Row: "B10", Roles: asBoth, Reasons: notCA,
			Summary:  "has an intermediate where the root's path length allows none",
			Meaning:  "A root that was to issue to peers only can make authorities.",
			Rules:    strictOnly("RFC 5280, 6.2", "policy: what a trusted root says of itself is believed"),
			Mutation: same(pki.AnchorPathLen),
		},
		goodChain("path-length-used-up", "B10", "has as many intermediates as the path length allows",
			"A good peer is turned away: path lengths are counted wrong.", alike(MustAccept, "RFC 5280, 4.2.1.9"), pki.SubordinateBelow(1)),
	}
}

func odd() []Case {
	const extra, order = "RFC 8446, 4.4.2", "Peers are turned away, or not, depending on certificates that are nothing to their path."
	return []Case{
		goodChain("cross-signed", "B12", "presents two intermediates that certify each other, and the root's certificate for one of them",
			"A peer with a good path is turned away, or whoever sends such a chain brings the other side down.", alike(MustAccept, "CVE-2024-0567"), pki.CrossSigned),
		goodChain("root-presented", "B02", "presents the trusted root as well", "A good peer is turned away for sending what it may leave out.", alike(MustAccept, "RFC 8446, 4.4.2"), pki.RootPresented),
		goodChain("unrelated-certificate", "B06", "presents a certificate that belongs to nothing", order, alike(MayEither, extra), pki.Unrelated),
		goodChain("intermediate-twice", "B06", "presents the intermediate two times", order, alike(MayEither, extra), pki.IntermediateTwice),
		goodChain("issuers-out-of-order", "B06", "presents two intermediates in the wrong order", order, alike(MayEither, extra), pki.OutOfOrder),
		{
			ID: "chain/hundred-issuers", Row: "B13", Roles: asBoth,
			Reasons:  []wire.Reason{wire.UnknownAuthority, wire.BadCertificate, wire.ProtocolError, wire.NotAnAuthority},
			Summary:  "has a hundred intermediates, each good",
			Meaning:  "Whoever sends it brings the other side down, or makes it work for nothing.",
			Rules:    alike(MayEither, "CVE-2024-28835"),
			Mutation: same(pki.Deep(100)),
		},
		{
			ID: "chain/bulky", Row: "B13", Roles: asBoth,
			Reasons:  []wire.Reason{wire.ProtocolError, wire.BadCertificate},
			Summary:  "has a certificate of 300 KiB",
			Meaning:  "Whoever can connect makes the other side keep as much as they like.",
			Rules:    strictOnly("RFC 8446, 4.4.2", "policy: what is read from a stranger is bounded, and 256 KiB is more than any chain needs"),
			Mutation: same(pki.Bulky(300 << 10)),
		},
	}
}

func peers() []Case {
	const stolen = "Whoever gets at the key of an authority, for however short a time, needs to issue nothing: it is a peer already."
	asPeer := []wire.Reason{wire.AuthorityAsPeer, wire.WrongUsage, wire.WrongName, wire.NotAllowed, wire.BadName}
	return []Case{
		chainCase("issuer-as-peer", "B15", "presents the authority's intermediate as its own certificate", stolen, "RFC 5280, 4.2.1.3", asPeer, pki.IssuerAsPeer),
		chainCase("root-as-peer", "B15", "presents the trusted root as its own certificate", stolen, "RFC 5280, 4.2.1.3", asPeer, pki.RootAsPeer),
		chainCase("named-issuer-as-peer", "B15", "presents an intermediate that has a peer's names and usage beside its own", stolen, "RFC 5280, 4.2.1.3", asPeer, pki.NamedIssuerAsPeer),
	}
}
