package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Every client that is not to be trusted is refused for the right reason, and
// told so by the right alert.
func TestRefused(t *testing.T) {
	t.Parallel()
	p, other := newPair(t), newPair(t)
	server := start(
		t,
		p.dir(t),
		"-allow",
		"spiffe://lab/client, spiffe://lab/expired",
		"-allow",
		"spiffe://lab/early,spiffe://lab/usage",
	)
	now := time.Now()
	const badCertificate, expired, unknownCA, handshakeFailure, required = 42, 45, 48, 40, 116
	for _, c := range []struct {
		name   string
		id     *pki.Identity // none if nil
		reason wire.Reason
		alerts [2]uint8 // under TLS 1.2 and 1.3
	}{
		{"no certificate", nil, wire.NoCertificate, [2]uint8{handshakeFailure, required}},
		{"another authority of the same name", other.client, wire.UnknownAuthority, [2]uint8{unknownCA, unknownCA}},
		{
			"a server's certificate", p.issue(t, pki.Request{Role: wire.Server, Name: "usage"}),
			wire.WrongUsage, [2]uint8{badCertificate, badCertificate},
		},
		{
			"expired",
			p.issue(t, pki.Request{Role: wire.Client, Name: "expired", NotAfter: now.Add(-time.Minute)}),
			wire.Expired, [2]uint8{expired, expired},
		},
		{
			"not yet valid",
			p.issue(t, pki.Request{Role: wire.Client, Name: "early", NotBefore: now.Add(time.Hour)}),
			wire.NotYetValid, [2]uint8{expired, expired},
		},
		{
			"not in -allow", p.issue(t, pki.Request{Role: wire.Client, Name: "client2"}), wire.NotAllowed,
			[2]uint8{badCertificate, badCertificate},
		},
	} {
		for i, version := range versions {
			t.Run(version.name+", "+c.name, func(t *testing.T) {
				t.Parallel()
				config := p.config(t)
				config.GetClientCertificate = nil
				if c.id != nil {
					config = p.clientConfig(t, c.id)
				}
				config.MaxVersion = version.id
				conn, alert := refusal(t, server.address, config)
				if alert.Code != c.alerts[i] {
					t.Errorf("alert is %d (%s), want %d", alert.Code, alert.Name, c.alerts[i])
				}
				checkRefused(t, server, conn, c.reason)
			})
		}
	}
	t.Run("allowed", func(t *testing.T) { t.Parallel(); p.deliver(t, server.address, p.config(t)) })
}

// checkRefused wants the refusal to be the only thing the server says of it.
func checkRefused(t *testing.T, server *instance, conn net.Conn, reason wire.Reason) {
	t.Helper()
	if o := server.outcome(t, conn, wire.Refused, wire.Failed, wire.Received); o.Kind != wire.Refused ||
		o.Reason != reason {
		t.Errorf("outcome is %s (%s), want refused (%s): %s", o.Kind, o.Reason, reason, o.Detail)
	}
	if got := server.said(conn); !slices.Equal(got, []wire.Kind{wire.Refused}) {
		t.Errorf("outcomes are %q, want one", got)
	}
}

// What is no TLS, or none that is still accepted, is told apart from what is
// not trusted.
func TestRefusedBeforeCertificates(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	server, strict := start(t, p.dir(t)), start(t, p.dir(t), "-min-version", "1.3")
	for _, c := range []struct {
		name   string
		server *instance
		speak  func(*testing.T, *net.TCPConn)
		reason wire.Reason
		alert  uint8
	}{
		{"HTTP", server, speaks("GET / HTTP/1.1\r\nHost: server\r\n\r\n"), wire.NotTLS, 0},
		{"garbage", server, speaks("\x00\x01\x02\x03\x04\x05\x06\x07"), wire.NotTLS, 0},
		{"garbage in a record", server, speaks("\x16\x03\x01\x00\x06\x01\x00\x00\x02\xff\xff"), wire.ProtocolError, 50},
		{"TLS 1.1", server, speaksTLS(tls.VersionTLS11), wire.ProtocolVersion, 70},
		{"TLS 1.2 where 1.3 is demanded", strict, speaksTLS(tls.VersionTLS12), wire.ProtocolVersion, 70},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			raw := dialRaw(t, c.server.address)
			c.speak(t, raw)
			checkRefused(t, c.server, raw, c.reason)
			answer, err := io.ReadAll(raw)
			try(t, err)
			if c.alert != 0 && (len(answer) != 7 || answer[0] != 21 || answer[6] != c.alert) {
				t.Errorf("the server answered %x, want alert %d", answer, c.alert)
			}
		})
	}
}

