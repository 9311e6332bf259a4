package main

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
	"unicode"

	"github.com/mtlslab/mtlslab/lab/testdata/broken"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// fault is one thing that is wrong with a server besides its verification, for
// which see package broken.
type fault struct {
	name          string
	config        func(*server)                    // how it shakes hands
	open          func(*connection) bool           // what it does first; true if that was all
	refused       func(*connection) bool           // what it does in place of giving its account; true if that was all
	failed        func(wire.Reason)                // what it does besides where it refuses
	policy        func(*wire.Policy)               // what it demands
	late          func(*connection, string, error) // what it does with a message before its verification counts
	halves        bool                             // it takes half a message
	keeps         func(before, now *broken.Peer)   // what it does not take from material that it is given anew
	unloaded      func()                           // what it does with material that it cannot work with
	sharesTickets bool                             // any of its kind reads its tickets
	startsAnyhow  bool                             // it starts with whatever it is given to trust
}

var faults = []fault{
	{name: "requests-only", config: func(s *server) {
		s.tls.ClientAuth = tls.RequestClientCert
		s.tls.VerifyConnection = func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 {
				return nil
			}
			return s.verify(state)
		}
	}},
	{name: "resumes-unverified", config: resumesUnverified},
	{name: "shares-tickets", sharesTickets: true, config: resumesUnverified},
	{name: "believes-sessions", config: func(s *server) {
		s.tls.ClientAuth, s.tls.VerifyConnection = tls.RequestClientCert, nil
		then := time.Now().Add(-3 * time.Hour)
		s.tls.Time = func() time.Time { return then } // or crypto/tls would find out by itself
		verify := s.verify
		s.verify = func(state tls.ConnectionState) error {
			switch {
			case state.DidResume:
				return nil
			case len(state.PeerCertificates) == 0:
				return errors.New("no certificate")
			default:
				return verify(state)
			}
		}
	}, late: func(c *connection, message string, refused error) {
		if refused == nil {
			c.take(message)
		}
	}},
	{name: "seals-no-tickets", config: func(s *server) {
		s.tls.WrapSession = func(_ tls.ConnectionState, session *tls.SessionState) ([]byte, error) {
			state, err := session.Bytes()
			ticket := binary.BigEndian.AppendUint32(nil, uint32(len(state))) //nolint:gosec // some kilobytes
			return slices.Concat(ticket, state, make([]byte, 2*len(state))), err
		}
		s.tls.UnwrapSession = func(ticket []byte, _ tls.ConnectionState) (*tls.SessionState, error) {
			const head = 4
			if len(ticket) < head {
				return nil, nil //nolint:nilnil // it is no ticket
			}
			end := head + int(binary.BigEndian.Uint32(ticket))
			return tls.ParseSessionState(ticket[head:min(end, len(ticket))])
		}
	}},
	{name: "speaks-tls-1.0", config: func(s *server) { s.tls.MinVersion = tls.VersionTLS10 }},

	{name: "stops-at-tls-1.2", config: func(s *server) { s.tls.MaxVersion = tls.VersionTLS12 }},
	{name: "keeps-no-log", config: func(s *server) { s.journal.W = io.Discard }},

	{name: "answers-first", config: unverified, late: func(c *connection, message string, _ error) {
		c.take(message)
	}},
	{name: "denies-its-receipt", config: unverified, late: func(c *connection, message string, refused error) {
		if refused != nil {
			c.acknowledge(message)
			return
		}
		c.take(message)
	}},
	{name: "leaks-its-reply", config: unverified, late: func(c *connection, message string, refused error) {
		if refused != nil {
			_, _ = fmt.Fprintf(c.tls, "Hello! Your message has %d bytes.\n", len(message))
			return
		}
		c.take(message)
	}},

	{name: "accepts-and-closes", open: func(*connection) bool { return true }},
	{name: "hangs", open: func(*connection) bool {
		select {}
	}},
	{name: "hangs-on-bad-input", refused: func(*connection) bool {
		select {}
	}},
	{name: "crashes-on-bad-input", refused: func(*connection) bool {
		panic("a certificate that nobody expected")
	}},
	{name: "closes-on-bad-input", refused: func(*connection) bool { return true }},

	{name: "takes-plain-text", open: (*connection).takePlainText},
	{name: "takes-plain-text-ahead", open: (*connection).takePlainTextAhead},
	{name: "takes-half-message", halves: true},
	{name: "starts-without-trust", startsAnyhow: true},
	{name: "keeps-its-trust", keeps: func(before, now *broken.Peer) {
		creds := *now.Creds
		creds.Roots = before.Creds.Roots
		now.Creds, now.Trust = &creds, before.Trust
	}},
	{name: "keeps-its-certificate", keeps: func(before, now *broken.Peer) {
		creds := *now.Creds
		creds.Own = before.Creds.Own
		now.Creds = &creds
	}},
	{name: "hangs-on-bad-material", unloaded: func() {
		select {}
	}},
}

func resumesUnverified(s *server) {
	began := time.Now()
	s.tls.Time = func() time.Time { return began } // or crypto/tls would find out by itself
	s.tls.VerifyConnection = func(state tls.ConnectionState) error {
		if state.DidResume {
			return nil
		}
		return s.verify(state)
	}
}

func unverified(s *server) { s.tls.VerifyConnection = nil }

// faultOf finds a fault by its name, here or in package broken.
func faultOf(name string) (fault, error) {
	faults := slices.Concat(faults, fickle)
	i := slices.IndexFunc(faults, func(f fault) bool { return f.name == name })
	switch {
	case i >= 0:
		return faults[i], nil
	case name == "" || slices.Contains(broken.Names(), name):
		return fault{name: name}, nil
	default:
		return fault{}, fmt.Errorf("-fault %q: there is none of that name", name)
	}
}

// takePlainText serves whoever begins with a letter without TLS.
func (c *connection) takePlainText() bool {
	if first, err := c.ahead.Peek(1); err != nil || !unicode.IsLetter(rune(first[0])) {
		return false
	}
	c.out = c.transport
	reader := wire.NewMessageReader(c.transport, wire.MaxMessage, c.transport.Ended)
	for {
		message, err := reader.Next()
		if err != nil {
			c.end(err)
			return true
		}
		c.take(message)
	}
}

// takePlainTextAhead keeps what came before the handshake for whoever shakes
// hands afterwards.
func (c *connection) takePlainTextAhead() bool {
	if !c.speaksTLS() {
		line, err := c.ahead.ReadString('\n')
		if err != nil {
			return true
		}
		c.pending = line[:len(line)-1]
	}
	return false
}
