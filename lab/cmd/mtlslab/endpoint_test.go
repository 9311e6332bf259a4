package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/cmd/cli"
)

// deployed is a server of HTTPS that somebody runs, with what was exported into a directory.
type deployed struct {
	address string
	asked   atomic.Int32 // connections that it took
}

// deploy runs a server, each of whose connections is first shown to admit, which may be nil.
func deploy(t *testing.T, dir string, auth tls.ClientAuthType, admit func(n int32) bool) *deployed {
	t.Helper()
	own, err := tls.LoadX509KeyPair(filepath.Join(dir, "server", "tls.crt"), filepath.Join(dir, "server", "tls.key"))
	if err != nil {
		t.Fatal(err)
	}
	trust, err := os.ReadFile(filepath.Join(dir, "server", "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(trust)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &deployed{address: listener.Addr().String()}
	config := &tls.Config{
		Certificates: []tls.Certificate{own}, ClientCAs: roots, ClientAuth: auth, MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			if n := d.asked.Add(1); admit != nil && !admit(n) {
				return nil, errors.New("locked out")
			}
			return nil, nil
		},
	}
	server := &http.Server{
		TLSConfig: config, ReadHeaderTimeout: time.Minute, ErrorLog: discard,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Host != "orders.test" {
				w.WriteHeader(http.StatusMisdirectedRequest)
			}
		}),
	}
	go server.ServeTLS(listener, "", "") //nolint:errcheck // it ends with the test
	t.Cleanup(func() { _ = server.Close() })
	return d
}

var discard = log.New(io.Discard, "", 0)

func exportTo(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "export")
	if code, _, said := carryOut(t, "pki", "export", dir, "--dns", "orders.test"); code != cli.ExitPass {
		t.Fatalf("exit code %d\n%s", code, said)
	}
	return dir
}

func carryOut(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, said terminal
	code = execute(t.Context(), args, &out, &said)
	return code, out.String(), said.String()
}

// terminal is written to by many at once, as a file can be.
type terminal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (t *terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *terminal) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// TestExport looks at what is written: nothing that others can read, and nothing that forges
// among what is deployed.
func TestExport(t *testing.T) {
	t.Parallel()
	dir := exportTo(t)
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range []string{"server", "client"} {
		text, err := os.ReadFile(filepath.Join(dir, role, "tls.key"))
		if err != nil || strings.Count(string(text), "BEGIN") != 1 {
			t.Errorf("%s is given %v, %v", role, string(text), err)
		}
	}
	note, err := os.ReadFile(filepath.Join(dir, "README.txt"))
	if err != nil || !strings.Contains(string(note), "NEVER deploy it") {
		t.Errorf("the note says %q, %v", note, err)
	}
	if code, _, said := carryOut(t, "pki", "export", dir, "--dns", "orders.test"); code == cli.ExitPass ||
		!strings.Contains(said, "is not empty") {
		t.Errorf("written again: exit code %d, %s", code, said)
	}
}

// TestEndpoint audits servers that run already: what is right of them, and what is not theirs
// to be asked.
func TestEndpoint(t *testing.T) {
	t.Parallel()
	dir, other := exportTo(t), exportTo(t)
	some := []string{
		"--case", "chain/self-signed", "--case", "protocol/no-client-certificate", "--case", "revocation/leaf",
		"--case", "validity/not-yet-valid-root", "--case", "operational/no-trust", "--rate", "200", "--pki", dir,
	}
	for name, test := range map[string]struct {
		from  string
		auth  tls.ClientAuthType
		admit func(int32) bool
		args  []string
		code  int
		says  string
		most  int32 // connections
	}{
		"good": {dir, tls.RequireAndVerifyClientCert, nil, some, cli.ExitPass, "take the test authority out", 100},
		"asks only": {
			dir, tls.RequestClientCert, nil, some, cli.ExitFail, "protocol/no-client-certificate", 100,
		},
		"of another authority": {
			other, tls.RequireAndVerifyClientCert, nil, some, cli.ExitBroken, "shows no certificate of the exported", 1,
		},
		"under another name": {
			dir, tls.RequireAndVerifyClientCert, nil, append([]string{"--name", "shop.test"}, some...),
			cli.ExitBroken, `for "shop.test"`, 1,
		},
		"locks out": {
			dir, tls.RequireAndVerifyClientCert, func(n int32) bool { return n < 40 }, []string{"--rate", "500", "--pki", dir},
			cli.ExitBroken, "it serves nobody; nothing more", 60,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deploy(t, test.from, test.auth, test.admit)
			code, out, said := carryOut(t, append([]string{"audit", "endpoint", d.address}, test.args...)...)
			if code != test.code || !strings.Contains(out+said, test.says) {
				t.Errorf("exit code %d, want %d and %q in\n%s%s", code, test.code, test.says, out, said)
			}
			if asked := d.asked.Load(); asked > test.most {
				t.Errorf("it was asked %d times, at most %d wanted", asked, test.most)
			}
		})
	}
	for name, args := range map[string][]string{
		"want HOST:PORT":      {"orders.test", "--pki", dir},
		"--pki: name the":     {"orders.test:1"},
		"is no export":        {"orders.test:1", "--pki", t.TempDir()},
		"--rate":              {"orders.test:1", "--pki", dir, "--rate", "0"},
		"--speaks":            {"orders.test:1", "--pki", dir, "--speaks", "gopher"},
		"it cannot be asked,": {"127.0.0.1:1", "--pki", dir},
	} {
		code, _, said := carryOut(t, append([]string{"audit", "endpoint"}, args...)...)
		if code == cli.ExitPass || !strings.Contains(said, name) {
			t.Errorf("%q: exit code %d, want %q in %s", args, code, name, said)
		}
	}
}
