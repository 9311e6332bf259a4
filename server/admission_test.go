package main

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// The oldest stranger gives way, whatever came and went between.
func TestEvictionOrder(t *testing.T) {
	t.Parallel()
	a := newAdmission(3)
	conns := map[string]*conn{}
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		conns[name] = new(conn)
	}
	for i, step := range []struct {
		do, name string
		victim   string // of enter
		ok       bool
	}{
		{"enter", "a", "", true},
		{"enter", "b", "", true},
		{"enter", "c", "", true},
		{"authenticated", "b", "", true},
		{"authenticated", "b", "", true},
		{"enter", "d", "a", true},
		{"authenticated", "a", "", false},
		{"leave", "a", "", true},
		{"enter", "e", "c", true},
		{"authenticated", "e", "", true},
		{"authenticated", "d", "", true},
		{"enter", "f", "", false},
		{"leave", "b", "", true},
		{"enter", "f", "", true},
		{"leave", "f", "", true},
		{"leave", "f", "", true},
		{"enter", "a", "", true},
		{"enter", "c", "a", true},
	} {
		var victim *conn
		ok := true
		switch c := conns[step.name]; step.do {
		case "enter":
			victim, ok = a.enter(c)
		case "authenticated":
			ok = a.authenticated(c)
		case "leave":
			a.leave(c)
		}
		if victim != conns[step.victim] || ok != step.ok {
			t.Errorf("step %d, %s %s: got %p, %t, want %q, %t", i+1, step.do, step.name, victim, ok, step.victim, step.ok)
		}
	}
	if len(a.all) != 3 || a.strangers.Len() != 1 {
		t.Errorf("%d connections, %d strangers, want 3 and 1", len(a.all), a.strangers.Len())
	}
}

// Strangers make room for whoever comes; those who are authenticated stay, and
// the newcomer is turned away.
func TestFull(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	server := start(t, p.dir(t), "-max-connections", "2", "-handshake-timeout", "1h")
	first, second := dialRaw(t, server.address), dialRaw(t, server.address)
	one := dial(t, server.address, p.config(t))
	one.send(t, "one\n")
	one.receipt(t, "one", p.client)
	if o := server.outcome(t, first, wire.Failed); o.Reason != wire.Evicted {
		t.Errorf("the first stranger's outcome is %+v, want evicted", o)
	}
	if said := server.said(second); len(said) > 0 {
		t.Errorf("the second stranger's outcomes are %q before its time", said)
	}
	two := dial(t, server.address, p.config(t))
	two.send(t, "two\n")
	two.receipt(t, "two", p.client)
	if o := server.outcome(t, second, wire.Failed); o.Reason != wire.Evicted {
		t.Errorf("the second stranger's outcome is %+v, want evicted", o)
	}
	late := dialRaw(t, server.address)
	if _, err := late.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the newcomer read %v, want its end", err)
	}
	if o := server.outcome(t, late, wire.Failed); o.Reason != wire.Evicted {
		t.Errorf("the newcomer's outcome is %+v, want evicted", o)
	}
	for name, conn := range map[string]*client{"one": one, "two": two} {
		conn.send(t, name+" again\n")
		conn.receipt(t, name+" again", p.client)
	}
}

// Who has gone takes up no room, however it went.
func TestGone(t *testing.T) {
	t.Parallel()
	p, other := newPair(t), newPair(t)
	s, address := startServer(t, credentials(t, p.server.Material(p.authority)), io.Discard)
	p.deliver(t, address, p.config(t))
	refused, _ := refusal(t, address, p.clientConfig(t, other.client))
	_ = refused.Close()
	try(t, dialRaw(t, address).Close())
	limit, again := time.NewTimer(patience), time.NewTicker(10*time.Millisecond)
	defer limit.Stop()
	defer again.Stop()
	for {
		present := 0
		s.admit.each(func(*conn) { present++ })
		if present == 0 {
			return
		}
		select {
		case <-again.C:
		case <-limit.C:
			t.Fatalf("%d connections are still there", present)
		}
	}
}

// Where the system's limit on open files is lower than the server's on
// connections, strangers give way all the same.
func TestNoMoreFiles(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	server := startProcess(t, []string{noFileLimit + "=40"}, p.dir(t), "-handshake-timeout", "1h")
	for range 100 {
		dialRaw(t, server.address)
	}
	began := time.Now()
	p.deliver(t, server.address, p.config(t))
	if took := time.Since(began); took > patience/3 {
		t.Errorf("an honest client got in after %v", took)
	}
}
