package labtest

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Material is what one side is given: as PEM, as files of the same, and as what crypto/tls
// reads. Copies of it are the same material.
type Material struct {
	Trust []byte // the roots that it trusts, PEM
	Chain []byte // its leaf, then the intermediates, PEM
	Key   []byte // its private key, PKCS#8 PEM
	CRL   []byte // revocation lists, PEM; of what is deployed alone

	// ServerName is the DNS name that a server's certificate is for, and that a client calls.
	ServerName string

	tb  testing.TB
	dir func() string
}

func newMaterial(tb testing.TB, m wire.Material) Material {
	dir := sync.OnceValues(func() (string, error) {
		dir := tb.TempDir()
		err := os.Chmod(dir, 0o700) //nolint:gosec // a directory
		if err == nil {
			err = m.WriteDir(dir)
		}
		return dir, err
	})
	return Material{
		Trust: m.Trust, Chain: m.Chain, Key: m.Key, CRL: m.CRL, ServerName: pki.ServerName, tb: tb,
		dir: func() string {
			tb.Helper()
			path, err := dir()
			if err != nil {
				tb.Fatal(err)
			}
			return path
		},
	}
}

// Dir is a directory of the files ca.crt, tls.crt and tls.key, as in a Kubernetes TLS secret, and
// crl.pem where there are lists.
// It is readable by its owner alone, made when it is first asked for, and gone after the test.
func (m Material) Dir() string { return m.dir() }

// TrustFile is the path of the roots.
func (m Material) TrustFile() string { return filepath.Join(m.dir(), wire.FileTrust) }

// ChainFile is the path of the chain.
func (m Material) ChainFile() string { return filepath.Join(m.dir(), wire.FileChain) }

// KeyFile is the path of the key.
func (m Material) KeyFile() string { return filepath.Join(m.dir(), wire.FileKey) }

// Pool are the roots, for a [tls.Config].
func (m Material) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(m.Trust)
	return pool
}

// Certificate is the chain with its key, for a [tls.Config]. It fails the test where the two
// do not belong together, as in cases that spoil them: there load them as your service does.
func (m Material) Certificate() tls.Certificate {
	m.tb.Helper()
	pair, err := tls.X509KeyPair(m.Chain, m.Key)
	if err != nil {
		m.tb.Fatal(err)
	}
	return pair
}

// Authority issues certificates for tests, and needs no engine. It is good for a day. Package
// pki is the same without testing, and links nothing of an engine.
type Authority struct {
	tb testing.TB
	of *pki.Authority
}

// PKI makes an authority: a root, an intermediate, and the keys of both.
func PKI(tb testing.TB) Authority {
	tb.Helper()
	of, err := pki.New(pki.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	return Authority{tb, of}
}

// Server issues a server's material, for all of these DNS names and IP addresses.
func (a Authority) Server(names ...string) Material {
	a.tb.Helper()
	request := pki.Request{Role: wire.Server, Name: "server"}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			request.IPs = append(request.IPs, ip)
			continue
		}
		request.DNS = append(request.DNS, name)
	}
	m := a.issue(request)
	if len(names) > 0 {
		m.ServerName = names[0]
	}
	return m
}

// Client issues a client's material: that of spiffe://lab/NAME.
func (a Authority) Client(name string) Material {
	a.tb.Helper()
	return a.issue(pki.Request{Role: wire.Client, Name: name})
}

// Trust is the authority's root, PEM.
func (a Authority) Trust() []byte { return a.of.Trust() }

func (a Authority) issue(request pki.Request) Material {
	a.tb.Helper()
	id, err := a.of.Issue(request)
	if err != nil {
		a.tb.Fatal(err)
	}
	return newMaterial(a.tb, id.Material(a.of))
}
