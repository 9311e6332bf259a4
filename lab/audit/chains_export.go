package audit

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// exportedChain is what the adversary presents in one case, and in one role.
type exportedChain struct {
	Case string    `json:"case"`
	Role wire.Role `json:"role"`
	pki.Forged
	Key *struct{} `json:"Key,omitempty"` // hides that of Forged, which is in PKCS8
}

// Export returns, as JSON, what the adversary presents in those cases of which a peer must have
// been told something, in both roles, with its keys. The others it makes when they are tried,
// so that their dates are right then.
func (f *Chains) Export() ([]byte, error) {
	var all []exportedChain
	for _, role := range []wire.Role{wire.Client, wire.Server} {
		err := f.each(role, func(c cases.Case, forged *pki.Forged) {
			if told(forged) {
				all = append(all, exportedChain{Case: c.ID, Role: role, Forged: *forged})
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return json.Marshal(all)
}

// told says whether a peer must have been told something so that a chain can be tried.
func told(f *pki.Forged) bool { return len(f.ExtraRoots)+len(f.ExtraCRLs) > 0 }

// each makes the chains that an adversary of a role presents, the good one too.
func (f *Chains) each(role wire.Role, do func(cases.Case, *pki.Forged)) error {
	for _, c := range append(cases.All(), cases.Case{}, underOtherRoot()) {
		if len(c.Roles) > 0 && !slices.Contains(c.Roles, role) {
			continue
		}
		forged, err := f.of(c, guise{role: role, known: wire.FieldURI})
		if err != nil {
			return fmt.Errorf("case %s: %w", c.ID, err)
		}
		do(c, forged)
	}
	return nil
}

// ImportChains returns the chains of that authority that [Chains.Export] gave.
func ImportChains(pair *pki.Pair, text []byte) (*Chains, error) {
	var all []exportedChain
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("importing the adversary's certificates: %w", err)
	}
	f := NewChains(pair)
	f.imported = true
	for _, c := range all {
		key := chainKey{c.Case, guise{role: c.Role, known: wire.FieldURI}}
		f.forged[key] = func() (*pki.Forged, error) { return &c.Forged, nil }
	}
	return f, nil
}

// Trust is what a peer of that role is to trust besides the authority so that every case can
// be tried, and CRLs what it is to know revoked, both PEM.
func (f *Chains) Trust(of wire.Role) (trust, crls []byte, err error) {
	err = f.each(of.Other(), func(_ cases.Case, forged *pki.Forged) {
		trust, crls = append(trust, forged.Trust()...), append(crls, forged.CRLs()...)
	})
	return trust, crls, err
}
