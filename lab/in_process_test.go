package lab_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// config makes a TLS configuration of a peer's material, as many a program does.
func config(m wire.Material) (*tls.Config, error) {
	pair, err := tls.X509KeyPair(m.Chain, m.Key)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(m.Trust) {
		return nil, errors.New("no certificate in the trust")
	}
	return &tls.Config{
		Certificates: []tls.Certificate{pair}, RootCAs: roots, ClientCAs: roots, MinVersion: tls.VersionTLS12,
		ClientAuth: tls.RequireAndVerifyClientCert,
	}, nil
}

// changed makes the configuration with a change.
func changed(change func(*tls.Config)) func(wire.Material) (*tls.Config, error) {
	return func(m wire.Material) (*tls.Config, error) {
		c, err := config(m)
		if err == nil {
			change(c)
		}
		return c, err
	}
}

// TestInProcess audits TLS configurations in this process: good ones, and such as let
// in whom they must not.
func TestInProcess(t *testing.T) {
	t.Parallel()
	l := start(t, lab.Config{Runtime: sandbox.Processes})
	tried := []string{
		"chain/namesake", "chain/self-signed", "identity/other-host", "operational/no-key",
		"protocol/no-client-certificate", "revocation/leaf", "validity/expired",
	}
	const anyAuthority = "chain/namesake chain/self-signed validity/expired"
	for name, test := range map[string]struct {
		role   wire.Role
		config func(wire.Material) (*tls.Config, error)
		fails  string
	}{
		"good server": {wire.Server, config, ""},
		"good client": {wire.Client, config, ""},
		"server that takes any certificate": {
			wire.Server, changed(func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }), anyAuthority,
		},
		"server that asks for none": {
			wire.Server, changed(func(c *tls.Config) { c.ClientAuth = tls.NoClientCert }),
			"chain/namesake chain/self-signed protocol/no-client-certificate validity/expired",
		},
		"client that verifies nothing": {
			wire.Client, changed(func(c *tls.Config) { c.InsecureSkipVerify = true }),
			"chain/namesake chain/self-signed identity/other-host validity/expired",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := peer.Configured(name, test.config)
			result, err := l.Audit(t.Context(), audit.Audit{Role: test.role, Peer: p, Profile: cases.RFC5280, Cases: tried})
			if err != nil {
				t.Fatal(err)
			}
			var failed []string
			for _, f := range slices.Concat(result.Controls, result.Findings) {
				switch {
				case f.Status == finding.Failed:
					failed = append(failed, f.Case)
				case f.Status == finding.Untried && f.Case == "revocation/leaf", f.Status == finding.Passed:
				default:
					t.Errorf("%s [%s] is %s: %s", f.Case, f.Version, f.Status, f.Means)
				}
			}
			slices.Sort(failed)
			if got := strings.Join(slices.Compact(failed), " "); got != test.fails {
				t.Errorf("failed: %s\nwant:   %s", got, test.fails)
			}
		})
	}
}

// A configuration cannot be reached from containers, and none can be both of two roles
// that it has no function for.
func TestInProcessElsewhere(t *testing.T) {
	t.Parallel()
	l := start(t, lab.Config{Runtime: sandbox.Processes})
	for name, a := range map[string]audit.Audit{
		"no server": {Role: wire.Server, Peer: peer.InProcess{Dial: peer.Configured("", config).Dial}},
		"no client": {Role: wire.Client, Peer: peer.InProcess{Serve: peer.Configured("", config).Serve}},
	} {
		if _, err := l.Audit(t.Context(), a); err == nil {
			t.Errorf("%s: it was audited", name)
		}
	}
	requireEngine(t)
	l = start(t, lab.Config{Runtime: sandbox.Containers})
	a := audit.Audit{Role: wire.Server, Peer: peer.Configured("", config)}
	if _, err := l.Audit(t.Context(), a); err == nil {
		t.Error("it was audited beside containers")
	}
}
