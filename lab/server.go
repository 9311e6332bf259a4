package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/wire"
)

var (
	serverSource = images.Source{Name: "server", Package: "./server"}
	clientSource = images.Source{Name: "client", Package: "./client"}
)

// server is a server of the lab, started once and asked many times.
type server struct {
	hostname  string
	started   chan struct{} // closed once the fields below are set
	peer      *peer
	listening wire.Outcome
	err       error

	reloads int // so far; see [server.reload]
}

// serverKey tells servers apart. Material is the same only if it is the very
// same.
type serverKey struct {
	material *wire.Material
	source   images.Source
	args     string
	named    bool
}

// server returns the lab's server of that description, and starts it if there
// is none. It does not wait; see [server.wait].
func (l *Lab) server(ctx context.Context, p Peer) *server {
	key := serverKey{p.Material, p.Source, fmt.Sprintf("%q", p.Args), p.named}
	l.mu.Lock()
	defer l.mu.Unlock()
	if s, ok := l.servers[key]; ok {
		return s
	}
	s := &server{hostname: ServerName, started: make(chan struct{})}
	if l.named++; l.named > 1 {
		s.hostname = fmt.Sprintf("%s-%d", ServerName, l.named)
	}
	l.servers[key] = s
	go func() {
		defer close(s.started)
		if s.err = s.start(ctx, l, p); s.err != nil {
			l.mu.Lock()
			defer l.mu.Unlock()
			delete(l.servers, key) // the next exchange may try again
		}
	}()
	return s
}

func (s *server) start(ctx context.Context, l *Lab, p Peer) (err error) {
	s.peer, err = startPeer(ctx, l.host, program{
		hostname: s.hostname, named: p.named,
		source: cmp.Or(p.Source, serverSource),
		args: slices.Concat(
			[]string{"-log", "json", "-material", "-", "-listen", l.host.facts().listen}, lifetime(l.end), p.Args),
	})
	if err != nil {
		return err
	}
	giving := s.peer.give(l.material(p, l.Server.Material(l.Authority)))
	s.listening, err = s.peer.await(ctx, func(o wire.Outcome) bool { return o.Kind == wire.Listening })
	if err != nil {
		return errors.Join(err, giving)
	}
	return nil
}

// reload gives the server other material, and returns once that is in use. It
// must not be called twice at once.
func (s *server) reload(ctx context.Context, material wire.Material) error {
	if err := s.peer.give(material); err != nil {
		return err
	}
	s.reloads++
	seen := 0
	outcome, err := s.peer.await(ctx, func(o wire.Outcome) bool {
		if o.Kind == wire.Reloaded || o.Kind == wire.ReloadFailed {
			seen++
		}
		return seen == s.reloads
	})
	if err == nil && outcome.Kind == wire.ReloadFailed {
		err = fmt.Errorf("%s: reloading: %s", s.hostname, outcome.Detail)
	}
	return err
}

// forget ends a server that is not to be asked again.
func (l *Lab) forget(ctx context.Context, s *server) {
	l.mu.Lock()
	maps.DeleteFunc(l.servers, func(_ serverKey, other *server) bool { return other == s })
	l.mu.Unlock()
	_ = s.peer.stop(ctx) // what stays is removed with the lab
}

// wait returns when the server listens, or will not.
func (s *server) wait(ctx context.Context) error {
	select {
	case <-s.started:
		return s.err
	case <-ctx.Done():
		return fmt.Errorf("waiting for %s to listen: %w", s.hostname, context.Cause(ctx))
	}
}

// accountOf is what the server says of the connection on which the client gave
// its account, or nil if it says nothing in time. The connection began no earlier
// than since: an earlier one may have had the same port.
func (s *server) accountOf(ctx context.Context, v Verdict, since time.Time) *wire.Outcome {
	if v.Client.Local == "" {
		return nil // there was no connection
	}
	return s.account(ctx, func(o wire.Outcome) bool {
		ended := o.Remote != "" && o.Remote == v.Client.Local && o.Kind != wire.Received && !o.Time.Before(since)
		return ended || v.isOf(o)
	})
}

// receiptOf is what the server says of the message alone, whoever brought it.
func (s *server) receiptOf(ctx context.Context, v Verdict) *wire.Outcome {
	return s.account(ctx, v.isOf)
}

func (v Verdict) isOf(o wire.Outcome) bool {
	return o.Message != nil && o.Message.SHA256 == v.Sent.SHA256
}

func (s *server) account(ctx context.Context, match func(wire.Outcome) bool) *wire.Outcome {
	ctx, cancel := context.WithTimeout(ctx, accountGrace)
	defer cancel()
	outcome, err := s.peer.await(ctx, match)
	if err != nil {
		return nil
	}
	return &outcome
}
