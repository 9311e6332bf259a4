package cases_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(gotLines), len(wantLines)) {
		line := func(lines []string) string {
			if i < len(lines) {
				return lines[i]
			}
			return ""
		}
		if g, w := line(gotLines), line(wantLines); g != w {
			t.Errorf("%s:%d\n got %s\nwant %s", path, i+1, g, w)
		}
	}
}

// forgeries are what one audit is made of.
type forgeries struct {
	authority *pki.Authority
	of        map[string]*pki.Forged // by case and role
	trust     []byte
	crls      []byte

	once  sync.Once
	peers map[wire.Role]*wire.Credentials // by whom they judge
}

func key(c cases.Case, role wire.Role) string { return c.ID + " " + string(role) }

// forged makes every certificate case once a process, as an audit would.
var forged = sync.OnceValues(func() (*forgeries, error) {
	authority, err := pki.New(pki.Config{})
	if err != nil {
		return nil, err
	}
	f := &forgeries{authority: authority, of: map[string]*pki.Forged{}, trust: authority.Trust()}
	if f.crls, err = authority.CRLs(); err != nil {
		return nil, err
	}
	for _, c := range certificateCases() {
		for _, role := range c.Roles {
			one, err := authority.Forge(cases.Control(role), c.Mutation(cases.Control(role)))
			if err != nil {
				return nil, fmt.Errorf("%s as %s: %w", c.ID, role, err)
			}
			f.of[key(c, role)] = one
			f.trust = append(f.trust, one.Trust()...)
			f.crls = append(f.crls, one.Later()...) // as they are in the end
		}
	}
	return f, nil
})

func allForged(t testing.TB) *forgeries {
	t.Helper()
	f, err := forged()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func certificateCases() []cases.Case {
	var all []cases.Case
	for _, c := range cases.All() {
		if c.Mutation != nil {
			all = append(all, c)
		}
	}
	return all
}

// TestCryptoX509 records what crypto/x509 alone says of every chain, with names
// as our peers compare them, beside what strict demands. It shows what lab/wire
// has to look at besides. Revocation is not crypto/x509's.
func TestCryptoX509(t *testing.T) {
	f := allForged(t)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(f.trust)
	var text bytes.Buffer
	for _, c := range certificateCases() {
		for _, role := range c.Roles {
			says := plain(f.of[key(c, role)], roots, role)
			expect := c.Rules[cases.Strict].Expect
			mark := ""
			if says == "accept" && expect == cases.MustRefuse || says != "accept" && expect == cases.MustAccept {
				mark = "  !"
			}
			fmt.Fprintf(&text, "%-52s %-7s %-8s %s%s\n", c.ID, role, expect, says, mark)
		}
	}
	golden(t, "crypto-x509.golden", text.Bytes())
}

// plain is what a peer says that leaves everything to crypto/x509.
func plain(forged *pki.Forged, roots *x509.CertPool, role wire.Role) string {
	var certs []*x509.Certificate
	for i, der := range forged.Chain {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return fmt.Sprintf("cannot parse certificate %d", i)
		}
		certs = append(certs, cert)
	}
	opts := x509.VerifyOptions{
		Roots:         roots,
		Intermediates: x509.NewCertPool(),
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if role == wire.Server {
		opts.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	for _, cert := range certs[1:] {
		opts.Intermediates.AddCert(cert)
	}
	_, err := certs[0].Verify(opts)
	switch {
	case err != nil:
		err = &tls.CertificateVerificationError{UnverifiedCertificates: certs, Err: err}
	case role == wire.Server:
		err = certs[0].VerifyHostname("server")
	case !wire.IdentityOf(certs[0]).Has("spiffe://lab/client"):
		return string(wire.NotAllowed)
	}
	if err != nil {
		return string(wire.Explain(err, nil, tls.ConnectionState{}, tls.VersionTLS12, time.Now()).Reason)
	}
	return "accept"
}

// What the audited peer is given can be read by it, or it would not start.
func TestExtrasCanBeRead(t *testing.T) {
	f := allForged(t)
	id, err := f.authority.Issue(cases.Control(wire.Server))
	if err != nil {
		t.Fatal(err)
	}
	material := id.Material(f.authority)
	material.Trust, material.CRL = f.trust, f.crls
	if _, err := material.Parse(); err != nil {
		t.Error(err)
	}
	t.Logf("%d bytes of roots, %d of lists", len(f.trust), len(f.crls))
	for _, text := range [][]byte{f.trust, f.crls} {
		if len(text) > 1<<19 {
			t.Errorf("%d bytes: the bundle's limit is 1 MiB a file", len(text))
		}
	}
}
