package main

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

var versions = []struct {
	name string
	id   uint16
}{{"TLS 1.2", tls.VersionTLS12}, {"TLS 1.3", tls.VersionTLS13}}

// Every message has its receipt, which says what the client knows itself.
func TestDeliver(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	server := start(t, p.dir(t))
	for _, version := range versions {
		for _, c := range []struct {
			name  string
			sent  []string // one record and more each
			want  []string
			close bool // the last message ends with close_notify
		}{
			{"a line", []string{"Hello, server!\n"}, []string{hello}, false},
			{"a line that ends as on Windows", []string{"Hello, server!\r\n"}, []string{hello}, false},
			{"close_notify for a newline", []string{hello}, []string{hello}, true},
			{
				"several at once, the last ended by close_notify", []string{"one\ntwo\nthree"},
				[]string{"one", "two", "three"}, true,
			},
			{"in pieces", []string{"Hello", ", ", "server!\nmo", "re\n"}, []string{hello, "more"}, false},
			{"an empty line", []string{"\n"}, []string{""}, false},
			{
				"the longest", []string{strings.Repeat("x", wire.MaxMessage), "\r\n"},
				[]string{strings.Repeat("x", wire.MaxMessage)}, false,
			},
			{"any script", []string{"Grüße, 服务器!\n"}, []string{"Grüße, 服务器!"}, false},
			{"nothing", nil, nil, true},
		} {
			t.Run(version.name+", "+c.name, func(t *testing.T) {
				t.Parallel()
				config := p.config(t)
				config.MaxVersion = version.id
				conn := dial(t, server.address, config)
				for _, piece := range c.sent {
					conn.send(t, piece)
				}
				if c.close {
					try(t, conn.CloseWrite())
				}
				for _, message := range c.want {
					receipt := conn.receipt(t, message, p.client)
					if want := wire.NegotiatedOf(conn.ConnectionState()); receipt.TLS != want ||
						receipt.Client.String() != "spiffe://lab/client" {
						t.Errorf("receipt is %+v, want one of spiffe://lab/client over %+v", receipt, want)
					}
				}
				checkReceived(t, server, conn, c.want)
				checkEnd(t, conn, c.close)
			})
		}
	}
}

func checkReceived(t *testing.T, server *instance, conn *client, want []string) {
	t.Helper()
	var got []string
	for _, line := range server.out.lines() {
		if o := parse(line); o.Kind == wire.Received && o.Remote == conn.LocalAddr().String() {
			got = append(got, o.Message.SHA256)
			if o.Peer == nil || !o.Peer.Has("spiffe://lab/client") || o.TLS == nil {
				t.Errorf("outcome is %+v, want one that names peer and connection", o)
			}
		}
	}
	for i, message := range want {
		want[i] = wire.DigestOf(message).SHA256
	}
	if !slices.Equal(got, want) {
		t.Errorf("received %q, want %q", got, want)
	}
}

// checkEnd closes, unless that is done, and wants the server to close likewise.
func checkEnd(t *testing.T, conn *client, closed bool) {
	t.Helper()
	if !closed {
		try(t, conn.CloseWrite())
	}
	if _, err := conn.receipts.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("the connection ended with %v, want close_notify", err)
	}
	if n, err := conn.raw.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("the transport ended with %d bytes and %v", n, err)
	}
	try(t, conn.raw.Close())
}

// A line that is cut short is not a message: whoever is on the path can close
// the transport, but cannot make a close_notify.
func TestTruncation(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	server := start(t, p.dir(t))
	for _, version := range versions {
		for _, c := range []struct {
			name string
			sent string
			cut  func(*client) error
			want []wire.Kind
		}{
			{"in mid-line", "Hello, ser", func(c *client) error { return c.raw.CloseWrite() }, []wire.Kind{wire.Failed}},
			{
				"in mid-line, by a reset", "Hello, ser",
				func(c *client) error { return errors.Join(c.raw.SetLinger(0), c.raw.Close()) },
				[]wire.Kind{wire.Failed},
			},
			{
				"in the second line", "one\ntw", func(c *client) error { return c.raw.CloseWrite() },
				[]wire.Kind{wire.Received, wire.Failed},
			},
			{
				"between lines", "one\n", func(c *client) error { return c.raw.CloseWrite() },
				[]wire.Kind{wire.Received, wire.Failed},
			},
			{"within a record", "", func(c *client) error {
				_, err := c.raw.Write([]byte{23, 3, 3, 0, 99, 1, 2, 3})
				return errors.Join(err, c.raw.CloseWrite())
			}, []wire.Kind{wire.Failed}},
		} {
			t.Run(version.name+", "+c.name, func(t *testing.T) {
				t.Parallel()
				config := p.config(t)
				config.MaxVersion = version.id
				conn := dial(t, server.address, config)
				conn.send(t, c.sent)
				try(t, c.cut(conn))
				if o := server.outcome(t, conn, wire.Failed); o.Reason != wire.Disconnected {
					t.Errorf("outcome is %s (%s), want disconnected: %s", o.Kind, o.Reason, o.Detail)
				}
				if got := server.said(conn); !slices.Equal(got, c.want) {
					t.Errorf("outcomes are %q, want %q", got, c.want)
				}
			})
		}
	}
}

