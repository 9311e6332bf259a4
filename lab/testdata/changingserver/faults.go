package main

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// fault is one thing that a server does wrong when its world changes.
type fault struct {
	takes       func(s *server, next *wire.Credentials) *wire.Credentials // what it uses of new material
	bad         func(s *server, m wire.Material, err error) (*wire.Credentials, error)
	meanwhile   func(s *server) // what it does before it uses new material
	config      func(*tls.Config)
	sameTickets bool // session tickets outlive a reload
	startsOnce  bool // it does not listen where another did
	neverAgain  bool // open connections are not looked at again
	looksLate   bool // they are, once the message is taken
	times       func(s *server, judged *state) int
	loses       loss // what becomes of the first messages after each change
}

// loss is how a message is lost that is cut off: its client cannot tell which.
type loss string

const (
	untaken        loss = "untaken"
	unacknowledged loss = "unacknowledged"

	losses = 3
)

var faults = map[string]fault{
	"": {},

	// What it does not take.
	"list-read-once": {takes: func(s *server, next *wire.Credentials) *wire.Credentials {
		made := *next
		made.CRLs = s.first.CRLs
		return &made
	}},
	"trust-only-grows": {takes: grown},
	"keeps-its-certificate": {takes: func(s *server, next *wire.Credentials) *wire.Credentials {
		made := *next
		made.Own = s.first.Own
		return &made
	}},
	"reads-nothing": {takes: func(s *server, _ *wire.Credentials) *wire.Credentials { return s.current.Load().creds }},
	"old-key": {takes: func(s *server, next *wire.Credentials) *wire.Credentials {
		made := *next
		made.Own.PrivateKey = s.first.Own.PrivateKey
		return &made
	}},

	"starts-once": {startsOnce: true},

	// How it takes it.
	"drops-connections": {meanwhile: func(s *server) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for conn := range s.conns {
			_ = conn.Close()
		}
	}},
	"late": {meanwhile: func(*server) { time.Sleep(2 * time.Second) }},
	"deaf-for-a-moment": {meanwhile: func(s *server) {
		s.deaf.Store(true)
		time.Sleep(200 * time.Millisecond)
		s.deaf.Store(false)
	}},

	// Whom it does not ask again.
	"open-goes-on":          {neverAgain: true},
	"takes-before-it-looks": {looksLate: true},
	"resumes-unasked": {
		sameTickets: true, neverAgain: true, config: func(c *tls.Config) {
			judge := c.VerifyConnection
			began := time.Now()
			c.Time = func() time.Time { return began } // or crypto/tls would find out by itself
			c.ClientCAs, c.ClientAuth = nil, tls.RequireAnyClientCert
			c.VerifyConnection = func(state tls.ConnectionState) error {
				if state.DidResume {
					return nil
				}
				return judge(state)
			}
		},
	},

	// What it does with material that cannot be used.
	"ends-on-garbage": {bad: func(*server, wire.Material, error) (*wire.Credentials, error) {
		os.Exit(1)
		return nil, nil //nolint:nilnil // never
	}},
	"silent-on-garbage": {bad: func(*server, wire.Material, error) (*wire.Credentials, error) {
		return nil, nil //nolint:nilnil // it says nothing
	}},
	"takes-what-it-can": {bad: func(s *server, m wire.Material, _ error) (*wire.Credentials, error) {
		made := *s.current.Load().creds
		if own, err := tls.X509KeyPair(m.Chain, m.Key); err == nil {
			made.Own = own
		}
		made.Roots = x509.NewCertPool()
		made.Roots.AppendCertsFromPEM(m.Trust)
		return &made, nil
	}},

	// What it does with messages after its first change.
	"takes-twice": {times: changed(2)},
	"takes-none":  {times: changed(0)},

	"parts-before-taking":  {loses: untaken},
	"parts-before-receipt": {loses: unacknowledged},
}

func changed(times int) func(*server, *state) int {
	return func(s *server, judged *state) int {
		if judged.creds == s.first {
			return 1
		}
		return times
	}
}

// grown is new material with all that was ever trusted besides.
func grown(s *server, next *wire.Credentials) *wire.Credentials {
	made := *next
	made.Roots = x509.NewCertPool()
	made.Roots.AppendCertsFromPEM(s.trusted)
	return &made
}
