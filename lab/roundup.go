package lab

import (
	"cmp"
	"context"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Roundup audits many peers in one lab, so that each is shown the very same
// certificates.
type Roundup struct {
	Audits []Audit
	AtOnce int // how many are under way at once; DefaultAtOnce if 0

	// Finished, if not nil, is told of each audit as it is over, or why it broke:
	// that says nothing of the others. It is not called twice at the same time.
	Finished func(i int, result finding.Audit, broke error)
}

// DefaultAtOnce is how many audits keep two processors busy: while one waits for
// containers or for its peer's patience to end, others work.
const DefaultAtOnce = 4

// Roundup carries out the audits. Its error is that of ctx; what breaks one audit
// alone goes to Finished.
func (l *Lab) Roundup(ctx context.Context, r Roundup) error {
	over := make(chan struct{}, 1) // held while Finished is told
	var group errgroup.Group
	if r.AtOnce <= 0 {
		r.AtOnce = DefaultAtOnce
	}
	group.SetLimit(r.AtOnce)
	for _, i := range longestFirst(r.Audits) {
		a := r.Audits[i]
		group.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			result, err := l.Audit(ctx, a)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if r.Finished != nil {
				over <- struct{}{}
				defer func() { <-over }()
				r.Finished(i, result, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// longestFirst is an order in which no long audit is left to run alone: clients,
// each run of which is a process, before servers, which wait a good deal; and of
// those first the ones that can be run only a few at a time.
func longestFirst(audits []Audit) []int {
	order := make([]int, len(audits))
	for i := range order {
		order[i] = i
	}
	rank := func(i int) (int, int) {
		a := audits[i]
		atOnce := cmp.Or(parallelOf(a.Peer), math.MaxInt)
		if a.Role == wire.Server {
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
