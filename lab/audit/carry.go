package audit

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab/limit"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// carryOut makes trials side by side, in random order, and returns what came of each. A
// server that stands is looked at between them, and what it was in trouble with is made again,
// carefully. Those for which one is started alone go on beside the others.
func (r *round) carryOut(ctx context.Context, trials []trial, total int) ([]tried, error) {
	results := make([]tried, len(trials))
	carry := r.carrier(trials, results, total)
	alone, others := r.lanes(trials)
	group, within := errgroup.WithContext(ctx)
	group.Go(func() error {
		return alone.run(within, func(i int) error {
			_, err := carry(within, i, nil)
			return err
		})
	})
	var mu sync.Mutex
	var doubtful []int
	for _, s := range r.states() {
		of := slices.DeleteFunc(slices.Clone(others.trials), func(i int) bool { return r.standingFor(trials[i]) != s })
		group.Go(func() error {
			again, err := r.inBatches(within, s, lane{of, others.atOnce}, func(i int) bool { return trials[i].waits() }, carry)
			mu.Lock()
			defer mu.Unlock()
			doubtful = append(doubtful, again...)
			return err
		})
	}
	if err := cmp.Or(group.Wait(), context.Cause(ctx)); err != nil {
		return results, err
	}
	return results, r.again(ctx, trials, results, doubtful, carry)
}

// carryPlainly makes trials side by side, with no look at the server between them, and
// returns what came of each: controls, and all where no control was delivered.
func (r *round) carryPlainly(ctx context.Context, trials []trial, total int) ([]tried, error) {
	results := make([]tried, len(trials))
	carry := r.carrier(trials, results, total)
	alone, others := r.lanes(trials)
	all := lane{append(alone.trials, others.trials...), others.atOnce}
	err := all.run(ctx, func(i int) error {
		_, err := carry(ctx, i, r.targetFor(trials[i]))
		return err
	})
	return results, cmp.Or(err, context.Cause(ctx))
}

// targetFor is the server that a trial finds; nil if one is started for it alone, and of a
// client.
func (r *round) targetFor(t trial) *target {
	if t.alone() || r.plain == nil {
		return nil
	}
	return r.standingFor(t).target
}

// carrier makes the trial at one place against a server, or one of its own if that is nil,
// and keeps what came of it.
type carrier func(ctx context.Context, i int, server *target) (tried, error)

func (r *round) carrier(trials []trial, results []tried, total int) carrier {
	return func(ctx context.Context, i int, server *target) (tried, error) {
		made, err := r.inTurn(ctx, trials[i], server)
		if err != nil {
			return made, fmt.Errorf("case %s [%s]: %w", trials[i].ID, trials[i].version, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		results[i] = made
		r.done = min(r.done+1, total)
		r.audit.Progress(r.done, total, trials[i].ID)
		return made, nil
	}
}

// lane is some trials, by their places, and how many of them are made at once.
type lane struct {
	trials []int
	atOnce int
}

// lanes divides trials into those that find no server, because one is started for them alone
// or because a client is audited, and the others.
func (r *round) lanes(trials []trial) (alone, others lane) {
	others.atOnce = r.room().Size()
	if r.audit.Role == wire.Client {
		others.atOnce *= waiting
	}
	if r.traits.AtOnce > 0 {
		others.atOnce = min(r.traits.AtOnce, others.atOnce)
	}
	alone.atOnce = others.atOnce
	if r.traits.Starts > 0 && r.audit.Role == wire.Server {
		if alone.atOnce = r.traits.Starts; r.audit.Beside {
			alone.atOnce = 1
		}
	}
	for _, i := range rand.Perm(len(trials)) { //nolint:gosec // no secret: no trial may depend on another
		if trials[i].alone() || r.audit.Role == wire.Client {
			alone.trials = append(alone.trials, i)
		} else {
			others.trials = append(others.trials, i)
		}
	}
	return alone, others
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

// inTurn makes a trial when there is room for it in the lab: against a server that is there,
// or one that is started for it alone if there is none, or of a client.
func (r *round) inTurn(ctx context.Context, t trial, server *target) (tried, error) {
	if why := r.lacks(t); why != "" {
		return tried{Trial: verdict.Trial{Untried: why}}, nil
	}
	leave, err := r.enter(ctx)
	if err != nil {
		return tried{}, err
	}
	defer leave()
	if err := r.pace(ctx); err != nil {
		return tried{}, err
	}
	carry := func(ctx context.Context, v *verdict.Trial) error { return r.tryAgainst(ctx, t, server, v) }
	switch {
	case r.audit.Role == wire.Client:
		carry = func(ctx context.Context, v *verdict.Trial) error { return r.tryClient(ctx, t, v) }
	case server == nil:
		carry = func(ctx context.Context, v *verdict.Trial) error { return r.tryAlone(ctx, t, v) }
	}
	made, err := r.patiently(ctx, t, carry)
	made.by = server
	return made, err
}

// pace waits until a server that is somebody else's to run may be asked again.
func (r *round) pace(ctx context.Context) error {
	if r.traits.Pace == 0 {
		return nil
	}
	r.mu.Lock()
	at := r.next
	if now := time.Now(); at.Before(now) {
		at = now
	}
	r.next = at.Add(r.traits.Pace)
	r.mu.Unlock()
	return wait(ctx, at)
}

// room is where the trials of a role are made.
func (r *round) room() limit.Limit {
	if r.audit.Role == wire.Client {
		return r.Clients
	}
	return r.Servers
}
