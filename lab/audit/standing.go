package audit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/verdict"
)

// standing is an audited server that stands for many trials, in one of its states. A verdict
// holds for the server that a control saw, so it is looked at between them, and where it is
// not what it was, another takes its place.
type standing struct {
	lists  bool // whether it has revocation lists
	target *target

	sockets  []string       // that listened when it was looked at last
	others   []int          // ports at which it listened then, too
	ages     map[string]int // how often each of its processes was seen
	troubles int
	served   int // trials since it was started
}

// trouble is what became of a server since it was looked at last; none if empty.
type trouble string

const (
	ended   trouble = "it ended"          // and may have been started again
	thinned trouble = "a part of it died" // one of its processes, which had been there for a while
	deaf    trouble = "it serves nobody"
)

// serve starts the audited server: once, or once with revocation lists and once without,
// where those are apart and wanted.
func (r *round) serve(ctx context.Context, plan []trial) error {
	r.plain = &standing{}
	states := []*standing{r.plain}
	r.lists = r.plain
	if r.traits.ListsApart && wantsLists(plan) {
		r.lists = &standing{lists: true}
		states = append(states, r.lists)
	}
	err := eachOf(states, func(s *standing) error { return r.renew(ctx, s) })
	r.first = r.plain.target
	return err
}

// states are those in which the audited server stands.
func (r *round) states() []*standing {
	if r.plain == nil {
		return nil
	}
	return slices.Compact([]*standing{r.plain, r.lists})
}

// standingFor is the server that a trial finds.
func (r *round) standingFor(t trial) *standing {
	if t.lists {
		return r.lists
	}
	return r.plain
}

// renew starts a server that stands, in the place of one that does no more.
func (r *round) renew(ctx context.Context, s *standing) (err error) {
	s.served, s.sockets, s.ages = 0, nil, make(map[string]int)
	if s.target, err = r.serveFor(ctx, r.given(s.lists)); err != nil {
		return err
	}
	_, err = s.compare(ctx)
	return err
}

// look says what became of a server since it was looked at last, while trials were made of
// which these results came. It makes the good exchange once more.
func (r *round) look(ctx context.Context, s *standing, made []tried) (trouble, error) {
	delivered, err := r.delivers(ctx, s)
	if err != nil {
		return "", err
	}
	gone, err := s.compare(ctx) // now: what is about to end when its last connection does has ended
	switch {
	case err != nil || gone == ended:
		return gone, err
	case !delivered:
		return deaf, nil
	case gone == thinned && slices.ContainsFunc(made, wordless):
		return thinned, nil
	default:
		return "", nil
	}
}

// old is how often a process must have been seen for it to matter that it is gone: some
// servers have one for each connection.
const old = 2

// compare says what lives of the server no more since it was looked at last. A socket that
// listens is another when its server has been started again.
func (s *standing) compare(ctx context.Context) (trouble, error) {
	if s.target.at.Life == nil {
		_, err := s.target.Wait(ctx)
		if unusable, ok := errors.AsType[*peer.UnusableError](err); ok && unusable.Ended != nil {
			return ended, nil
		}
		return "", err
	}
	now, err := s.target.at.Life(ctx)
	if err != nil {
		return "", err
	}
	first, sockets, ages := s.sockets == nil, s.sockets, s.ages
	s.sockets, s.others, s.ages = now.Sockets, now.Others, make(map[string]int)
	for _, process := range now.Processes {
		s.ages[process] = ages[process] + 1
	}
	if !first && !slices.Equal(sockets, now.Sockets) {
		return ended, nil
	}
	for process, seen := range ages {
		if seen >= old && s.ages[process] == 0 {
			return thinned, nil
		}
	}
	return "", nil
}

// wordless says whether a trial ended without a word of the server's: neither an answer nor
// an alert.
func wordless(t tried) bool {
	last := t.Evidence.Last()
	return len(t.Evidence.Connections) > 0 && !t.Delivered && !t.Refused && last.Alert == nil && verdict.Closed(last)
}

