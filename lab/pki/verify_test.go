package pki_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

func TestVerifyByRole(t *testing.T) {
	t.Parallel()
	for _, algorithm := range algorithms {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			authority := newAuthority(t, pki.Config{Algorithm: algorithm, Now: now})
			for _, test := range roles {
				id := issue(t, authority, request(test.role))
				if err := verify(id, test.usage, authority, now); err != nil {
					t.Errorf("%s as itself: %v", test.role, err)
				}
				var invalid x509.CertificateInvalidError
				err := verify(id, test.opposite, authority, now)
				if !errors.As(err, &invalid) || invalid.Reason != x509.IncompatibleUsage {
					t.Errorf("%s in the other role: error = %v, want incompatible usage", test.role, err)
				}
			}
		})
	}
}

func TestVerifyDates(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t, pki.Config{Now: now, Validity: time.Hour, Backdate: time.Minute})
	short := request(wire.Client)
	short.NotBefore, short.NotAfter = now, now.Add(time.Second)

	tests := []struct {
		name  string
		req   pki.Request
		at    time.Time
		valid bool
	}{
		{"before the backdate", request(wire.Client), now.Add(-time.Minute - time.Second), false},
		{"at the backdate", request(wire.Client), now.Add(-time.Minute), true},
		{"at the end", request(wire.Client), now.Add(time.Hour), true},
		{"after the end", request(wire.Client), now.Add(time.Hour + time.Second), false},
		{"before its own beginning", short, now.Add(-time.Second), false},
		{"within its own dates", short, now, true},
		{"after its own end", short, now.Add(2 * time.Second), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := verify(issue(t, authority, test.req), x509.ExtKeyUsageClientAuth, authority, test.at)
			var invalid x509.CertificateInvalidError
			switch {
			case test.valid && err != nil:
				t.Error(err)
			case !test.valid && (!errors.As(err, &invalid) || invalid.Reason != x509.Expired):
				t.Errorf("error = %v, want expired", err)
			}
		})
	}
}

// TestAuthoritiesDoNotVerifyEachOther gives the impostor the same name: what
// tells two authorities apart is their keys.
func TestAuthoritiesDoNotVerifyEachOther(t *testing.T) {
	t.Parallel()
	ours, impostor := newAuthority(t, pki.Config{Now: now}), newAuthority(t, pki.Config{Now: now})
	for _, test := range roles {
		id := issue(t, impostor, request(test.role))
		var unknown x509.UnknownAuthorityError
		if err := verify(id, test.usage, ours, now); !errors.As(err, &unknown) {
			t.Errorf("impostor %s: error = %v, want unknown authority", test.role, err)
		}
		if err := verify(id, test.usage, impostor, now); err != nil {
			t.Errorf("impostor %s at home: %v", test.role, err)
		}
	}
}

// TestHandshake shows that key usage digitalSignature is enough for every
// algorithm and both versions.
func TestHandshake(t *testing.T) {
	t.Parallel()
	versions := map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
	for _, algorithm := range algorithms {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			authority := newAuthority(t, pki.Config{Algorithm: algorithm, Now: now})
			server := tlsConfig(t, authority, wire.Server)
			client := tlsConfig(t, authority, wire.Client)
			for name, version := range versions {
				server.MaxVersion = version
				serverErr, clientErr := handshake(server.Clone(), client.Clone())
				if err := errors.Join(serverErr, clientErr); err != nil {
					t.Errorf("TLS %s: %v", name, err)
				}
			}
		})
	}
}

func tlsConfig(t *testing.T, authority *pki.Authority, role wire.Role) *tls.Config {
	t.Helper()
	credentials, err := issue(t, authority, request(role)).Material(authority).Parse()
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{credentials.Own},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    credentials.Roots,
		RootCAs:      credentials.Roots,
		ServerName:   "server",
		Time:         func() time.Time { return now },
	}
}

func handshake(server, client *tls.Config) (serverErr, clientErr error) {
	near, far := net.Pipe()
	// A pipe has no buffer: a refusal can meet a peer that is still writing.
	deadline := time.Now().Add(5 * time.Second)
	_, _ = near.SetDeadline(deadline), far.SetDeadline(deadline)
	var both sync.WaitGroup
	both.Go(func() {
		defer near.Close() //nolint:errcheck // a pipe has nothing to flush
		serverErr = tls.Server(near, server).Handshake()
	})
	both.Go(func() {
		defer far.Close() //nolint:errcheck // a pipe has nothing to flush
		conn := tls.Client(far, client)
		if clientErr = conn.Handshake(); clientErr == nil {
			_, _ = conn.Read(make([]byte, 1)) // drain what a TLS 1.3 server sends after its handshake
		}
	})
	both.Wait()
	return serverErr, clientErr
}

func TestIssueInParallel(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t, pki.Config{Now: now})
	for _, test := range roles {
		for range 8 {
			t.Run(string(test.role), func(t *testing.T) {
				t.Parallel()
				if err := verify(issue(t, authority, request(test.role)), test.usage, authority, now); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
