package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// server serves connections with the material of the moment.
type server struct {
	cfg     config
	policy  wire.Policy
	current atomic.Pointer[tls.Config] // of the material in use; never nil
	admit   *admission
	say     *teller
}

func newServer(cfg config, creds *wire.Credentials, say *teller) *server {
	s := &server{
		cfg:    cfg,
		policy: wire.Policy{Allow: cfg.allow, MinVersion: cfg.minVersion},
		admit:  newAdmission(cfg.maxConnections),
		say:    say,
	}
	s.use(creds)
	return s
}

// use takes new material for the connections to come. Its configuration is new
// too, and with it the keys of session tickets: nobody resumes past a reload.
func (s *server) use(creds *wire.Credentials) {
	s.current.Store(wire.ServerConfig(creds, s.policy))
}

// serve accepts connections until ctx is done, then drains: connections that
// wait for a message end at once, others within the limit.
func (s *server) serve(ctx context.Context, listener net.Listener) {
	stopAccepting := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stopAccepting()

	var conns sync.WaitGroup
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			break
		}
		if err != nil {
			s.say.warn("accepting: " + err.Error())
			if !pause(ctx, 50*time.Millisecond) {
				break
			}
			continue
		}
		c := newConn(s, conn)
		if victim, ok := s.admit.enter(c); !ok {
			c.close(wire.Evicted)
			c.end(net.ErrClosed)
			continue
		} else if victim != nil {
			victim.close(wire.Evicted)
		}
		conns.Go(func() {
			defer s.admit.leave(c)
			c.serve(ctx)
		})
	}
	s.drain(&conns)
}

// pause waits before an accept is tried again, as when the process has run out
// of file descriptors, and reports false if the server is to stop.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
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
