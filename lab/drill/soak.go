package drill

import (
	"fmt"
	"time"
)

// soakCycle is how long one cycle of a soak takes, at least.
const soakCycle = 8 * leastCycleStep

// leastCycleStep is what a step takes: its rest, and until it has settled.
const leastCycleStep = leastRest + DefaultWithin

// Soak is a drill as long as one wants: renewals, rotations of the root there and back, lists that
// revoke and forgive, and files that cannot be used, again and again, in one server.
func Soak(length time.Duration) Drill {
	d := Drill{
		Name:    "soak",
		Summary: "renewals, rotations and broken files, again and again",
		Why:     "What leaks with every reload shows after a thousand of them.",
		Clients: []Client{good()},
	}
	for cycle := range max(1, int(length/soakCycle)) {
		leaf := 2 * cycle
		name := func(what string) string { return fmt.Sprintf("%s, cycle %d", what, cycle+1) }
		old := Kit{Leaf: leaf, Trusts: both}
		d.Steps = append(d.Steps,
			phase(name("both roots are trusted"), old, Kit{Trusts: both}),
			Step{Name: name("the server is of the new root"), Server: &Kit{From: New, Leaf: leaf, Trusts: both}},
			Step{Name: name("the clients are of the new root"), Clients: clients(Kit{From: New, Trusts: both}, "client")},
			bad(name("the new certificate comes with the old key"), Kit{From: New, Leaf: leaf + 1, Spoilt: OldKey}),
			Step{Name: name("there are lists"), Server: &Kit{From: New, Leaf: leaf + 1, Trusts: both, Lists: &Lists{}}},
			Step{Name: name("there are none"), Server: &Kit{From: New, Leaf: leaf + 1, Trusts: both}},
			Step{Name: name("the clients are of the old root"), Clients: clients(Kit{Trusts: both}, "client")},
			Step{Name: name("the server is of the old root"), Server: &Kit{Leaf: leaf + 1, Trusts: both}},
		)
	}
	return d
}
