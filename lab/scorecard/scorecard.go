// Package scorecard audits many peers side by side, and has them talk to each other with
// nobody in between.
//
// It exists so that peers can be compared: each is shown the very same certificates. It
// judges nothing itself, and does not print: a report is made of what it returns.
package scorecard

import (
	"cmp"
	"context"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/remedy"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Audits are many, of which some go on at once.
type Audits struct {
	Audits []audit.Audit
	AtOnce int // how many are under way at once; [DefaultAtOnce] if 0

	// Remedies: each peer is audited again with each of its adapter's remedies.
	Remedies bool

	// Finished, if not nil, is told of each audit as it is over, or why it broke:
	// that says nothing of the others. It is not called twice at the same time.
	Finished func(i int, result finding.Audit, broke error)
}

// DefaultAtOnce is how many audits keep two processors busy: while one waits for
// containers or for its peer's patience to end, others work.
const DefaultAtOnce = 4

// Run carries out the audits. Its error is that of ctx; what breaks one audit alone goes
// to Finished.
func (a Audits) Run(ctx context.Context, by *audit.Auditor) error {
	telling := make(chan struct{}, 1) // held while Finished is told
	var group errgroup.Group
	atOnce := cmp.Or(max(0, a.AtOnce), DefaultAtOnce)
	group.SetLimit(atOnce)
	for _, i := range longestFirst(a.Audits) {
		group.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			what := a.Audits[i]
			what.Beside = atOnce > 1
			result, err := by.Audit(ctx, what)
			if err == nil && a.Remedies {
				result, err = remedy.Try(ctx, by, what, result)
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if a.Finished != nil {
				telling <- struct{}{}
				defer func() { <-telling }()
				a.Finished(i, result, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// longestFirst is an order in which no long audit is left to run alone: clients,
// each run of which is a process, before servers, which wait a good deal; and of
// those first the ones that can be run only a few at a time.
func longestFirst(audits []audit.Audit) []int {
	order := make([]int, len(audits))
	for i := range order {
		order[i] = i
	}
	rank := func(i int) (int, int) {
		atOnce := cmp.Or(atOnceOf(audits[i].Peer), math.MaxInt)
		if audits[i].Role == wire.Server {
			return 1, atOnce
		}
		return 0, atOnce
	}
	slices.SortStableFunc(order, func(i, j int) int {
		roleI, atOnceI := rank(i)
		roleJ, atOnceJ := rank(j)
		return cmp.Or(cmp.Compare(roleI, roleJ), cmp.Compare(atOnceI, atOnceJ))
	})
	return order
}

// atOnceOf is how many connections a peer takes at once; any if 0.
func atOnceOf(p peer.Peer) int {
	if p == nil {
		return 0
	}
	return p.Traits().AtOnce
}
