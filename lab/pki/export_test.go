package pki_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// TestExport has an authority that was exported issue what the first one is trusted for.
func TestExport(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []pki.Algorithm{pki.ECDSAP256, pki.Ed25519, pki.RSA2048} {
		pair, err := pki.NewPair(pki.Config{Algorithm: algorithm, ServerNames: []string{"orders.test"}})
		if err != nil {
			t.Fatal(err)
		}
		text, err := pair.Export()
		if err != nil {
			t.Fatal(err)
		}
		again, err := pki.ImportPair(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, role := range []wire.Role{wire.Server, wire.Client} {
			if was, is := pair.Material(role), again.Material(role); !bytes.Equal(was.Key, is.Key) ||
				!bytes.Equal(was.Chain, is.Chain) || !bytes.Equal(was.Trust, is.Trust) {
				t.Errorf("%s: the material of the %s is another", algorithm, role)
			}
		}
		id, err := again.Authority.Issue(pki.RequestOf(wire.Client))
		if err != nil {
			t.Fatal(err)
		}
		if err := id.Certificate.CheckSignatureFrom(pair.Server.Chain[1]); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
		if got := strings.Join(again.Server.Certificate.DNSNames, " "); got != "orders.test" {
			t.Errorf("%s: its server is %q", algorithm, got)
		}
	}
}

// TestImportOfOther refuses what is no export, and one whose keys are of others.
func TestImportOfOther(t *testing.T) {
	t.Parallel()
	pair, err := pki.NewPair(pki.Config{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := pair.Export()
	if err != nil {
		t.Fatal(err)
	}
	crossed := strings.Replace(string(text), `"server":{"certificate"`, `"server":{"key"`, 1)
	for name, text := range map[string]string{"nothing": "", "a list": "[]", "no keys": "{}", "crossed": crossed} {
		if _, err := pki.ImportPair([]byte(text)); err == nil {
			t.Errorf("%s was imported", name)
		}
	}
}
