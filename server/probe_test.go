package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// Only a server that turns away who has no certificate is as it should be.
func TestProbe(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	identity := credentials(t, p.server.Material(p.authority)).Own
	good := start(t, p.dir(t), "-log", "text")
	for _, c := range []struct {
		name, address string
		want          string // ADDRESS stands for it; empty for a server that is as it should be
	}{
		{"good", good.address, ""},
		{"good, that speaks TLS 1.3 alone", start(t, p.dir(t), "-min-version", "1.3").address, ""},
		{
			"good, that speaks TLS 1.2 alone",
			listenTLS(
				t,
				&tls.Config{
					MaxVersion: tls.VersionTLS12, ClientAuth: tls.RequireAnyClientCert,
					Certificates: []tls.Certificate{identity},
				},
			),
			"",
		},
		{"good, wherever it listens", strings.Replace(start(t, p.dir(t), "-listen", ":0").address, "[::]", "", 1), ""},
		{"nothing there", closedPort(t), "nothing answers at ADDRESS: connect: connection refused"},
		{"no TLS", listen(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "220 mail.example ESMTP\r\n") }),
			"what listens at ADDRESS does not speak TLS as a server should: tls: first record does not look like " +
				"a TLS handshake"},
		{
			"one that closes", listen(t, func(net.Conn) {}),
			"what listens at ADDRESS does not speak TLS as a server should: EOF",
		},
		{
			"TLS, and demands nothing", listenTLS(t, &tls.Config{Certificates: []tls.Certificate{identity}}),
			"the server at ADDRESS does not demand a certificate",
		},
		{
			"TLS, and asks, but does not insist",
			listenTLS(t, &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven, Certificates: []tls.Certificate{identity}}),
			"the server at ADDRESS does not demand a certificate",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			wantCode, wantText := exitStopped, ""
			if c.want != "" {
				wantCode, wantText = exitFailed, "server: -probe: "+strings.ReplaceAll(c.want, "ADDRESS", c.address)+"\n"
			}
			code, stdout, stderr := once(t, noEnvironment, "-probe", "-listen", c.address)
			if code != wantCode || stdout != "" || stderr != wantText {
				t.Errorf("got %d, %q, %q\nwant %d, %q", code, stdout, stderr, wantCode, wantText)
			}
		})
	}
}

// A health check every few seconds is not worth a line to a person, but the lab
// is told everything.
func TestProbeIsQuiet(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	text, json := start(t, p.dir(t), "-log", "text"), start(t, p.dir(t))
	for _, server := range []*instance{text, json} {
		if code, _, stderr := once(t, noEnvironment, "-probe", "-listen", server.address); code != exitStopped {
			t.Errorf("got %d, %q", code, stderr)
		}
	}
	if o := parse(json.out.await(t, "the probe", isKind(wire.Refused))); o.Reason != wire.NoCertificate {
		t.Errorf("outcome is %+v, want no_certificate", o)
	}
	text.stop()
	text.wait(t)
	if lines := text.out.lines(); len(lines) != 2 {
		t.Errorf("the probe left its mark:\n%s", text.out)
	}
}

// An address to listen on is not always one to dial.
func TestProbeAddress(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ listen, want string }{
		{":12345", "127.0.0.1:12345"},
		{"0.0.0.0:1", "127.0.0.1:1"},
		{"[::]:1", "[::1]:1"},
		{"[::1]:1", "[::1]:1"},
		{"192.0.2.1:1", "192.0.2.1:1"},
		{"server:1", "server:1"},
	} {
		if got, err := probeAddress(c.listen); got != c.want || err != nil {
			t.Errorf("%s is probed at %s (%v), want %s", c.listen, got, err, c.want)
		}
	}
}

// listen serves each connection and then closes it, until the test ends.
func listen(t testing.TB, serve func(net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	try(t, err)
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serve(conn)
			_ = conn.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = listener.Close(); <-served })
	return listener.Addr().String()
}

func listenTLS(t testing.TB, config *tls.Config) (address string) {
	t.Helper()
	return listen(t, func(raw net.Conn) {
		conn := tls.Server(raw, config)
		if conn.Handshake() == nil {
			_ = conn.CloseWrite()
		}
	})
}

// closedPort is an address where nobody listens, and nobody else can.
func closedPort(t testing.TB) string {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	try(t, err)
	syscall.CloseOnExec(socket)
	t.Cleanup(func() { _ = syscall.Close(socket) })
	try(t, syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	bound, err := syscall.Getsockname(socket)
	try(t, err)
	address, ok := bound.(*syscall.SockaddrInet4)
	if !ok {
		t.Fatalf("bound to %v", bound)
	}
	return fmt.Sprintf("127.0.0.1:%d", address.Port)
}
