package finding

import (
	"slices"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Promise is what somebody who sets a peer up wants to know of it, in a few words.
type Promise string

// The promises, worst first.
const (
	Unproven       Promise = "could not be put to the test so"
	AsksNobody     Promise = "lets in who shows no certificate"
	VerifiesNobody Promise = "asks, but does not verify"
	TakesFormer    Promise = "verifies, but takes what is not good any more"
	TakesAnybody   Promise = "authenticates, but anybody of the authority is anybody"
	Authenticates  Promise = "authenticates"
)

// Promise is what a peer, as it is set up, comes to. A peer that is told whom to admit authenticates
// only if no other gets in.
func (a Audit) Promise() Promise {
	if a.Broke != "" || !a.Controlled() || len(a.Findings) == 0 {
		return Unproven
	}
	in := func(attacker cases.Attacker) bool {
		return slices.ContainsFunc(a.Findings, func(f Finding) bool { return f.Attacker == attacker && f.lets() })
	}
	fails := func(id string) bool {
		return slices.ContainsFunc(a.Findings, func(f Finding) bool { return f.Case == id && f.lets() })
	}
	told := slices.ContainsFunc(a.Findings, func(f Finding) bool {
		return f.Case == "identity/other-id" && f.Shown() == Passed
	})
	switch {
	case fails("chain/other-authority") || fails("chain/self-signed"):
		return VerifiesNobody
	case in(cases.Nobody):
		return AsksNobody
	case in(cases.Former):
		return TakesFormer
	case in(cases.Insider), a.Role == wire.Server && !told:
		return TakesAnybody
	default:
		return Authenticates
	}
}
