package pki_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"reflect"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// fields is all that a certificate says, but for its key and what is derived
// from it. Extensions are listed in order, each critical one with a "!".
type fields struct {
	Version            int
	Subject, Issuer    string
	NotBefore          time.Time
	NotAfter           time.Time
	SignatureAlgorithm x509.SignatureAlgorithm
	KeyUsage           x509.KeyUsage
	ExtKeyUsage        []x509.ExtKeyUsage
	IsCA               bool
	MaxPathLen         int
	URIs, DNS, IPs     []string
	Extensions         []string
}

const (
	extSubjectKeyID     = "2.5.29.14"
	extKeyUsage         = "2.5.29.15!"
	extSAN              = "2.5.29.17"
	extBasicConstraints = "2.5.29.19!"
	extAuthorityKeyID   = "2.5.29.35"
	extExtKeyUsage      = "2.5.29.37"
)

func fieldsOf(cert *x509.Certificate) fields {
	f := fields{
		Version:            cert.Version,
		Subject:            cert.Subject.String(),
		Issuer:             cert.Issuer.String(),
		NotBefore:          cert.NotBefore,
		NotAfter:           cert.NotAfter,
		SignatureAlgorithm: cert.SignatureAlgorithm,
		KeyUsage:           cert.KeyUsage,
		ExtKeyUsage:        cert.ExtKeyUsage,
		IsCA:               cert.IsCA,
		MaxPathLen:         cert.MaxPathLen,
		DNS:                cert.DNSNames,
	}
	for _, uri := range cert.URIs {
		f.URIs = append(f.URIs, uri.String())
	}
	for _, ip := range cert.IPAddresses {
		f.IPs = append(f.IPs, ip.String())
	}
	for _, ext := range cert.Extensions {
		id := ext.Id.String()
		if ext.Critical {
			id += "!"
		}
		f.Extensions = append(f.Extensions, id)
	}
	return f
}

