package wire_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/url"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// now is the clock of every handshake in these tests.
var now = time.Date(2030, time.June, 1, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return now }

// authority mints certificates that package pki, rightly, would not.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign makes a certificate for a public key.
func (a authority) sign(t testing.TB, template *x509.Certificate, public crypto.PublicKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, public, a.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// issuing makes an authority under this one; under the zero one, a root.
func (a authority) issuing(t testing.TB, name string, change func(*x509.Certificate)) authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	if change != nil {
		change(template)
	}
	key := newKey(t)
	if a.cert == nil {
		a = authority{cert: template, key: key}
	}
	return authority{cert: a.sign(t, template, key.Public()), key: key}
}

// leafTemplate is right for both roles, so that one row serves both.
func leafTemplate(change func(*x509.Certificate)) *x509.Certificate {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "leaf"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:    []string{"peer"},
		URIs:        []*url.URL{{Scheme: "spiffe", Host: "lab", Path: "/peer"}},
	}
	if change != nil {
		change(template)
	}
	return template
}

// leaf issues an identity with the issuers above it, but for the root.
func (a authority) leaf(t testing.TB, change func(*x509.Certificate), above ...authority) tls.Certificate {
	t.Helper()
	key := newKey(t)
	cert := a.sign(t, leafTemplate(change), key.Public())
	id := tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
	for _, issuer := range above {
		id.Certificate = append(id.Certificate, issuer.cert.Raw)
	}
	return id
}

// trusting makes the credentials of a peer that trusts this authority.
func (a authority) trusting(id tls.Certificate) *wire.Credentials {
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	return &wire.Credentials{Own: id, Roots: roots}
}

func certificatePEM(certs ...*x509.Certificate) []byte {
	var text []byte
	for _, cert := range certs {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	return text
}

func keyPEM(t testing.TB, key crypto.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func crlPEM(t testing.TB, a authority) []byte {
	t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: now, NextUpdate: now.Add(time.Hour)}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.cert, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}

// goodMaterial is a complete bundle of a fresh authority.
func goodMaterial(t testing.TB) wire.Material {
	t.Helper()
	root := authority{}.issuing(t, "root", nil)
	id := root.leaf(t, nil)
	return wire.Material{
		Trust: certificatePEM(root.cert),
		Chain: certificatePEM(id.Leaf),
		Key:   keyPEM(t, id.PrivateKey),
		CRL:   crlPEM(t, root),
	}
}
