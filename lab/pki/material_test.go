package pki_test

import (
	"bytes"
	"crypto/x509"
	"errors"
	"reflect"
	"testing"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

func TestMaterialRoundTrip(t *testing.T) {
	t.Parallel()
	for _, algorithm := range algorithms {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			authority := newAuthority(t, pki.Config{Algorithm: algorithm})
			id := issue(t, authority, request(wire.Server))
			sent := id.Material(authority)

			var archive bytes.Buffer
			if err := sent.WriteTar(&archive); err != nil {
				t.Fatal(err)
			}
			got, err := wire.ReadMaterialTar(&archive)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, sent) {
				t.Error("the tar holds other material than was written")
			}
			checkCredentials(t, got, id, authority)
		})
	}
}

func checkCredentials(t *testing.T, material wire.Material, id *pki.Identity, trust ...*pki.Authority) {
	t.Helper()
	credentials, err := material.Parse()
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	for _, authority := range trust {
		roots.AddCert(root(t, authority))
	}
	if !credentials.Roots.Equal(roots) {
		t.Error("the trusted roots are not those of the authorities")
	}
	if !reflect.DeepEqual(credentials.Own.PrivateKey, id.Key) {
		t.Error("the key is not the identity's")
	}
	var want [][]byte
	for _, cert := range id.Chain {
		want = append(want, cert.Raw)
	}
	if !reflect.DeepEqual(credentials.Own.Certificate, want) {
		t.Error("the chain is not the identity's")
	}
}

// TestMaterialTrust gives peers other trust than their own authority's, which
// is how an impostor is equipped.
func TestMaterialTrust(t *testing.T) {
	t.Parallel()
	ours, impostor := newAuthority(t, pki.Config{}), newAuthority(t, pki.Config{})
	id := issue(t, impostor, request(wire.Client))

	tests := []struct {
		name  string
		trust []*pki.Authority
	}{
		{"its own authority", []*pki.Authority{impostor}},
		{"another authority", []*pki.Authority{ours}},
		{"both", []*pki.Authority{ours, impostor}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			checkCredentials(t, id.Material(test.trust...), id, test.trust...)
		})
	}

	if _, err := id.Material().Parse(); !errors.Is(err, wire.ErrNoPEM) {
		t.Errorf("without trust: error = %v, want %v", err, wire.ErrNoPEM)
	}
}

// TestMaterialFollowsChain lets a lab leave the intermediate out.
func TestMaterialFollowsChain(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t, pki.Config{})
	id := issue(t, authority, request(wire.Client))
	id.Chain = id.Chain[:1]
	checkCredentials(t, id.Material(authority), id, authority)
}
