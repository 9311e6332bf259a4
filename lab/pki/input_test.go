package pki_test

import (
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

func TestParseAlgorithm(t *testing.T) {
	t.Parallel()
	for _, want := range algorithms {
		if got, err := pki.ParseAlgorithm(string(want)); err != nil || got != want {
			t.Errorf("ParseAlgorithm(%q) = %q, %v", want, got, err)
		}
	}
	if got, err := pki.ParseAlgorithm(""); err != nil || got != pki.ECDSAP256 {
		t.Errorf(`ParseAlgorithm("") = %q, %v, want the default`, got, err)
	}

	_, err := pki.ParseAlgorithm("rot13")
	if err == nil {
		t.Fatal("rot13 is an algorithm")
	}
	for _, choice := range algorithms {
		if !strings.Contains(err.Error(), string(choice)) {
			t.Errorf("the error does not offer %s: %v", choice, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		cfg   pki.Config
		field string
	}{
		{"unknown algorithm", pki.Config{Algorithm: "ECDSA"}, "Config.Algorithm"},
		{"name too long for a subject", pki.Config{Name: strings.Repeat("x", 49)}, "Config.Name"},
		{"name not UTF-8", pki.Config{Name: "\xff"}, "Config.Name"},
		{"trust domain in upper case", pki.Config{TrustDomain: "Lab"}, "Config.TrustDomain"},
		{"trust domain with a port", pki.Config{TrustDomain: "lab:443"}, "Config.TrustDomain"},
		{"trust domain with a path", pki.Config{TrustDomain: "lab/x"}, "Config.TrustDomain"},
		{"trust domain with an empty label", pki.Config{TrustDomain: "lab..test"}, "Config.TrustDomain"},
		{"negative validity", pki.Config{Validity: -time.Hour}, "Config.Validity"},
		{"negative backdate", pki.Config{Backdate: -time.Hour}, "Config.Backdate"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := pki.New(test.cfg)
			wantInputError(t, err, test.field)
		})
	}
}

func TestIssueRefuses(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t, pki.Config{Now: now})
	tests := []struct {
		name   string
		change func(*pki.Request)
		field  string
	}{
		{"no role", func(r *pki.Request) { r.Role = "" }, "Request.Role"},
		{"unknown role", func(r *pki.Request) { r.Role = "both" }, "Request.Role"},
		{"no name", func(r *pki.Request) { r.Name = "" }, "Request.Name"},
		{"name with a leading slash", func(r *pki.Request) { r.Name = "/client" }, "Request.Name"},
		{"name with a trailing slash", func(r *pki.Request) { r.Name = "client/" }, "Request.Name"},
		{"name with a dot segment", func(r *pki.Request) { r.Name = "a/../b" }, "Request.Name"},
		{"name with a space", func(r *pki.Request) { r.Name = "a client" }, "Request.Name"},
		{"name with a query", func(r *pki.Request) { r.Name = "client?x" }, "Request.Name"},
		{"name percent-encoded", func(r *pki.Request) { r.Name = "a%2Fb" }, "Request.Name"},
		{"name beyond ASCII", func(r *pki.Request) { r.Name = "clïent" }, "Request.Name"},
		{"name with a newline", func(r *pki.Request) { r.Name = "client\n" }, "Request.Name"},
		{"name too long for a subject", func(r *pki.Request) { r.Name = strings.Repeat("x", 65) }, "Request.Name"},
		{"empty DNS name", func(r *pki.Request) { r.DNS = []string{"server", ""} }, "Request.DNS"},
		{"DNS name with a port", func(r *pki.Request) { r.DNS = []string{"server:12345"} }, "Request.DNS"},
		{"DNS name that is an IP address", func(r *pki.Request) { r.DNS = []string{"127.0.0.1"} }, "Request.DNS"},
		{"DNS name with a NUL", func(r *pki.Request) { r.DNS = []string{"server\x00.evil"} }, "Request.DNS"},
		{"DNS name with a partial wildcard", func(r *pki.Request) { r.DNS = []string{"s*.lab"} }, "Request.DNS"},
		{"IP address of no length", func(r *pki.Request) { r.IPs = []net.IP{nil} }, "Request.IPs"},
		{"dates reversed", func(r *pki.Request) { r.NotAfter = now.Add(-72 * time.Hour) }, "Request.NotAfter"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req := request(wire.Server)
			test.change(&req)
			_, err := authority.Issue(req)
			wantInputError(t, err, test.field)
		})
	}
}

func FuzzParseAlgorithm(f *testing.F) {
	f.Add("")
	f.Add("ecdsa-p256")
	f.Add("ECDSA-P256")
	f.Fuzz(func(t *testing.T, name string) {
		got, err := pki.ParseAlgorithm(name)
		if (err == nil) != slices.Contains(algorithms, got) {
			t.Errorf("ParseAlgorithm(%q) = %q, %v", name, got, err)
		}
	})
}

// FuzzNames holds that a name is either refused as input or found in the
// certificate as it was given, and that nothing is refused later than that.
func FuzzNames(f *testing.F) {
	f.Add("mtlslab", "lab", "client", "server")
	f.Add("Acmé", "acme.test", "ns/prod/web", "*.acme.test")
	f.Add("", "-", "...", "a.-b")
	f.Fuzz(func(t *testing.T, authorityName, trustDomain, name, dns string) {
		id, err := mintNamed(authorityName, trustDomain, name, dns)
		if _, ok := errors.AsType[*pki.InputError](err); ok {
			return
		}
		if err != nil {
			t.Fatalf("names passed the checks and then failed: %v", err)
		}
		if trustDomain == "" {
			trustDomain = "lab"
		}
		if got, want := id.String(), "spiffe://"+trustDomain+"/"+name; got != want {
			t.Errorf("SPIFFE ID = %q, want %q", got, want)
		}
		if got := id.Certificate.DNSNames; !slices.Equal(got, []string{dns}) {
			t.Errorf("DNS names = %q, want %q", got, dns)
		}
	})
}

func mintNamed(authorityName, trustDomain, name, dns string) (*pki.Identity, error) {
	authority, err := pki.New(pki.Config{Name: authorityName, TrustDomain: trustDomain, Algorithm: pki.Ed25519})
	if err != nil {
		return nil, err
	}
	return authority.Issue(pki.Request{Role: wire.Server, Name: name, DNS: []string{dns}})
}
