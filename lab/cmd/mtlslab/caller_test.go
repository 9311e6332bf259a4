package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/cmd/cli"
)

// callEver runs a client that calls an address by the name server until the test ends, or has
// been answered so often.
func callEver(t *testing.T, dir, address string, most int, change func(*tls.Config)) {
	t.Helper()
	own, err := tls.LoadX509KeyPair(filepath.Join(dir, "client", "tls.crt"), filepath.Join(dir, "client", "tls.key"))
	if err != nil {
		t.Fatal(err)
	}
	trust, err := os.ReadFile(filepath.Join(dir, "client", "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(trust)
	config := &tls.Config{
		Certificates: []tls.Certificate{own}, RootCAs: roots, ServerName: "server", MinVersion: tls.VersionTLS12,
	}
	if change != nil {
		change(config)
	}
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{
		TLSClientConfig: config, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for pause := time.NewTicker(time.Millisecond); most != 0; {
			select {
			case <-ctx.Done():
				return
			case <-pause.C:
			}
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://server/health", http.NoBody)
			if err != nil {
				t.Error(err)
				return
			}
			if answer, err := client.Do(request); err == nil {
				_ = answer.Body.Close()
				most--
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
}

// free is an address of this machine at which nobody listens.
func free(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // nobody has called
	return listener.Addr().String()
}

// TestCaller audits clients that run already.
func TestCaller(t *testing.T) {
	t.Parallel()
	dir, other := exportTo(t), exportTo(t)
	args := []string{
		"--client", "--pki", dir, "--case", "chain/self-signed", "--case", "identity/other-host",
		"--case", "usage/other-role", "--case", "validity/expired", "--case", "protocol/refused-afterwards",
	}
	for name, test := range map[string]struct {
		from   string
		most   int
		change func(*tls.Config)
		args   []string
		code   int
		says   string
	}{
		"good": {dir, -1, nil, args, cli.ExitPass, "take the test authority out"},
		"skips verification": {
			dir, -1, func(c *tls.Config) { c.InsecureSkipVerify = true }, args, cli.ExitFail, "chain/self-signed",
		},
		"checks no name": {dir, -1, func(c *tls.Config) {
			c.InsecureSkipVerify = true
			roots := c.RootCAs
			c.VerifyConnection = func(s tls.ConnectionState) error {
				between := x509.NewCertPool()
				for _, cert := range s.PeerCertificates[1:] {
					between.AddCert(cert)
				}
				_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
				return err
			}
		}, args, cli.ExitFail, "identity/other-host"},
		"shows no certificate": {
			dir, -1, func(c *tls.Config) { c.Certificates = nil }, args, cli.ExitBroken, "did not present its certificate",
		},
		"of another authority": {other, -1, nil, args, cli.ExitBroken, "given client/ of this export"},
		"never calls": {
			dir, 0, nil, append(args, "--wait", "300ms"), cli.ExitBroken, "no client called within 300ms",
		},
		"ceases to call": {dir, 3, nil, append(args, "--wait", "1s"), cli.ExitBroken, "did not call again within 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := free(t)
			callEver(t, test.from, address, test.most, test.change)
			code, out, said := carryOut(t, append([]string{"audit", "endpoint", address}, test.args...)...)
			if code != test.code || !strings.Contains(out+said, test.says) {
				t.Errorf("exit code %d, want %d and %q in\n%s%s", code, test.code, test.says, out, said)
			}
		})
	}
	for says, args := range map[string][]string{
		"--rate is a server's":   {"--client", "--rate", "3"},
		"--wait is a client's":   {"--wait", "3s"},
		"--speaks \"postgres\":": {"--client", "--speaks", "postgres"},
		"--wait 1h0m0s":          {"--client", "--wait", "1h"},
		"nobody can call there":  {"--client"},
	} {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		code, _, said := carryOut(
			t,
			append([]string{"audit", "endpoint", taken.Addr().String(), "--pki", dir}, args...)...)
		_ = taken.Close()
		if code == cli.ExitPass || !strings.Contains(said, says) {
			t.Errorf("%q: exit code %d, want %q in %s", args, code, says, said)
		}
	}
}
