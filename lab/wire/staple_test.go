package wire_test

import (
	"crypto/tls"
	"errors"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

func pairOf(t *testing.T) *pki.Pair {
	t.Helper()
	pair, err := pki.NewPair(pki.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// What a server shows of itself by OCSP is heeded, and demanded where that is asked for.
func TestStaple(t *testing.T) {
	t.Parallel()
	pair, other := pairOf(t), pairOf(t)
	cert := pair.Server.Certificate
	now := time.Now()
	staple := func(by *pki.Pair, revoked bool, from, until time.Duration) []byte {
		der, err := by.Authority.Staple(cert, revoked, now.Add(from), now.Add(until))
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	good := staple(pair, false, -time.Hour, time.Hour)
	cut := good[:len(good)-1]
	for name, c := range map[string]struct {
		staple []byte
		want   wire.Reason
		strict wire.Reason // where one is demanded
	}{
		"good":        {good, "", ""},
		"none":        {nil, "", wire.RevocationUnknown},
		"revoked":     {staple(pair, true, -time.Hour, time.Hour), wire.Revoked, wire.Revoked},
		"out of date": {staple(pair, false, -2*time.Hour, -time.Hour), wire.RevocationUnknown, wire.RevocationUnknown},
		"to come":     {staple(pair, false, time.Hour, 2*time.Hour), wire.RevocationUnknown, wire.RevocationUnknown},
		"another's":   {staple(other, false, -time.Hour, time.Hour), wire.RevocationUnknown, wire.RevocationUnknown},
		"cut short":   {cut, wire.RevocationUnknown, wire.RevocationUnknown},
		"garbage":     {[]byte("good"), wire.RevocationUnknown, wire.RevocationUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			creds, err := pair.Material(wire.Client).Parse()
			if err != nil {
				t.Fatal(err)
			}
			for demanded, want := range map[bool]wire.Reason{false: c.want, true: c.strict} {
				config := wire.ClientConfig(creds, wire.Policy{ServerName: pki.ServerName, Staple: demanded})
				err := config.VerifyConnection(tls.ConnectionState{
					PeerCertificates: pair.Server.Chain, OCSPResponse: c.staple, Version: tls.VersionTLS13,
				})
				got := wire.Reason("")
				if refusal, ok := errors.AsType[*wire.Refusal](err); ok {
					got = refusal.Reason
				} else if err != nil {
					t.Errorf("%v is no refusal", err)
				}
				if got != want {
					t.Errorf("demanded %t: %q, want %q: %v", demanded, got, want, err)
				}
			}
		})
	}
}

// A server does not start with a staple that no client could use.
func TestStapleOfMaterial(t *testing.T) {
	t.Parallel()
	pair := pairOf(t)
	about := func(id *pki.Identity) []byte {
		der, err := pair.Authority.Staple(id.Certificate, false, time.Now(), time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	for name, c := range map[string]struct {
		staple []byte
		want   error
	}{
		"its own":         {about(pair.Server), nil},
		"none":            {nil, nil},
		"of another":      {about(pair.Client), wire.ErrUnexpected},
		"no response":     {[]byte("good"), wire.ErrMalformed},
		"an error's code": {[]byte{0x30, 0x03, 0x0a, 0x01, 0x03}, wire.ErrMalformed}, // tryLater (RFC 6960, 4.2.1)
	} {
		m := pair.Material(wire.Server)
		m.Staple = c.staple
		_, err := m.Parse()
		fault, ok := errors.AsType[*wire.MaterialError](err)
		if !errors.Is(err, c.want) || c.want != nil && (!ok || fault.File != wire.FileStaple) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