// A client that falls silent in mid-line is asked whether that was all. Only
// its own close_notify says yes.
func TestSilenceInMidLine(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	server := start(t, p.dir(t), "-idle-timeout", "300ms")
	long := strings.Repeat("x", maxAsked+1)
	for _, version := range versions {
		for _, c := range []struct {
			name   string
			sent   string
			answer func(*testing.T, *client)
			want   wire.Kind
			reason wire.Reason
			text   string
		}{
			{"close_notify", hello, func(t *testing.T, c *client) { try(t, c.CloseWrite()) }, wire.Received, "", hello},
			{
				"the rest and a newline", "Hello", func(t *testing.T, c *client) { c.send(t, ", server!\n") },
				wire.Received, "", hello,
			},
			{
				"the rest and close_notify", "Hello",
				func(t *testing.T, c *client) { c.send(t, ", server!"); try(t, c.CloseWrite()) }, wire.Received,
				"", hello,
			},
			{
				"the rest and a newline, more than is believed without", "Hello",
				func(t *testing.T, c *client) { c.send(t, long+"\n") }, wire.Received, "", "Hello" + long,
			},
			{
				"more than is believed, and close_notify", "Hello",
				func(t *testing.T, c *client) { c.send(t, long); try(t, c.CloseWrite()) }, wire.Failed,
				wire.Disconnected, "",
			},
			{
				"end of the transport", hello, func(t *testing.T, c *client) { try(t, c.raw.CloseWrite()) },
				wire.Failed, wire.Disconnected, "",
			},
			{
				"more, and end of the transport", "Hello",
				func(t *testing.T, c *client) { c.send(t, ", ser"); try(t, c.raw.CloseWrite()) }, wire.Failed,
				wire.Disconnected, "",
			},
			{"silence", hello, func(*testing.T, *client) {}, wire.Failed, wire.Timeout, ""},
			{
				"close_notify where too much was sent to ask", long,
				func(t *testing.T, c *client) { try(t, c.CloseWrite()) }, wire.Failed, wire.Timeout, "",
			},
		} {
			t.Run(version.name+", "+c.name, func(t *testing.T) {
				t.Parallel()
				config := p.config(t)
				config.MaxVersion = version.id
				conn := dial(t, server.address, config)
				conn.send(t, c.sent)
				if line, err := conn.receipts.Next(); !errors.Is(err, io.EOF) {
					t.Fatalf("the client read %q (%v), want close_notify", line, err)
				}
				c.answer(t, conn)
				o := server.outcome(t, conn, wire.Received, wire.Failed, wire.Refused)
				if o.Kind != c.want || o.Reason != c.reason ||
					c.text != "" && (o.Message == nil || o.Message.SHA256 != wire.DigestOf(c.text).SHA256) {
					t.Errorf("outcome is %+v, want %s (%s) of %q", o, c.want, c.reason, c.text)
				}
			})
		}
	}
}

// Who goes on within the time is not asked anything.
func TestPauseInMidLine(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	server := start(t, p.dir(t))
	conn := dial(t, server.address, p.config(t))
	conn.send(t, "Hello")
	_ = conn.SetReadDeadline(time.Now().Add(restTimeout / 4))
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Fatalf("the server answered half a line: %v", err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	conn.send(t, ", server!\n")
	conn.receipt(t, hello, p.client)
}

// Who does not finish the handshake in time is not waited for, whether silent or
// slow.
func TestHandshakeTimeout(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	server := start(t, p.dir(t), "-handshake-timeout", "200ms")
	silent, slow := dialRaw(t, server.address), dialRaw(t, server.address)
	dribble := time.NewTicker(20 * time.Millisecond)
	defer dribble.Stop()
	for _, b := range clientHello(t, tls.VersionTLS13) {
		<-dribble.C
		if _, err := slow.Write([]byte{b}); err != nil {
			break // the server has had enough
		}
	}
	for name, conn := range map[string]net.Conn{"silent": silent, "slow": slow} {
		if o := server.outcome(t, conn, wire.Failed, wire.Refused); o.Reason != wire.Timeout {
			t.Errorf("the outcome of the %s client is %s (%s), want timeout: %s", name, o.Kind, o.Reason, o.Detail)
		}
	}
}

// Silence between lines is ended too, but the messages before it stand.
func TestIdle(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	server := start(t, p.dir(t), "-idle-timeout", "100ms")
	conn := dial(t, server.address, p.config(t))
	conn.send(t, hello+"\n")
	conn.receipt(t, hello, p.client)
	if o := server.outcome(t, conn, wire.Failed); o.Reason != wire.Timeout {
		t.Errorf("outcome is %s (%s), want timeout", o.Kind, o.Reason)
	}
	if _, err := conn.receipts.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("the connection ended with %v, want close_notify", err)
	}
}
