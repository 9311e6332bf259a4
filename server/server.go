package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// server serves connections with the material of the moment.
type server struct {
	cfg     config
	policy  wire.Policy
	current atomic.Pointer[material] // in use; never nil
	greets  *tls.Config              // of every connection, until its client has said what it offers
	admit   *admission
	say     *teller
}

// material is what connections are served with.
type material struct {
	config *tls.Config
	ends   time.Time // when the first of it is over
}

// goodFor is until when a client that was found to be good is so, if nothing else changes.
func (m *material) goodFor(state tls.ConnectionState) time.Time {
	until := m.ends
	for _, cert := range state.PeerCertificates {
		if cert.NotAfter.Before(until) {
			until = cert.NotAfter
		}
	}
	return until
}

func newServer(cfg config, creds *wire.Credentials, say *teller) *server {
	s := &server{
		cfg:    cfg,
		policy: wire.Policy{Allow: cfg.allow, MinVersion: cfg.minVersion},
		admit:  newAdmission(cfg.maxConnections),
		say:    say,
	}
	s.greets = &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			now := s.current.Load()
			if g, ok := hello.Conn.(greeted); ok {
				g.of.hello, g.of.judgedBy = hello, now
			}
			return now.config, nil
		},
	}
	s.use(creds)
	return s
}

// use takes new material for the connections to come. The keys of session
// tickets are new too: nobody resumes past a reload. They are set because those
// that crypto/tls makes by itself would last no longer than a connection, whose
// configuration is its own; see newConn.
func (s *server) use(creds *wire.Credentials) {
	config := wire.ServerConfig(creds, s.policy)
	config.VerifyConnection = s.judges(config, config.VerifyConnection)
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	config.SetSessionTicketKeys([][32]byte{key})
	s.current.Store(&material{config, creds.Ends})
	s.say.meter.uses(creds)
}

// judges has whoever offers itself under one configuration be judged by that of the moment: a
// client that dawdles over its handshake does not get in under trust that has been withdrawn
// meanwhile.
func (s *server) judges(
	config *tls.Config, judge func(tls.ConnectionState) error,
) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		now := s.current.Load().config
		if now == config {
			return judge(state)
		}
		state.VerifiedChains = nil // by trust that may have been withdrawn
		return now.VerifyConnection(state)
	}
}

// serve accepts connections until ctx is done, then drains: connections that
// wait for a message end at once, others within the limit.
func (s *server) serve(ctx context.Context, listener net.Listener) {
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
	var conns sync.WaitGroup
	for ctx.Err() == nil {
		accepted, err := listener.Accept()
		if err != nil {
			s.notAccepted(ctx, err)
			continue
		}
		c := newConn(s, accepted)
		victim, ok := s.admit.enter(c)
		if victim != nil {
			victim.close(wire.Evicted)
		}
		if !ok {
			c.close(wire.Evicted)
			c.end(net.ErrClosed)
			continue
		}
		conns.Go(func() {
			if !c.greet() {
				s.admit.leave(c)
				return
			}
			// What comes after goes on in another goroutine: the handshake takes a stack that is
			// large, and that a connection which then has nothing to say would keep.
			conns.Go(func() {
				defer s.admit.leave(c)
				c.serve()
			})
		})
	}
	_ = listener.Close()
	s.drain(&conns)
}

// notAccepted makes it likelier that the next connection is accepted: where the
// system has no more file descriptors, a stranger's will do.
func (s *server) notAccepted(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		if victim := s.admit.giveWay(); victim != nil {
			victim.close(wire.Evicted)
			return
		}
	}
	s.say.warn("accepting: " + err.Error())
	pause(ctx, acceptPause)
}

// acceptPause keeps a fault that lasts from using up the processor and the log.
const acceptPause = 100 * time.Millisecond

func pause(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}

func (s *server) drain(conns *sync.WaitGroup) {
	done := make(chan struct{})
	go func() {
		conns.Wait()
		close(done)
	}()
	s.admit.each((*conn).stop)
	limit := time.NewTimer(s.cfg.drain)
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
		s.admit.each(func(c *conn) { c.close(wire.Timeout) })
		<-done
	}
}
