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
	TakesStrangers Promise = "verifies, but lets in who holds nothing of the authority's"
	TakesFormer    Promise = "verifies, but takes what is not good any more"
	TakesAnybody   Promise = "authenticates, but anybody of the authority is anybody"
	TakesSome      Promise = "authenticates, but takes some certificates of others"
	Authenticates  Promise = "authenticates"
)

// noCertificate is the case of who comes with nothing.
const noCertificate = "protocol/no-client-certificate"

// Promise is what a peer, as it is set up, comes to. A peer that is told whom to admit authenticates
// only if no other gets in. Nothing good is said of what was not shown.
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
	shown := func(id string) bool {
		of := func(f Finding) bool { return f.Case == id }
		return slices.ContainsFunc(a.Findings, of) && !slices.ContainsFunc(a.Findings, func(f Finding) bool {
			return of(f) && f.Shown() != Passed
		})
	}
	first := map[wire.Role]string{wire.Server: noCertificate, wire.Client: "identity/other-host"}[a.Role]
	switch {
	case fails(stranger) || fails("chain/self-signed"):
		return VerifiesNobody
	case fails(noCertificate):
		return AsksNobody
	case in(cases.Nobody):
		return TakesStrangers
	case in(cases.Former):
		return TakesFormer
	case fails("identity/other-host"), fails("identity/other-id"):
		return TakesAnybody
	case !shown(stranger) || !shown(first):
		return Unproven
	case a.Role == wire.Server && !shown("identity/other-id"):
		return TakesAnybody
	case in(cases.Insider):
		return TakesSome
	default:
		return Authenticates
	}
}