func speaks(text string) func(*testing.T, *net.TCPConn) {
	return func(t *testing.T, raw *net.TCPConn) {
		_, err := io.WriteString(raw, text)
		try(t, err)
	}
}

// speaksTLS sends a ClientHello, and leaves the answer unread.
func speaksTLS(version uint16) func(*testing.T, *net.TCPConn) {
	return func(t *testing.T, raw *net.TCPConn) { speaks(string(clientHello(t, version)))(t, raw) }
}

// clientHello is the first flight of a client that speaks up to that version.
func clientHello(t testing.TB, version uint16) []byte {
	t.Helper()
	ours, theirs := net.Pipe()
	defer ours.Close() //nolint:errcheck // never fails
	go func() {
		_ = tls.Client(
			theirs,
			&tls.Config{ServerName: serverName, MinVersion: tls.VersionTLS10, MaxVersion: version},
		).Handshake()
	}()
	hello := make([]byte, 8<<10)
	n, err := ours.Read(hello)
	try(t, err)
	return hello[:n]
}

// The client reads why it was refused, however much it was sending: not once in
// hundreds of connections does a reset take the place of the alert.
func TestRefusalArrives(t *testing.T) {
	t.Parallel()
	p, other := newPair(t), newPair(t)
	server := start(t, p.dir(t))
	config := p.clientConfig(t, other.client)
	attempts := make(chan int)
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for n := range attempts {
				if err := loudRefusal(server.address, config); err != nil {
					t.Errorf("attempt %d: %v", n, err)
				}
			}
		})
	}
	count := 500
	if testing.Short() {
		count = 100
	}
	for n := range count {
		attempts <- n
	}
	close(attempts)
	workers.Wait()
}

// loudRefusal is refused while it sends, and wants an alert and then a clean
// end. In TLS 1.3 it sends before the server has judged it.
func loudRefusal(address string, config *tls.Config) error {
	raw, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer raw.Close() //nolint:errcheck // has served
	_ = raw.SetDeadline(time.Now().Add(patience))
	conn := tls.Client(raw, config)
	if err := conn.Handshake(); err != nil {
		return err
	}
	if _, err := conn.Write([]byte(strings.Repeat("x", wire.MaxMessage))); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1))
	if alert := alertIn(err, conn); alert == nil || alert.Code != 48 {
		return fmt.Errorf("no alert 48, but %w", err)
	}
	if n, err := raw.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		return fmt.Errorf("after the alert came %d bytes and %w", n, err)
	}
	return nil
}

// A message that cannot be taken ends the connection, and nothing is received.
// What was received before it stands, and has its receipt.
func TestRefusedMessage(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	server := start(t, p.dir(t), "-max-message", "5000")
	for _, c := range []struct {
		name, sent string
		reason     wire.Reason
	}{
		{"one byte too long", strings.Repeat("x", 5001) + "\n", wire.MessageTooLong},
		{"without end", strings.Repeat("x", 200<<10), wire.MessageTooLong},
		{"not UTF-8", "Hello, \xff!\n", wire.NotUTF8},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, server.address, p.config(t))
			conn.send(t, hello+"\n"+c.sent)
			conn.receipt(t, hello, p.client)
			if o := server.outcome(t, conn, wire.Refused); o.Reason != c.reason {
				t.Errorf("reason is %s, want %s: %s", o.Reason, c.reason, o.Detail)
			}
			if got := server.said(conn); !slices.Equal(got, []wire.Kind{wire.Received, wire.Refused}) {
				t.Errorf("outcomes are %q, want received, refused", got)
			}
			checkEnd(t, conn, false)
		})
	}
}

// A client that refuses the server is accounted for with its alert.
func TestRefusedByClient(t *testing.T) {
	t.Parallel()
	p, other := newPair(t), newPair(t)
	server := start(t, p.dir(t))
	raw := dialRaw(t, server.address)
	if err := tls.Client(raw, other.config(t)).Handshake(); err == nil {
		t.Fatal("the client trusts a server of another authority")
	}
	o := server.outcome(t, raw, wire.RefusedByPeer, wire.Failed, wire.Refused)
	if o.Kind != wire.RefusedByPeer || o.Alert == nil || o.Alert.Code != 42 {
		t.Errorf("outcome is %+v, want refused_by_peer with alert 42", o)
	}
}
