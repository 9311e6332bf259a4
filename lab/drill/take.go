package drill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab/issuer"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/timeline"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// take takes one step.
func (w *world) take(ctx context.Context, step Step) error {
	ctx, cancel := context.WithTimeout(ctx, patience+peer.StartLimit)
	defer cancel()
	began := time.Now()
	if step.Expires != "" {
		began = w.mint.lives[step.Expires].until // and not when this was woken up
		if time.Since(began) > 0 {
			return &lateError{longer: 2}
		}
		if err := wait(ctx, began); err != nil {
			return err
		}
	}
	if step.Matures != "" {
		if err := wait(ctx, w.mint.matures(step.Matures)); err != nil {
			return err
		}
		began = time.Now()
	}
	s := timeline.Step{
		Name: step.Name, Began: began.Sub(w.began), Within: step.within(), Bad: step.Bad,
		Breaks: step.Act != "" || step.Hinders != nil,
	}
	before := w.serial[serverHolder]
	var told []peer.Renewal
	if step.Server != nil {
		renewal, err := w.giveServer(ctx, *step.Server, step.Bad)
		if err != nil {
			return err
		}
		told = append(told, renewal)
	}
	more, err := w.giveClients(ctx, step, &s)
	if err == nil {
		err = w.act(ctx, step.Act)
	}
	if err == nil && step.Revokes != "" {
		err = w.mint.running.Revoke(ctx, w.mint.holds[step.Revokes])
	}
	if err == nil && step.Hinders != nil {
		err = w.between.Hinder(ctx, *step.Hinders)
		w.rough = step.Hinders.Kind != ""
	}
	s.Rough = w.rough
	if err != nil {
		return err
	}
	for _, renewal := range append(told, more...) {
		if renewal == (peer.Renewal{}) {
			continue // nobody has told
		}
		s.InUse = (!s.Tells || s.InUse) && renewal.InUse
		s.Kept = (!s.Tells || s.Kept) && renewal.Kept
		s.Says = cmp.Or(s.Says, renewal.Says)
		s.Tells = true
	}
	if now := w.serial[serverHolder]; now != before && !step.Silent {
		s.Server = now
	}
	s.Done = time.Since(w.began)
	w.steps = append(w.steps, s)
	return nil
}

// within is how long a step may take to have its effect. Dates are whole seconds, and inclusive (RFC
// 5280, 4.1.2.5): some take a certificate for a second longer than others.
func (s Step) within() time.Duration {
	within := cmp.Or(s.Within, DefaultWithin)
	if s.Expires != "" {
		within += time.Second
	}
	return within
}

// giveServer gives the server something else. What cannot be used is not what it goes on with.
func (w *world) giveServer(ctx context.Context, kit Kit, bad bool) (peer.Renewal, error) {
	was, had, held, lives := w.kit, w.material, w.mint.holds[serverHolder], w.mint.lives[serverHolder]
	if err := w.equip(ctx, kit); err != nil {
		return notIssued(err)
	}
	now := w.material
	if bad {
		w.kit, w.material, w.mint.holds[serverHolder], w.mint.lives[serverHolder] = was, had, held, lives
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errSilent)
	defer cancel()
	renewal, err := w.serving.Reload(ctx, now)
	_, unusable := errors.AsType[*peer.UnusableError](err)
	switch {
	case errors.Is(err, errSilent) || err != nil && w.hasEnded(ctx):
		return peer.Renewal{Says: err.Error()}, nil // that is what it does
	case unusable:
		return peer.Renewal{Kept: true, Says: err.Error()}, nil
	default:
		return renewal, err
	}
}

// notIssued is what becomes of who goes on with what he has, as step-ca would not issue him another.
func notIssued(err error) (peer.Renewal, error) {
	if issuer.IsRefused(err) {
		return peer.Renewal{Kept: true, Says: err.Error()}, nil
	}
	return peer.Renewal{}, err
}

var errSilent = fmt.Errorf("it said nothing of that within %v", patience)

// hasEnded says whether the server has ended.
func (w *world) hasEnded(ctx context.Context) bool {
	_, err := w.serving.Wait(ctx)
	_, unusable := errors.AsType[*peer.UnusableError](err)
	return unusable
}

// giveClients gives clients something else, all at the same time.
func (w *world) giveClients(ctx context.Context, step Step, s *timeline.Step) ([]peer.Renewal, error) {
	group, limited := errgroup.WithContext(ctx)
	told := make([]peer.Renewal, len(w.streams))
	var given []int
	for _, holder := range sorted(step.Clients) {
		before := w.serial[holder]
		m, err := w.give(ctx, holder, wire.Client, step.Clients[holder])
		if err != nil {
			renewal, err := notIssued(err)
			return []peer.Renewal{renewal}, err
		}
		s.Renews = append(s.Renews, holder)
		if now := w.serial[holder]; now != before && !step.Silent && w.traits.Tells { // else nobody says whom it saw
			s.Client = now
		}
		for i, stream := range w.streams {
			if stream.client.Holder == holder {
				given = append(given, i)
				group.Go(func() (err error) {
					told[i], err = stream.Renew(limited, m)
					return err
				})
			}
		}
	}
	err := group.Wait()
	var all []peer.Renewal
	for _, i := range given {
		all = append(all, told[i])
	}
	return all, err
}

func sorted(clients map[string]Kit) []string {
	var all []string
	for holder := range clients {
		all = append(all, holder)
	}
	slices.Sort(all)
	return all
}

// act does to the server what a step says.
func (w *world) act(ctx context.Context, what Act) error {
	switch what {
	case Kill:
		w.past = append(w.past, w.listens)
		if err := w.serving.Stop(ctx); err != nil {
			return err
		}
		err := w.serve(ctx, w.listens.Account.Local)
		if _, unusable := errors.AsType[*peer.UnusableError](err); unusable {
			return nil // that it has ended is seen to after each step
		}
		return err
	case Cut, Join:
		severed, ok := w.serving.(peer.Severed)
		switch {
		case !ok:
			return errors.ErrUnsupported
		case what == Cut:
			return severed.Cut(ctx)
		default:
			return severed.Join(ctx)
		}
	}
	return nil
}
