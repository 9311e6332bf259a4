package pki_test

import (
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// TestOpenSSL asks another implementation than the one that signed, at its
// strictest.
func TestOpenSSL(t *testing.T) {
	t.Parallel()
	openssl := findOpenSSL(t)
	purposes := map[wire.Role]string{wire.Server: "sslserver", wire.Client: "sslclient"}
	for _, algorithm := range algorithms {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			authority := newAuthority(t, pki.Config{Algorithm: algorithm, Now: now})
			for _, test := range roles {
				id := issue(t, authority, request(test.role))
				files := writeChain(t, authority, id)
				for role, purpose := range purposes {
					verify := exec.CommandContext(t.Context(), openssl, "verify", "-x509_strict",
						"-attime", strconv.FormatInt(now.Unix(), 10), "-purpose", purpose,
						"-CAfile", files.root, "-untrusted", files.intermediate, files.leaf)
					out, err := verify.CombinedOutput()
					var refused *exec.ExitError
					if err != nil && !errors.As(err, &refused) {
						t.Fatal(err)
					}
					if accepted := refused == nil; accepted != (role == test.role) {
						t.Errorf("%s leaf, purpose %s: accepted = %v\n%s", test.role, purpose, accepted, out)
					}
				}
			}
		})
	}
}

// findOpenSSL skips where there is none, but not where the lab's tools are
// required to be.
func findOpenSSL(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil && os.Getenv("MTLSLAB_REQUIRE_TOOLS") == "1" {
		t.Fatalf("MTLSLAB_REQUIRE_TOOLS is 1: %v", err)
	} else if err != nil {
		t.Skipf("cannot compare with OpenSSL: %v", err)
	}
	return path
}

type chainFiles struct{ root, intermediate, leaf string }

// writeChain writes certificates only: keys are in no file.
func writeChain(t *testing.T, authority *pki.Authority, id *pki.Identity) chainFiles {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	encode := func(der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}) }
	return chainFiles{
		root:         write("root.pem", authority.Trust()),
		intermediate: write("intermediate.pem", encode(id.Chain[1].Raw)),
		leaf:         write("leaf.pem", encode(id.Certificate.Raw)),
	}
}
