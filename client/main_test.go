package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

const (
	serverName = "server"
	hello      = "Hello, server!"
	patience   = time.Minute // of servers in tests; longer than any test that passes
)

// pair is an authority with a good server and a good client.
type pair struct {
	authority      *pki.Authority
	server, client *pki.Identity
}

func newPair(t testing.TB) pair {
	t.Helper()
	authority, err := pki.New(pki.Config{})
	if err != nil {
		t.Fatal(err)
	}
	p := pair{authority: authority}
	p.server = p.issue(t, pki.Request{Role: wire.Server, Name: "server", DNS: []string{serverName}})
	p.client = p.issue(t, pki.Request{Role: wire.Client, Name: "client"})
	return p
}

func (p pair) issue(t testing.TB, r pki.Request) *pki.Identity {
	t.Helper()
	id, err := p.authority.Issue(r)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func credentials(t testing.TB, m wire.Material) *wire.Credentials {
	t.Helper()
	creds, err := m.Parse()
	if err != nil {
		t.Fatal(err)
	}
	return creds
}

func materialDir(t testing.TB, m wire.Material) string {
	t.Helper()
	dir := t.TempDir()
	if err := m.WriteDir(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// listen calls serve with each connection until the test ends, and waits for
// all of them then.
func listen(t testing.TB, serve func(net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.SetDeadline(time.Now().Add(patience))
			serve(conn)
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-served
	})
	return listener.Addr().String()
}

// listenTLS serves with the server's good material, changed by change, and
// hands each connection that came through its handshake to talk. Like our
// server, it drains what a refused client still sends.
func (p pair) listenTLS(t testing.TB, change func(*tls.Config), talk func(*tls.Conn)) string {
	t.Helper()
	config := wire.ServerConfig(credentials(t, p.server.Material(p.authority)), wire.Policy{})
	if change != nil {
		change(config)
	}
	return listen(t, func(raw net.Conn) {
		defer raw.Close() //nolint:errcheck // done with it
		conn := tls.Server(raw, config)
		if conn.Handshake() != nil {
			_ = raw.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, raw)
			return
		}
		talk(conn)
	})
}

// acknowledge answers every message with its receipt, changed by change.
func acknowledge(change func(*wire.Receipt)) func(*tls.Conn) {
	return func(conn *tls.Conn) {
		messages := wire.NewMessageReader(conn, wire.MaxMessage, nil)
		for {
			message, err := messages.Next()
			if err == nil {
				err = writeReceipt(conn, message, change)
			}
			if err != nil {
				_ = conn.Close()
				return
			}
		}
	}
}

func writeReceipt(conn *tls.Conn, message string, change func(*wire.Receipt)) error {
	state := conn.ConnectionState()
	receipt := wire.Receipt{SHA256: wire.DigestOf(message).SHA256, TLS: wire.NegotiatedOf(state)}
	if len(state.PeerCertificates) > 0 {
		receipt.Client = wire.IdentityOf(state.PeerCertificates[0])
	}
	if change != nil {
		change(&receipt)
	}
	return json.NewEncoder(conn).Encode(receipt)
}

// result is what one run of the client left.
type result struct {
	code           int
	stdout, stderr string
}

func noEnvironment(string) (string, bool) { return "", false }

func runClient(t testing.TB, stdin io.Reader, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), make(chan os.Signal, 1), args, noEnvironment, stdio{stdin, &stdout, &stderr})
	return result{code, stdout.String(), stderr.String()}
}

// outcome returns the only outcome in the result.
func (r result) outcome(t testing.TB) wire.Outcome {
	t.Helper()
	line, rest, _ := strings.Cut(r.stdout, "\n")
	o, err := wire.ParseOutcome([]byte(line))
	if err != nil || rest != "" {
		t.Fatalf("standard output is not one outcome (%v):\n%s\nstandard error:\n%s", err, r.stdout, r.stderr)
	}
	if o.Role != wire.Client || o.Time.IsZero() {
		t.Errorf("outcome of role %q at %v, want a client's, stamped", o.Role, o.Time)
	}
	if o.Kind.ExitCode() != r.code {
		t.Errorf("exit code %d for outcome %s, want %d", r.code, o.Kind, o.Kind.ExitCode())
	}
	return o
}

// closedPort is an address where nobody listens.
func closedPort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return address
}

// hold reads until the client gives up, and never answers.
func hold(conn net.Conn) {
	_, _ = io.Copy(io.Discard, conn)
	_ = conn.Close()
}
