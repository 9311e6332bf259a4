package peer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/mtlslab/mtlslab/lab/journal"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// ownServer is our own server.
type ownServer struct {
	Own
	in Place

	mu      sync.Mutex
	started []*ownServing
}

// ownServing is our own server, started.
type ownServing struct {
	server   *ownServer
	given    Given
	giveUp   context.CancelFunc // of starting
	launched chan struct{}      // closed once it runs, or does not come to that
	starting chan struct{}      // closed once the fields below are set
	program  *program
	says     wire.Outcome // listening
	err      error
}

func (s *ownServer) Serve(ctx context.Context, g Given) (Serving, error) {
	ctx, giveUp := context.WithCancel(ctx)
	started := &ownServing{
		server: s, given: g, giveUp: giveUp, launched: make(chan struct{}), starting: make(chan struct{}),
	}
	s.mu.Lock()
	s.started = append(s.started, started)
	s.mu.Unlock()
	go func() {
		defer close(started.starting)
		started.err = started.start(ctx)
	}()
	if g.Alone { // how long it takes to listen is counted from here, however long its container takes
		select {
		case <-started.launched:
		case <-ctx.Done():
		}
	}
	return started, nil
}

func (s *ownServer) Close(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, started := range s.started {
		_ = started.Stop(ctx) // what stays is removed with the lab
	}
}

func (s *ownServing) start(ctx context.Context) (err error) {
	listen := cmp.Or(s.given.Listen, s.server.in.Sandbox.Facts().Listen)
	if host, _, err := net.SplitHostPort(listen); err == nil && s.given.Alone {
		listen = net.JoinHostPort(host, "0") // there are others beside it
	}
	args := []string{"-log", "json", "-material", "-", "-until-eof", "-listen", listen}
	if s.given.Admit != "" {
		args = append(args, "-allow", s.given.Admit)
	}
	if len(s.given.Reach) > 0 {
		args = append(args, "-reach", strings.Join(s.given.Reach, ","))
	}
	s.program, err = start(ctx, s.server.in.Sandbox, sandbox.Program{
		Hostname: s.given.Hostname, Alias: s.given.Alias,
		Source: cmp.Or(s.server.Source, ServerSource), Often: s.given.Alone,
		Args: slices.Concat(args, s.server.Args),
	})
	close(s.launched)
	if err != nil {
		return err
	}
	giving := s.program.give(s.given.Material)
	s.says, err = s.program.await(ctx, func(o wire.Outcome) bool { return o.Kind == wire.Listening })
	switch {
	case err == nil:
		return nil
	case errors.Is(err, journal.ErrEnded):
		return s.hasEnded(ctx, "it ended before it listened")
	default:
		return errors.Join(err, giving)
	}
}

// hasEnded is the error of a server that ended.
func (s *ownServing) hasEnded(ctx context.Context, what string) error {
	code, err := s.program.Wait(ctx)
	if err != nil {
		return err
	}
	account := Ended(wire.Server, code, s.program.Stderr.Said())
	return &UnusableError{
		Peer: s.given.Hostname, Ended: account,
		What: what + ", " + account.Detail,
	}
}

func (s *ownServing) Wait(ctx context.Context) (Listening, error) {
	select {
	case <-s.starting:
		if s.err != nil {
			return Listening{}, s.err
		}
		select {
		case <-s.program.Ended:
			return Listening{}, s.hasEnded(ctx, "it ended")
		default:
		}
		address, err := s.address(ctx)
		return Listening{
			Address: address, Account: s.says,
			LastLines: func() []string { return nil }, // its accounts hold more
			Accounts:  s.program.accounts,
		}, err
	case <-ctx.Done():
		return Listening{}, fmt.Errorf("waiting for %s to listen: %w", s.given.Hostname, context.Cause(ctx))
	}
}

// address is where it listens: by name, but for one that has no name of its own.
func (s *ownServing) address(ctx context.Context) (string, error) {
	if !s.given.Alone && !s.server.in.Sandbox.Facts().Nameless {
		return s.server.in.Sandbox.Reach(s.given.Hostname, s.says.Local), nil
	}
	ip, err := s.program.Address(ctx)
	return net.JoinHostPort(ip, portOf(s.says.Local)), err
}

func (s *ownServing) Account(ctx context.Context, a Asked) (*wire.Outcome, error) {
	if a.Log {
		return nil, nil //nolint:nilnil // its account holds more than its log
	}
	ctx, cancel := context.WithTimeout(ctx, AccountGrace)
	defer cancel()
	outcome, err := s.program.await(ctx, a.isOf)
	if err != nil {
		return nil, nil //nolint:nilnil // that it says nothing is what there is to say
	}
	return &outcome, nil
}

// isOf says whether an outcome is what is asked for.
func (a Asked) isOf(o wire.Outcome) bool {
	if a.Kind != "" {
		return o.Kind == a.Kind
	}
	ended := a.Local != "" && o.Remote == a.Local && o.Kind != wire.Received && !o.Time.Before(a.Began)
	return ended || o.Message != nil && o.Message.SHA256 == a.Sent.SHA256
}

// Reload gives the server other material, and returns once it has said what it does with that.
func (s *ownServing) Reload(ctx context.Context, m wire.Material) (Renewal, error) {
	return s.program.renew(ctx, m)
}

func (s *ownServing) Stop(ctx context.Context) error {
	s.giveUp()
	select {
	case <-s.starting:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if s.program == nil {
		return nil
	}
	select {
	case <-s.program.Ended: // what is left of it is removed with the lab: no other start has to wait for that
		return nil
	default:
		return s.program.Stop(ctx)
	}
}

// Cut takes the server from its network.
func (s *ownServing) Cut(ctx context.Context) error { return s.program.Cut(ctx) }

// Join puts it back.
func (s *ownServing) Join(ctx context.Context) error { return s.program.Join(ctx) }

// portOf is the port of an address; "" if it has none.
func portOf(address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	return port
}
