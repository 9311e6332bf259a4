package main

import (
	"bytes"
	"crypto/tls"
	"fmt"

	"github.com/mtlslab/mtlslab/lab/attack"
)

// session is a cache of one, which it hands out whatever it is asked for.
type session struct{ state *tls.ClientSessionState }

// Get returns the session, if there is one yet.
func (s *session) Get(string) (*tls.ClientSessionState, bool) { return s.state, s.state != nil }

// Put keeps the newest. That crypto/tls would have one forgotten is ignored: it
// is to be tried.
func (s *session) Put(_ string, state *tls.ClientSessionState) {
	if state != nil {
		s.state = state
	}
}

// altered is the session with one bit of its ticket another.
func (s *session) altered() (*session, error) {
	if s.state == nil {
		return s, nil
	}
	ticket, state, err := s.state.ResumptionState()
	if err != nil {
		return nil, fmt.Errorf("altering a ticket: %w", err)
	}
	ticket = bytes.Clone(ticket)
	ticket[len(ticket)/2] ^= 1
	other, err := tls.NewResumptionState(ticket, state)
	if err != nil {
		return nil, fmt.Errorf("altering a ticket: %w", err)
	}
	return &session{other}, nil
}

// sessionFor is what an attack begins with: nothing, or an earlier one's session.
func (f *field) sessionFor(a attack.Attack) (*session, error) {
	if a.Resume == nil || a.Resume.From == "" {
		return new(session), nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	state := f.sessions[a.Resume.From]
	if state == nil {
		return nil, fmt.Errorf("no session is kept of %q", a.Resume.From)
	}
	return &session{state}, nil
}

// keep keeps the session, if there was one, for later attacks, in place of another of that ID.
func (f *field) keep(id string, s *session) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sessions[id] == nil && len(f.sessions) >= maxKept {
		return fmt.Errorf("%d sessions are kept already", maxKept)
	}
	if s.state != nil {
		f.sessions[id] = s.state
	}
	return nil
}
