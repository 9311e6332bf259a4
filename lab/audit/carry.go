package audit

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab/limit"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// carryOut makes trials side by side, in random order, and returns what came of each.
// Those for which the peer is started alone go on beside the others, in a row of their own
// if it cannot be started more than once at a time.
func (r *round) carryOut(ctx context.Context, trials []trial, total int) ([]tried, error) {
	results := make([]tried, len(trials))
	whole := ctx
	group, ctx := errgroup.WithContext(ctx)
	carry := func(i int) (err error) {
		if results[i], err = r.inTurn(ctx, trials[i]); err != nil {
			return fmt.Errorf("case %s [%s]: %w", trials[i].ID, trials[i].version, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.done++
		r.audit.Progress(r.done, total, trials[i].ID)
		return nil
	}
	starts, others := r.lanes(trials)
	for _, lane := range []lane{starts, others} {
		group.Go(func() error { return lane.run(ctx, carry) })
	}
	return results, cmp.Or(group.Wait(), context.Cause(whole))
}

// lane is some trials, by their places, and how many of them are made at once.
type lane struct {
	trials []int
	atOnce int
}

// lanes divides trials into those that need a start of their own and the others.
func (r *round) lanes(trials []trial) (starts, others lane) {
	room := r.room().Size()
	others.atOnce = room
	if r.traits.AtOnce > 0 {
		others.atOnce = min(r.traits.AtOnce, room)
	}
	starts.atOnce = max(1, r.traits.Starts)
	for _, i := range rand.Perm(len(trials)) { //nolint:gosec // no secret: no trial may depend on another
		if trials[i].alone() && r.traits.Starts > 0 && r.audit.Role == wire.Server {
			starts.trials = append(starts.trials, i)
		} else {
			others.trials = append(others.trials, i)
		}
	}
	return starts, others
}

func (l lane) run(ctx context.Context, carry func(i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(l.atOnce)
	for _, i := range l.trials {
		if ctx.Err() != nil {
			break // what went wrong is the group's to say
		}
		group.Go(func() error { return carry(i) })
	}
	return group.Wait()
}

// inTurn makes a trial when there is room for it in the lab.
func (r *round) inTurn(ctx context.Context, t trial) (tried, error) {
	if why := r.lacks(t); why != "" {
		return tried{Trial: verdict.Trial{Untried: why}}, nil
	}
	leave, err := r.room().Enter(ctx)
	if err != nil {
		return tried{}, err
	}
	defer leave()
	return r.try(ctx, t)
}

// room is where the trials of a role are made.
func (r *round) room() limit.Limit {
	if r.audit.Role == wire.Client {
		return r.Clients
	}
	return r.Servers
}
