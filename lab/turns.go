package lab

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// carryOut runs trials side by side, and returns what came of each. Those that share
// one container are a row of their own.
func (r *auditor) carryOut(ctx context.Context, trials []trial, total int) ([]result, error) {
	results := make([]result, len(trials))
	whole := ctx
	group, ctx := errgroup.WithContext(ctx)
	carry := func(i int) error {
		t := trials[i]
		v, err := r.inTurn(ctx, t)
		if err != nil {
			return fmt.Errorf("case %s [%s]: %w", t.ID, t.version, err)
		}
		results[i] = v
		r.mu.Lock()
		defer r.mu.Unlock()
		r.done++
		r.audit.Progress(r.done, total, t.ID)
		return nil
	}
	order := rand.Perm(len(trials)) //nolint:gosec // no secret: no trial may depend on another
	row := slices.DeleteFunc(slices.Clone(order), func(i int) bool { return !r.inSpare(trials[i]) })
	group.Go(func() error {
		for _, i := range row {
			if err := carry(i); err != nil {
				return err
			}
		}
		return nil
	})
	places := make(chan struct{}, r.sideBySide())
	for _, i := range order {
		if r.inSpare(trials[i]) {
			continue
		}
		leave, err := enter(ctx, places)
		if err != nil {
			break // what went wrong is the group's to say
		}
		group.Go(func() error {
			defer leave()
			return carry(i)
		})
	}
	return results, cmp.Or(group.Wait(), context.Cause(whole))
}

// inTurn makes a trial when there is room for it in the lab.
func (r *auditor) inTurn(ctx context.Context, t trial) (result, error) {
	if why := r.missing(t); why != "" {
		return result{untried: why}, nil
	}
	leave, err := enter(ctx, r.room())
	if err != nil {
		return result{}, err
	}
	defer leave()
	return r.try(ctx, t)
}

// enter waits for a place in a room of limited size.
func enter(ctx context.Context, room chan struct{}) (leave func(), err error) {
	select {
	case room <- struct{}{}:
		return func() { <-room }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// room is where the trials of a role are made.
func (r *auditor) room() chan struct{} {
	if r.audit.Role == wire.Client {
		return r.lab.runs
	}
	return r.lab.slots
}

// sideBySide is how many trials of one peer are made at once: as many as keep
// the processors busy while others wait, unless the peer takes fewer.
func (r *auditor) sideBySide() int {
	if r.visitor != nil && r.visitor.Parallel > 0 {
		return min(r.visitor.Parallel, cap(r.room()))
	}
	return cap(r.room())
}
