package cases_test

import (
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// TestGoodChainsAreGood asks another implementation than crypto/x509 about every
// chain that must be accepted, with the trust and the lists of a whole audit: a
// case that is wrong in some other way would blame whoever refuses it.
func TestGoodChainsAreGood(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil && os.Getenv("MTLSLAB_REQUIRE_TOOLS") == "1" {
		t.Fatalf("MTLSLAB_REQUIRE_TOOLS is 1: %v", err)
	} else if err != nil {
		t.Skipf("cannot compare with OpenSSL: %v", err)
	}
	f, dir := allForged(t), t.TempDir()
	write := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	encode := func(der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}) }
	trust, crls := write("ca.crt", f.trust), write("crl.pem", f.crls)
	for _, c := range certificateCases() {
		if c.Rules[cases.RFC5280].Expect != cases.MustAccept {
			continue
		}
		for _, role := range c.Roles {
			chain := f.of[key(c, role)].Chain
			var issuers []byte
			for _, der := range chain[1:] {
				issuers = append(issuers, encode(der)...)
			}
			args := []string{
				"verify", "-crl_check_all", "-CAfile", trust, "-CRLfile", crls,
				"-untrusted", write("issuers.pem", issuers), "-purpose", "ssl" + string(role),
			}
			if role == wire.Server {
				args = append(args, "-verify_hostname", "server")
			}
			verify := exec.CommandContext(t.Context(), openssl, append(args, write("leaf.pem", encode(chain[0])))...)
			if out, err := verify.CombinedOutput(); err != nil {
				t.Errorf("%s as %s: %v\n%s", c.ID, role, err, out)
			}
		}
	}
}
