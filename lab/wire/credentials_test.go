package wire_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

func TestParse(t *testing.T) {
	authority, err := pki.New(pki.Config{})
	if err != nil {
		t.Fatal(err)
	}
	id, err := authority.Issue(pki.Request{Role: wire.Client, Name: "client"})
	if err != nil {
		t.Fatal(err)
	}
	creds, err := id.Material(authority, authority).Parse()
	if err != nil {
		t.Fatal(err)
	}
	if !creds.Own.Leaf.Equal(id.Certificate) || len(creds.Own.Certificate) != len(id.Chain) || len(creds.CRLs) != 0 {
		t.Errorf("credentials are %+v, want the identity's", creds)
	}
	if _, err := creds.Own.Leaf.Verify(x509.VerifyOptions{
		Roots: creds.Roots, Intermediates: poolOf(id.Chain[1:]), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}); err != nil {
		t.Error(err)
	}
}

func poolOf(certs []*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, cert := range certs {
		pool.AddCert(cert)
	}
	return pool
}

func TestParseFaults(t *testing.T) {
	m, other := goodMaterial(t), goodMaterial(t)
	commented := join("Root of the lab\n", m.Trust, "and no more\n")
	for _, c := range []struct {
		name string
		file string
		text []byte
		want error // nil for no fault
	}{
		{"two roots", wire.FileTrust, join(m.Trust, other.Trust), nil},
		{"text around blocks", wire.FileTrust, commented, nil},
		{"CR LF", wire.FileTrust, bytes.ReplaceAll(m.Trust, []byte("\n"), []byte("\r\n")), nil},
		{"no revocation lists", wire.FileCRL, nil, nil},
		{"two revocation lists", wire.FileCRL, join(m.CRL, other.CRL), nil},

		{"no trust", wire.FileTrust, nil, wire.ErrNoPEM},
		{"trust that is text", wire.FileTrust, []byte("garbage"), wire.ErrNoPEM},
		{"trust cut short", wire.FileTrust, m.Trust[:len(m.Trust)-10], wire.ErrMalformed},
		{"damaged root before a good one", wire.FileTrust, join(m.Trust[:len(m.Trust)-10], "\n", m.Trust), wire.ErrMalformed},
		{"damaged root after a good one", wire.FileTrust, join(m.Trust, m.Trust[:len(m.Trust)-10]), wire.ErrMalformed},
		{"root without its first dash", wire.FileTrust, join(m.Trust, m.Trust[1:]), wire.ErrMalformed},
		{
			"root without its first line", wire.FileTrust,
			join(m.Trust, m.Trust[bytes.IndexByte(m.Trust, '\n')+1:]), wire.ErrMalformed,
		},
		{"root with headers", wire.FileTrust, pem.EncodeToMemory(&pem.Block{
			Type: "CERTIFICATE", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: []byte("x"),
		}), wire.ErrMalformed},
		{"root that is no certificate", wire.FileTrust, garbage("CERTIFICATE"), wire.ErrMalformed},
		{"key among the roots", wire.FileTrust, join(m.Trust, m.Key), wire.ErrMalformed},
		{"no chain", wire.FileChain, nil, wire.ErrNoPEM},
		{"key in the chain", wire.FileChain, join(m.Chain, m.Key), wire.ErrMalformed},
		{"issuer first", wire.FileChain, join(m.Trust, m.Chain), wire.ErrKeyMismatch},
		{"no key", wire.FileKey, nil, wire.ErrNoPEM},
		{"another's key", wire.FileKey, other.Key, wire.ErrKeyMismatch},
		{"two keys", wire.FileKey, join(m.Key, m.Key), wire.ErrMalformed},
		{"key of SEC 1", wire.FileKey, garbage("EC PRIVATE KEY"), wire.ErrMalformed},
		{"key that is none", wire.FileKey, garbage("PRIVATE KEY"), wire.ErrMalformed},
		{"key that cannot sign", wire.FileKey, x25519Key(t), wire.ErrMalformed},
		{"revocation lists that are text", wire.FileCRL, []byte("garbage"), wire.ErrNoPEM},
		{"revocation list that is none", wire.FileCRL, garbage("X509 CRL"), wire.ErrMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := replaced(m, c.file, c.text)
			_, err := changed.Parse()
			if c.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			file := c.file
			if errors.Is(c.want, wire.ErrKeyMismatch) {
				file = wire.FileKey
			}
			fault{file, c.want}.check(t, err)
		})
	}
}

