package pki_test

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"time"

	"go.step.sm/crypto/jose"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// What is applied for is what would be issued, and what is issued must be for the applicant's key.
func TestApply(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, pki.Config{})
	applicant, err := a.Apply(pki.RequestOf(wire.Server))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(applicant.Request)
	asked, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil || asked.CheckSignature() != nil {
		t.Fatalf("its request: %v, %v", err, asked.CheckSignature())
	}
	wants := append([]string{"spiffe://lab/server"}, pki.RequestOf(wire.Server).DNS...)
	if !slices.Equal(applicant.SANs, wants) || asked.URIs[0].String() != wants[0] ||
		!slices.Equal(asked.DNSNames, wants[1:]) {
		t.Errorf("it asks for %v, %v, and names %v; want %v", asked.URIs, asked.DNSNames, applicant.SANs, wants)
	}
	id, other := issue(t, a, pki.RequestOf(wire.Server)), issue(t, a, pki.RequestOf(wire.Server))
	if again, err := id.Renewed(id.Material(a).Chain); err != nil || !again.Certificate.Equal(id.Certificate) ||
		len(again.Chain) != len(id.Chain) {
		t.Errorf("renewed by its own chain: %v, %v", again, err)
	}
	for says, chain := range map[string][]byte{
		"for another key":      other.Material(a).Chain,
		"there is no certific": []byte("<html>"),
		"malformed":            pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{0x30}}),
	} {
		if _, err := id.Renewed(chain); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
		if _, err := applicant.Identity(chain); err == nil {
			t.Errorf("%q: the applicant takes it", says)
		}
	}
}

// What is delegated issues in the authority's name.
func TestDelegate(t *testing.T) {
	t.Parallel()
	certificate, key, err := newAuthority(t, pki.Config{}).Delegate()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (wire.Material{Chain: certificate, Key: key, Trust: certificate}).Parse(); err != nil {
		t.Error(err)
	}
}

// A token vouches for one applicant, for a while, by a key of which only the public half is told.
func TestToken(t *testing.T) {
	t.Parallel()
	applicant, err := newAuthority(t, pki.Config{}).Apply(pki.RequestOf(wire.Client))
	if err != nil {
		t.Fatal(err)
	}
	p, err := pki.NewProvisioner("lab")
	if err != nil {
		t.Fatal(err)
	}
	text, err := p.Token(applicant, "https://step-ca/1.0/sign")
	if err != nil {
		t.Fatal(err)
	}
	told, err := json.Marshal(p)
	if err != nil || strings.Contains(string(told), `"d":`) {
		t.Fatalf("told %s, %v", told, err)
	}
	var public struct{ Key jose.JSONWebKey }
	if err := json.Unmarshal(told, &public); err != nil {
		t.Fatal(err)
	}
	token, err := jose.ParseSigned(text)
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		jose.Claims
		SANs []string `json:"sans"`
	}
	if err := token.Claims(public.Key, &claims); err != nil {
		t.Fatal(err)
	}
	err = claims.Validate(jose.Expected{
		Issuer: "lab", Subject: "client", Audience: jose.Audience{"https://step-ca/1.0/sign"}, Time: time.Now(),
	})
	if err != nil || !slices.Equal(claims.SANs, applicant.SANs) {
		t.Errorf("it says %+v: %v", claims, err)
	}
}
