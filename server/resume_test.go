package main

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Sessions are resumed, until the material is reloaded.
func TestResumption(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	dir := p.dir(t)
	server := start(t, dir)
	for _, version := range versions {
		t.Run(version.name, func(t *testing.T) {
			config := p.config(t)
			config.MaxVersion, config.ClientSessionCache = version.id, tls.NewLRUClientSessionCache(1)
			for i, want := range []bool{false, true, true} {
				if got := p.deliver(t, server.address, config).TLS.Resumed; got != want {
					t.Errorf("connection %d: the receipt says resumed is %t, want %t", i+1, got, want)
				}
			}
			seen := len(server.out.lines())
			server.hangup()
			server.out.awaitAfter(t, seen, "the reload", isKind(wire.Reloaded))
			if p.deliver(t, server.address, config).TLS.Resumed {
				t.Error("a ticket outlived a reload")
			}
			if !p.deliver(t, server.address, config).TLS.Resumed {
				t.Error("there are no tickets after a reload")
			}
		})
	}
}

// A session that is resumed is judged like any other, by the moment's clock and
// list of identities, not by those of the moment when the session began.
func TestResumedIsJudgedAgain(t *testing.T) {
	t.Parallel()
	now := time.Now()
	later := func() time.Time { return now.Add(2 * time.Hour) }
	for _, version := range versions {
		for _, c := range []struct {
			name   string
			policy wire.Policy
			reason wire.Reason
		}{
			{"the same", wire.Policy{}, ""},
			{"no longer allowed", wire.Policy{Allow: []string{"spiffe://lab/other"}}, wire.NotAllowed},
			{"expired since", wire.Policy{Now: later}, wire.Expired},
		} {
			t.Run(version.name+", "+c.name, func(t *testing.T) {
				t.Parallel()
				p := newPair(t)
				p.client = p.issue(t, pki.Request{Role: wire.Client, Name: "client", NotAfter: now.Add(time.Hour)})
				creds := credentials(t, p.server.Material(p.authority))
				server := newInstance()
				s, address := startServer(t, creds, server.out)
				config := p.config(t)
				config.MaxVersion, config.ClientSessionCache = version.id, tls.NewLRUClientSessionCache(1)
				p.deliver(t, address, config)

				// As a reload does, but the tickets stay good.
				judged := s.current.Load().config.Clone()
				policy := wire.ServerConfig(creds, c.policy)
				judged.VerifyConnection, judged.Time = policy.VerifyConnection, policy.Time
				s.current.Store(&material{config: judged})
				if c.reason == "" {
					if !p.deliver(t, address, config).TLS.Resumed {
						t.Fatal("the session was not resumed, so the test shows nothing")
					}
					return
				}
				conn, _ := refusal(t, address, config)
				checkRefused(t, server, conn, c.reason)
			})
		}
	}
}