func join(parts ...any) []byte {
	var text []byte
	for _, part := range parts {
		switch part := part.(type) {
		case []byte:
			text = append(text, part...)
		case string:
			text = append(text, part...)
		}
	}
	return text
}

func garbage(kind string) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte("garbage")})
}

func x25519Key(t *testing.T) []byte {
	t.Helper()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return keyPEM(t, key)
}

func replaced(m wire.Material, file string, text []byte) wire.Material {
	for name, data := range map[string]*[]byte{
		wire.FileTrust: &m.Trust, wire.FileChain: &m.Chain, wire.FileKey: &m.Key, wire.FileCRL: &m.CRL,
	} {
		if name == file {
			*data = text
		}
	}
	return m
}

// Whatever is wrong with a key, no piece of it is in the error.
func TestErrorsHoldNoKey(t *testing.T) {
	m, other := goodMaterial(t), goodMaterial(t)
	lines := strings.Split(strings.TrimSpace(string(m.Key)), "\n")
	secret := lines[1 : len(lines)-1]
	body := strings.Join(secret, "\n")
	for name, text := range map[string][]byte{
		"another's key":        other.Key,
		"key that is cut":      m.Key[:len(m.Key)/2],
		"key without its end":  m.Key[:len(m.Key)-10],
		"key of another kind":  []byte(strings.ReplaceAll(string(m.Key), "PRIVATE KEY", "EC PRIVATE KEY")),
		"key with garbage":     []byte("-----BEGIN PRIVATE KEY-----\nAAAA" + body + "\n-----END PRIVATE KEY-----\n"),
		"key in its own label": []byte("-----BEGIN " + secret[0] + "-----\n" + body + "\n-----END " + secret[0] + "-----\n"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := replaced(m, wire.FileKey, text).Parse()
			if err == nil {
				t.Fatal("no error")
			}
			for i := range len(body) - 16 {
				if strings.Contains(err.Error(), body[i:i+16]) {
					t.Fatalf("the error holds a piece of the key: %q", err)
				}
			}
		})
	}
}

// A fault is named with its directory, and in a tar with its name.
func TestLoadCredentials(t *testing.T) {
	m := replaced(goodMaterial(t), wire.FileTrust, []byte("garbage"))
	dir := t.TempDir()
	if err := m.WriteDir(dir); err != nil {
		t.Fatal(err)
	}
	_, err := wire.LoadCredentials(dir, nil)
	fault{filepath.Join(dir, wire.FileTrust), wire.ErrNoPEM}.check(t, err)
	_, err = wire.LoadCredentials(wire.Stdin, writeTar(t, m))
	fault{wire.FileTrust, wire.ErrNoPEM}.check(t, err)
	if creds, err := wire.LoadCredentials(wire.Stdin, writeTar(t, goodMaterial(t))); err != nil ||
		creds.Own.Leaf == nil {
		t.Errorf("got %+v, %v", creds, err)
	}
}

func TestExpired(t *testing.T) {
	creds, err := goodMaterial(t).Parse()
	if err != nil {
		t.Fatal(err)
	}
	leaf := creds.Own.Leaf
	for name, c := range map[string]struct {
		at   time.Time
		want bool
	}{
		"before the first second": {leaf.NotBefore.Add(-time.Nanosecond), true},
		"in the first second":     {leaf.NotBefore, false},
		"in the last second":      {leaf.NotAfter, false},
		"after the last second":   {leaf.NotAfter.Add(time.Nanosecond), true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := creds.Expired(c.at); got != c.want {
				t.Errorf("expired = %v, want %v", got, c.want)
			}
		})
	}
}