func TestCertificateFields(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t, pki.Config{
		Name: "Acme", TrustDomain: "acme.test", Now: now, Validity: 2 * time.Hour, Backdate: time.Minute,
	})
	server := issue(t, authority, pki.Request{
		Role: wire.Server, Name: "ns/prod/web", DNS: []string{"server", "*.acme.test"},
		IPs: []net.IP{net.ParseIP("192.0.2.1"), net.ParseIP("2001:db8::1")},
	})
	client := issue(t, authority, pki.Request{
		Role: wire.Client, Name: "client", NotBefore: now.Add(-time.Hour), NotAfter: now.Add(-time.Second),
	})

	const rootName, intermediateName = "CN=Acme Root CA,O=Acme", "CN=Acme Intermediate CA,O=Acme"
	good := fields{
		Version: 3, Issuer: intermediateName, SignatureAlgorithm: x509.ECDSAWithSHA256,
		NotBefore: now.Add(-time.Minute), NotAfter: now.Add(2 * time.Hour), MaxPathLen: -1,
	}
	leaf := good
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	leaf.Extensions = []string{
		extKeyUsage,
		extExtKeyUsage,
		extBasicConstraints,
		extSubjectKeyID,
		extAuthorityKeyID,
		extSAN,
	}
	ca := good
	ca.Issuer, ca.IsCA, ca.KeyUsage = rootName, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign

	tests := []struct {
		name string
		cert *x509.Certificate
		base fields
		want func(*fields)
	}{
		{"root", root(t, authority), ca, func(f *fields) {
			f.Subject = rootName
			f.Extensions = []string{extKeyUsage, extBasicConstraints, extSubjectKeyID}
		}},
		{"intermediate", server.Chain[1], ca, func(f *fields) {
			f.Subject = intermediateName
			f.MaxPathLen = 0
			f.Extensions = []string{extKeyUsage, extBasicConstraints, extSubjectKeyID, extAuthorityKeyID}
		}},
		{"server", server.Certificate, leaf, func(f *fields) {
			f.Subject = "OU=ns/prod/web,O=Acme"
			f.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
			f.URIs = []string{"spiffe://acme.test/ns/prod/web"}
			f.DNS = []string{"server", "*.acme.test"}
			f.IPs = []string{"192.0.2.1", "2001:db8::1"}
		}},
		{"client with its own dates", client.Certificate, leaf, func(f *fields) {
			f.Subject = "OU=client,O=Acme"
			f.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
			f.URIs = []string{"spiffe://acme.test/client"}
			f.NotBefore, f.NotAfter = now.Add(-time.Hour), now.Add(-time.Second)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			want := test.base
			test.want(&want)
			got, wanted := reflect.ValueOf(fieldsOf(test.cert)), reflect.ValueOf(want)
			for i := range got.NumField() {
				if g, w := got.Field(i).Interface(), wanted.Field(i).Interface(); !reflect.DeepEqual(g, w) {
					t.Errorf("%s = %v, want %v", got.Type().Field(i).Name, g, w)
				}
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	before := time.Now().Truncate(time.Second)
	authority := newAuthority(t, pki.Config{})
	after := time.Now()
	id := issue(t, authority, request(wire.Client))

	for _, cert := range []*x509.Certificate{root(t, authority), id.Chain[1], id.Certificate} {
		if born := cert.NotBefore.Add(48 * time.Hour); born.Before(before) || born.After(after) {
			t.Errorf("%s begins at %v, want two days before %v", cert.Subject, cert.NotBefore, before)
		}
		if life := cert.NotAfter.Sub(cert.NotBefore); life != 72*time.Hour {
			t.Errorf("%s lives for %v, want 72h", cert.Subject, life)
		}
	}
	if got, want := id.String(), "spiffe://lab/client"; got != want {
		t.Errorf("identity = %s, want %s", got, want)
	}
	if got, want := authority.String(), "mtlslab"; got != want {
		t.Errorf("authority = %s, want %s", got, want)
	}
}

func TestKeyIdentifiersLink(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t, pki.Config{Now: now})
	id := issue(t, authority, request(wire.Server))
	chain := append([]*x509.Certificate{}, id.Chain...)
	chain = append(chain, root(t, authority))

	if len(chain) != 3 || chain[0] != id.Certificate {
		t.Fatalf("chain has %d certificates, want the leaf, the intermediate, and the root apart", len(chain))
	}
	seen := make(map[string]string)
	for i, cert := range chain {
		name := cert.Subject.String()
		for what, value := range map[string]string{
			"key id": string(cert.SubjectKeyId), "serial": cert.SerialNumber.String(),
		} {
			if other, ok := seen[what+value]; ok {
				t.Errorf("%s and %s have one %s", name, other, what)
			}
			seen[what+value] = name
		}
		if len(cert.SubjectKeyId) != 20 {
			t.Errorf("%s: subject key id of %d bytes, want 20", name, len(cert.SubjectKeyId))
		}
		if i+1 < len(chain) && !bytes.Equal(cert.AuthorityKeyId, chain[i+1].SubjectKeyId) {
			t.Errorf("%s: authority key id %x, want %x", name, cert.AuthorityKeyId, chain[i+1].SubjectKeyId)
		}
	}
}

func TestKeysAreOfOneAlgorithm(t *testing.T) {
	t.Parallel()
	kinds := map[pki.Algorithm]string{
		"":            "P-256",
		pki.ECDSAP256: "P-256",
		pki.ECDSAP384: "P-384",
		pki.RSA2048:   "RSA 2048",
		pki.Ed25519:   "Ed25519",
	}
	for algorithm, want := range kinds {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			authority := newAuthority(t, pki.Config{Algorithm: algorithm})
			id := issue(t, authority, request(wire.Client))
			for _, cert := range []*x509.Certificate{root(t, authority), id.Chain[1], id.Certificate} {
				if got := kindOf(cert.PublicKey); got != want {
					t.Errorf("%s has a key of kind %s, want %s", cert.Subject, got, want)
				}
			}
		})
	}
}

func kindOf(key any) string {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		return key.Curve.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	case ed25519.PublicKey:
		return "Ed25519"
	default:
		return fmt.Sprintf("%T", key)
	}
}

// TestSerialNumbers accepts 65 to 128 bits: a random number of 128 is shorter
// than that once in 2^64 times.
func TestSerialNumbers(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t, pki.Config{Now: now})
	for i := range 20 {
		serial := issue(t, authority, request(wire.Client)).Certificate.SerialNumber
		if bits := serial.BitLen(); serial.Sign() <= 0 || bits <= 64 || bits > 128 {
			t.Errorf("serial %d = %v (%d bits), want a positive number of 128 random bits", i, serial, bits)
		}
	}
}

func TestPrintingShowsNoKey(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t, pki.Config{Algorithm: pki.Ed25519})
	id := issue(t, authority, request(wire.Client))
	for _, format := range []string{"%v", "%+v", "%s"} {
		if got := fmt.Sprintf(format, authority); got != "mtlslab" {
			t.Errorf("%s of an authority = %q", format, got)
		}
		if got := fmt.Sprintf(format, id); got != "spiffe://lab/client" {
			t.Errorf("%s of an identity = %q", format, got)
		}
	}
}

func parsePEM(t testing.TB, text []byte) *x509.Certificate {
	t.Helper()
	block, rest := pem.Decode(text)
	if block == nil || len(rest) != 0 {
		t.Fatal("want one PEM block")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
