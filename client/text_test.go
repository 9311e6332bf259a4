package main

import (
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

func TestTextOfDelivery(t *testing.T) {
	p := newPair(t)
	got := runClient(t, nil, "-connect", p.listenTLS(t, nil, acknowledge(nil)), "-server-name", serverName,
		"-material", materialDir(t, p.client.Material(p.authority)), hello, "again")
	want := `Server is spiffe://lab/server (DNS server), TLS 1.3, X25519MLKEM768
Sent: Hello, server!
Receipt: the server verified spiffe://lab/client
Sent: again
Receipt: the server verified spiffe://lab/client
`
	if got.code != 0 || got.stdout != want || got.stderr != "" {
		t.Errorf("got %d\n%s%s\nwant 0\n%s", got.code, got.stdout, got.stderr, want)
	}
}

// Whatever goes wrong is told in one to three lines on standard error that
// name the peer.
func TestTextOfFailure(t *testing.T) {
	p, other := newPair(t), newPair(t)
	honest, closed := p.listenTLS(t, nil, acknowledge(nil)), closedPort(t)
	for _, c := range []struct {
		name, address, serverName string
		client                    *pki.Identity
	}{
		{"refused", honest, "other", p.client},
		{"refused by the server", honest, serverName, other.client},
		{"unreachable", closed, serverName, p.client},
		{"no receipt", listen(t, hold), serverName, p.client},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := runClient(t, nil, "-connect", c.address, "-server-name", c.serverName, "-timeout", "1s",
				"-material", materialDir(t, c.client.Material(p.authority)), hello)
			lines := strings.Split(strings.TrimSuffix(got.stderr, "\n"), "\n")
			if got.code == 0 || len(lines) > 3 || !strings.Contains(lines[0], c.address) {
				t.Errorf("exit code %d, standard error:\n%s", got.code, got.stderr)
			}
		})
	}
}

func TestOwnExpiredCertificateIsAWarning(t *testing.T) {
	p := newPair(t)
	expired := p.issue(t, pki.Request{Role: wire.Client, Name: "client", NotAfter: time.Now().Add(-time.Minute)})
	server := p.listenTLS(t, nil, acknowledge(nil))
	got := runClient(t, nil, "-log", "json", "-connect", server, "-server-name", serverName,
		"-material", materialDir(t, expired.Material(p.authority)), hello)
	if !strings.HasPrefix(got.stderr, "client: warning: ") {
		t.Errorf("no warning on standard error:\n%s", got.stderr)
	}
	if o := got.outcome(t); o.Peer == nil {
		t.Errorf("outcome is %+v, want one of a client that went on", o)
	}
}
