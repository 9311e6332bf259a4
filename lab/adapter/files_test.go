package adapter_test

import (
	"bytes"
	"encoding/pem"
	"errors"
	"testing"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

var everything = adapter.Layout{
	CA: "ca", Cert: "cert", Key: "key", Combined: "combined", CRL: "crl",
	PKCS12: "p12", TrustStore: "trust.p12", JKS: "/etc/jks", TrustJKS: "trust.jks",
}

func minted(t *testing.T) (wire.Material, *pki.Identity) {
	t.Helper()
	authority, err := pki.New(pki.Config{})
	if err != nil {
		t.Fatal(err)
	}
	id, err := authority.Issue(pki.Request{Role: wire.Server, Name: "server", DNS: []string{"server"}})
	if err != nil {
		t.Fatal(err)
	}
	material := id.Material(authority)
	if material.CRL, err = authority.CRLs(); err != nil {
		t.Fatal(err)
	}
	return material, id
}

// TestMaterialFiles reads every layout back.
func TestMaterialFiles(t *testing.T) {
	t.Parallel()
	material, id := minted(t)
	a := adapter.Adapter{Material: adapter.Material{Files: everything}}
	files, err := a.MaterialFiles(material, "/m")
	if err != nil {
		t.Fatal(err)
	}
	by := make(map[string][]byte)
	for _, f := range files {
		by[f.Path] = f.Data
		secret := bytes.Contains(f.Data, []byte("PRIVATE KEY")) || f.Path == "/m/p12" || f.Path == "/etc/jks"
		if secret != (f.Mode == 0o600) {
			t.Errorf("%s has mode %o", f.Path, f.Mode)
		}
	}
	for path, want := range map[string][]byte{
		"/m/ca": material.Trust, "/m/cert": material.Chain, "/m/key": material.Key, "/m/crl": material.CRL,
		"/m/combined": append(bytes.Clone(material.Key), material.Chain...),
	} {
		if !bytes.Equal(by[path], want) {
			t.Errorf("%s differs", path)
		}
	}
	key, leaf, chain, err := pkcs12.DecodeChain(by["/m/p12"], adapter.Password)
	if err != nil || !leaf.Equal(id.Certificate) || len(chain) != 1 || key == nil {
		t.Errorf("p12: %v, %d in the chain, %v", leaf, len(chain), err)
	}
	if roots, err := pkcs12.DecodeTrustStore(by["/m/trust.p12"], adapter.Password); err != nil || len(roots) != 1 {
		t.Errorf("trust.p12: %d roots, %v", len(roots), err)
	}
	store := keystore.New()
	if err := store.Load(bytes.NewReader(by["/etc/jks"]), []byte(adapter.Password)); err != nil {
		t.Fatal(err)
	}
	entry, err := store.GetPrivateKeyEntry("mtlslab-0", []byte(adapter.Password))
	block, _ := pem.Decode(material.Key)
	if err != nil || !bytes.Equal(entry.PrivateKey, block.Bytes) || len(entry.CertificateChain) != 2 {
		t.Errorf("jks: %d in the chain, %v", len(entry.CertificateChain), err)
	}
	trust := keystore.New()
	if err := trust.Load(bytes.NewReader(by["/m/trust.jks"]), []byte(adapter.Password)); err != nil ||
		len(trust.Aliases()) != 1 {
		t.Errorf("trust.jks: %v, %v", trust.Aliases(), err)
	}
}

// TestSpoiledMaterial makes no file of nothing, and no keystore of what it cannot
// read.
func TestSpoiledMaterial(t *testing.T) {
	t.Parallel()
	material, _ := minted(t)
	plain := adapter.Adapter{}
	files, err := plain.MaterialFiles(wire.Material{Chain: material.Chain}, "/m")
	if err != nil || len(files) != 1 || files[0].Path != "/m/tls.crt" {
		t.Errorf("%v, %v", files, err)
	}
	for name, alter := range map[string]func(*wire.Material){
		"no key": func(m *wire.Material) { m.Key = nil }, "no chain": func(m *wire.Material) { m.Chain = nil },
		"no trust": func(m *wire.Material) { m.Trust = nil }, "trust cut " +
			"short": func(m *wire.Material) { m.Trust = m.Trust[:40] },
		"a key for trust": func(m *wire.Material) { m.Trust = m.Key },
	} {
		altered := material
		alter(&altered)
		a := adapter.Adapter{Material: adapter.Material{Files: everything}}
		if _, err := a.MaterialFiles(altered, "/m"); !errors.Is(err, adapter.ErrNotPackable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
