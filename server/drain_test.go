package main

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// Stopping ends what waits, lets a message that has begun come to its end, and
// answers it.
func TestDrain(t *testing.T) {
	t.Parallel()
	const limit = 20 * time.Second
	flags := []string{"-drain", limit.String()}
	for _, c := range []struct {
		name  string
		start func(t testing.TB, dir string) *instance
	}{
		{"told to stop", func(t testing.TB, dir string) *instance { return start(t, dir, flags...) }},
		{"SIGTERM", func(t testing.TB, dir string) *instance { return startProcess(t, nil, dir, flags...) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			server := c.start(t, p.dir(t))
			silent, half := dialRaw(t, server.address), dialRaw(t, server.address)
			_, err := half.Write(clientHello(t, wire.Policy{}.Min())[:50])
			try(t, err)
			idle, busy := dial(t, server.address, p.config(t)), dial(t, server.address, p.config(t))
			idle.send(t, hello+"\n")
			idle.receipt(t, hello, p.client)
			busy.send(t, "one\nHello") // one record: with the receipt of the first line the second has begun
			busy.receipt(t, "one", p.client)

			began := time.Now()
			server.stop()
			checkEnd(t, idle, false)
			for _, raw := range []net.Conn{silent, half} {
				if n, err := raw.Read(make([]byte, 1)); n != 0 || err == nil {
					t.Errorf("a half-open connection was sent %d bytes (%v)", n, err)
				}
			}
			busy.send(t, ", server!\n")
			busy.receipt(t, hello, p.client)
			checkEnd(t, busy, false)
			if code := server.wait(t); code != exitStopped || time.Since(began) > limit/2 {
				t.Errorf("the server ended with %d after %v, limit %v", code, time.Since(began), limit)
			}
			lines := server.out.lines()
			if last := parse(lines[len(lines)-1]); last.Kind != wire.Stopped {
				t.Errorf("the last outcome is %+v, want stopped", last)
			}
			if got := server.said(idle); !slices.Equal(got, []wire.Kind{wire.Received}) {
				t.Errorf("outcomes of the idle connection are %q, want received alone", got)
			}
		})
	}
}

// A line that never ends keeps the server from stopping no longer than the
// limit.
func TestDrainLimit(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	server := start(t, p.dir(t), "-drain", "100ms")
	conn := dial(t, server.address, p.config(t))
	conn.send(t, hello+"\n"+strings.Repeat("x", maxAsked))
	conn.receipt(t, hello, p.client)
	began := time.Now()
	server.stop()
	if code := server.wait(t); code != exitStopped || time.Since(began) > patience/3 {
		t.Errorf("the server ended with %d after %v", code, time.Since(began))
	}
	if o := server.outcome(t, conn, wire.Failed); o.Reason != wire.Timeout {
		t.Errorf("outcome is %s (%s), want timeout: %s", o.Kind, o.Reason, o.Detail)
	}
}

// Nor do receipts that nobody reads, once the buffers are full.
func TestDrainLimitOfWriting(t *testing.T) {
	t.Parallel()
	p, server := newPair(t), newInstance()
	s := insides(
		t,
		credentials(t, p.server.Material(p.authority)),
		server.out,
		"-drain",
		"100ms",
		"-idle-timeout",
		"20s",
	)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	try(t, err)
	stop := serveOn(s, narrow{listener})
	conn := dial(t, listener.Addr().String(), p.config(t))
	try(t, conn.raw.SetReadBuffer(4<<10))
	conn.send(t, strings.Repeat("\n", 4<<10)) // receipts of more than a megabyte
	server.outcome(t, conn, wire.Received)
	began := time.Now()
	stop()
	if took := time.Since(began); took > patience/3 {
		t.Errorf("the server ended after %v", took)
	}
	if _, err := listener.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is still open: %v", err)
	}
	if o := server.outcome(t, conn, wire.Failed); o.Reason != wire.Timeout {
		t.Errorf("outcome is %s (%s), want timeout: %s", o.Kind, o.Reason, o.Detail)
	}
}

// narrow accepts connections that take little unread.
type narrow struct{ net.Listener }

func (n narrow) Accept() (net.Conn, error) {
	conn, err := n.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok {
		err = errors.Join(err, tcp.SetWriteBuffer(4<<10))
	}
	return conn, err
}

// What goes wrong with a message while the server drains is told as ever.
func TestDrainTellsFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		end  func(*testing.T, *client)
		want wire.Kind
	}{
		{"cut short", func(t *testing.T, c *client) { try(t, c.raw.CloseWrite()) }, wire.Failed},
		{"not UTF-8", func(t *testing.T, c *client) { c.send(t, "\xff\n") }, wire.Refused},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			server := start(t, p.dir(t))
			idle, busy := dial(t, server.address, p.config(t)), dial(t, server.address, p.config(t))
			for conn, text := range map[*client]string{idle: "one\n", busy: "one\nHello"} {
				conn.send(t, text)
				conn.receipt(t, "one", p.client)
			}
			server.stop()
			if _, err := idle.receipts.Next(); !errors.Is(err, io.EOF) { // the server is draining
				t.Errorf("the idle connection ended with %v, want close_notify", err)
			}
			c.end(t, busy)
			server.outcome(t, busy, c.want)
		})
	}
}

// A server that nobody stops stops by itself at the end of its lifetime.
func TestLifetime(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	server := start(t, p.dir(t), "-lifetime", "200ms")
	dialRaw(t, server.address)
	if code := server.wait(t); code != exitStopped {
		t.Errorf("the server ended with %d", code)
	}
}

// Who signals a second time does not want to wait for the drain.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	server := startProcess(t, nil, p.dir(t), "-drain", "1h", "-idle-timeout", "1h")
	server.want = -1 // by a signal
	conn := dial(t, server.address, p.config(t))
	conn.send(t, "one\n"+strings.Repeat("x", 8<<10))
	conn.receipt(t, "one", p.client)
	limit, again := time.NewTimer(patience), time.NewTicker(20*time.Millisecond)
	defer limit.Stop()
	defer again.Stop()
	for server.stop(); ; server.stop() {
		select {
		case code := <-server.code:
			server.code <- code
			return
		case <-again.C:
		case <-limit.C:
			server.signal(syscall.SIGKILL)
			t.Fatal("the server waits for its clients, however often it is told to stop")
		}
	}
}
