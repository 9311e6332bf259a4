package cases

import (
	"crypto/x509/pkix"
	"encoding/asn1"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// policyCases are of the policies under which an authority issues.
func policyCases() []Case {
	require := pkix.Extension{Id: pki.OIDPolicyConstraints, Critical: true, Value: pki.Sequence([]byte{0x80, 1, 0})}
	demand := Case{
		ID: "constraints/explicit-policy", Roles: asBoth, Reasons: []wire.Reason{
			wire.BadCertificate, wire.CriticalExtension, wire.UnknownAuthority,
		},
		Summary:  "has an issuer that demands a policy, and names none",
		Meaning:  "What an authority demands of those who rely on it is not done.",
		Rules:    alike(MustRefuse, "RFC 5280, 6.1.3 (f)"),
		Mutation: same(pki.IssuerExtension(require)),
	}
	tree := constraintCase(Case{
		ID: "policy-tree", Summary: "has policies that are mapped to each other at every level",
		Meaning: slow, Rules: alike(MayEither, "CVE-2023-0464"),
		Mutation: same(policyTree),
	})
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
		return pkix.Extension{
			Id:    pki.OIDPolicies,
			Value: pki.Sequence(pki.Sequence(policy(level, 0)), pki.Sequence(policy(level, 1))),
		}
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
			ID: "constraints/unknown-critical", Roles: asBoth, Reasons: reasons,
			Summary: "has a critical extension that nobody knows", Meaning: meaning,
			Rules:    alike(MustRefuse, "RFC 5280, 4.2"),
			Mutation: same(pki.LeafExtension(pki.Unknown(true))),
		},
		{
			ID: "constraints/unknown-critical-issuer", Roles: asBoth, Reasons: reasons,
			Summary: "has an issuer with a critical extension that nobody knows", Meaning: meaning,
			Rules:    alike(MustRefuse, "RFC 5280, 6.1.4 (o)"),
			Mutation: same(pki.IssuerExtension(pki.Unknown(true))),
		},
		{
			ID: "constraints/unknown-not-critical", Roles: asBoth, Reasons: reasons,
			Summary: "has an extension that nobody knows, and nobody need", Meaning: tooFew,
			Rules:    alike(MustAccept, "RFC 5280, 4.2"),
			Mutation: same(pki.LeafExtension(pki.Unknown(false))),
		},
	}
}
