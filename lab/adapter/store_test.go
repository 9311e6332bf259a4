package adapter_test

import (
	"bytes"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/pki"
)

// The names in the directory of a system's store are those by which OpenSSL looks for them.
func TestStoreFiles(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("MTLSLAB_REQUIRE_TOOLS") == "1" {
			t.Fatal(err)
		}
		t.Skip("openssl is not there")
	}
	pair, err := pki.NewPair(pki.Config{})
	if err != nil {
		t.Fatal(err)
	}
	roots := pair.Authority.Trust()
	files, err := adapter.StoreFiles(roots)
	if err != nil {
		t.Fatal(err)
	}
	hash := exec.Command("openssl", "x509", "-noout", "-subject_hash")
	hash.Stdin = bytes.NewReader(roots)
	want, err := hash.Output()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Path)
	}
	for _, name := range []string{
		path.Join("/etc/ssl/certs", strings.TrimSpace(string(want))+".0"), "/etc/ssl/certs/ca-certificates.crt",
		"/etc/ssl/certs/java/cacerts", "/etc/pki/tls/certs/ca-bundle.crt",
	} {
		if !slices.Contains(names, name) {
			t.Errorf("no %s among %q", name, names)
		}
	}
	if _, err := adapter.StoreFiles([]byte("nothing")); err == nil {
		t.Error("a store of nothing")
	}
}