// delivers makes the good exchange.
func (r *round) delivers(ctx context.Context, s *standing) (bool, error) {
	t, err := r.goodExchange(s.lists)
	if err != nil {
		return false, err
	}
	made, err := r.inTurn(ctx, t, s.target)
	if unusable, ok := errors.AsType[*peer.UnusableError](err); ok && unusable.Ended != nil {
		return false, nil
	}
	return err == nil && made.Judge().Decision == verdict.WasDelivered, err
}

// A server that was just started may not have all its processes yet: they are all there once
// they are the same at two looks so far apart.
const (
	warmPause = 100 * time.Millisecond
	warmMost  = 10 // looks
)

// warm makes the good exchange with a server that was just started, after which it is known
// what lives of it.
func (r *round) warm(ctx context.Context, s *standing) error {
	delivered, err := r.delivers(ctx, s)
	if err != nil {
		return err
	}
	if !delivered {
		return &peer.UnusableError{
			Peer: r.audit.Peer.Name(), What: "started anew after trouble, it serves nobody", Look: "its last lines",
			Log: s.target.at.LastLines(),
		}
	}
	return s.settle(ctx)
}

// settle waits until all processes of a server are there that was just started.
func (s *standing) settle(ctx context.Context) error {
	for range warmMost {
		before := slices.Sorted(maps.Keys(s.ages))
		if _, err := s.compare(ctx); err != nil {
			return err
		}
		if slices.Equal(before, slices.Sorted(maps.Keys(s.ages))) {
			for process := range s.ages {
				s.ages[process] = old
			}
			return nil
		}
		select {
		case <-time.After(warmPause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// goodExchange is the one that is made between trials, in the last version of TLS that the
// server speaks.
func (r *round) goodExchange(lists bool) (trial, error) {
	forged, err := r.Chains.good(r.guise())
	t := trial{
		Case: cases.Case{ID: controlID, Summary: "the good exchange"}, rule: cases.Rule{Expect: cases.MustAccept},
		forged: forged, lists: lists,
	}
	for _, version := range r.audit.Versions {
		if r.silent[version] == "" {
			t.version = version
		}
	}
	return t, err
}

// stands says whether the servers that stand are those that were started last. What was
// asked of one that has ended, another may have answered.
func (r *round) stands(ctx context.Context) error {
	for _, s := range r.states() {
		_, err := s.target.Wait(ctx)
		if unusable, ok := errors.AsType[*peer.UnusableError](err); ok {
			unusable.What, unusable.Look = "it ended during the audit", "its last lines"
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// blame notes a case that, alone and in a fresh server, brings trouble each time.
func (r *round) blame(t trial, what trouble) {
	seen := map[trouble]string{
		ended:   "this ends the server, each time that a fresh one is asked",
		thinned: "this ends a process of the server, each time that a fresh one is asked",
		deaf:    "from this on the server serves nobody, each time that a fresh one is asked",
	}[what]
	same := func(i finding.Incident) bool { return i.Kind == finding.Crash && i.Case == t.ID && i.Says == seen }
	if i := slices.IndexFunc(r.incidents, same); i >= 0 {
		versions := []string{r.incidents[i].Version, t.version}
		slices.Sort(versions)
		r.incidents[i].Version = strings.Join(versions, ", ") // there are two
		return
	}
	r.incidents = append(r.incidents, finding.Incident{
		Kind: finding.Crash, Says: seen, Case: t.ID, Version: t.version, Attacker: t.Attacker, Differs: r.differs(t),
		Repeat: r.repeat(t),
	})
}

// halt has nothing more be asked of a server that is somebody else's to run.
func (r *round) halt(s *standing, what trouble) {
	s.troubles = mostTrouble
	if r.halted != "" {
		return
	}
	r.halted = fmt.Sprintf("not tried to the end: after some %d trials %s, and the audit ended", s.served, what)
	r.incidents = append(r.incidents, finding.Incident{
		Kind: finding.LockOut,
		Says: fmt.Sprintf("after some %d trials %s; nothing more was asked of it", s.served, what),
	})
}

// lockedOut notes that a server turns everybody away after so many refusals.
func (r *round) lockedOut(after int, lasts string) {
	r.incidents = append(r.incidents, finding.Incident{
		Kind: finding.LockOut,
		Says: fmt.Sprintf("after %d refusals it turns everybody away, %s; the rest was tried in fresh servers", after, lasts),
	})
}
