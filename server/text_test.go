package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// The account to a person, from start to stop.
func TestText(t *testing.T) {
	t.Parallel()
	p, other := newPair(t), newPair(t)
	server := start(t, p.dir(t), "-log", "text")
	good := dial(t, server.address, p.config(t))
	for _, message := range []string{hello, "\x1b[31mred\x07 \u202eback\x00 C:\\new"} {
		good.send(t, message+"\n")
		good.receipt(t, message, p.client)
	}
	dialRaw(t, server.address).CloseWrite() //nolint:errcheck // a port scan, of which nothing is said
	refused, _ := refusal(t, server.address, p.clientConfig(t, other.client))
	server.out.await(t, "the refusal", func(line string) bool { return strings.HasPrefix(line, "Refused ") })
	refusing := dialRaw(t, server.address)
	_ = tls.Client(refusing, other.config(t)).Handshake()
	server.out.await(t, "the client's refusal", func(line string) bool { return strings.HasPrefix(line, "Refused by ") })
	try(t, good.raw.CloseWrite())
	server.out.await(t, "the loss", func(line string) bool { return strings.HasPrefix(line, "Lost ") })
	server.stop()
	server.wait(t)

	detail := "tls: failed to verify certificate: x509: certificate signed by unknown authority"
	want := fmt.Sprintf(`Server is listening on %s as spiffe://lab/server (DNS server), until %s
Received: Hello, server!
Received: \x1b[31mred\a \u202eback\x00 C:\new
Refused %s: unknown_authority (%s
Refused by %s: alert 42, tls: bad certificate
Lost %s: disconnected
Server has stopped
`, server.address, p.server.Certificate.NotAfter.UTC().Format(time.RFC3339), refused.LocalAddr(), detail,
		refusing.LocalAddr(), good.LocalAddr())
	got := server.out.lines()
	for i, line := range strings.Split(strings.TrimSuffix(want, "\n"), "\n") {
		if i >= len(got) || !strings.HasPrefix(got[i], line) {
			t.Fatalf("line %d differs, got\n%s\nwant\n%s", i+1, server.out, want)
		}
	}
	if stderr := server.err.String(); stderr != "" {
		t.Errorf("standard error:\n%s", stderr)
	}
}

// A server whose own certificate is expired warns, and serves on: to refuse it
// is the client's part.
func TestOwnExpiredCertificateIsAWarning(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	expired := p.issue(
		t,
		pki.Request{Role: wire.Server, Name: "server", DNS: []string{serverName}, NotAfter: time.Now().Add(-time.Minute)},
	)
	server := start(t, materialDir(t, expired.Material(p.authority)), "-log", "text")
	leaf := expired.Certificate
	want := fmt.Sprintf("Warning: this server's certificate is good from %s to %s, and it is ",
		leaf.NotBefore.UTC().Format(time.RFC3339), leaf.NotAfter.UTC().Format(time.RFC3339))
	if !strings.HasPrefix(server.err.String(), want) || strings.Count(server.err.String(), "\n") != 1 {
		t.Errorf("standard error is\n%s\nwant\n%s...", server.err, want)
	}
	earlier := func() time.Time { return leaf.NotAfter.Add(-time.Second) }
	forgiving := wire.ClientConfig(
		credentials(t, p.client.Material(p.authority)),
		wire.Policy{ServerName: serverName, Now: earlier},
	)
	p.deliver(t, server.address, forgiving)
}

// Nobody need read the log.
func TestLogThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, json := range []bool{true, false} {
		p := newPair(t)
		reader, writer := io.Pipe()
		_ = reader.Close()
		s, address := startServer(t, credentials(t, p.server.Material(p.authority)), writer)
		if !json {
			s.say = newTeller(stdio{nil, writer, writer}, false)
		}
		p.deliver(t, address, p.config(t))
	}
}
