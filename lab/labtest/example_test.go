package labtest_test

import (
	"crypto/tls"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/labtest"
	"github.com/mtlslab/mtlslab/lab/report"
)

var t *testing.T // in the examples, that of your test

// Three lines to the first verdict.
func ExampleLab_MustDeliver() { //nolint:testableexamples // it needs a test
	// func TestLab(t *testing.T) {
	labtest.Start(t).MustDeliver("Hello, server!")
	// }
}

// A service's own code makes its server of the material, which is then audited.
func ExampleAudit() { //nolint:testableexamples // it needs a test
	l := labtest.Start(t)
	labtest.Audit(t, l, labtest.HTTPServer(func(m labtest.Material) (*http.Server, error) {
		own, err := tls.LoadX509KeyPair(m.ChainFile(), m.KeyFile())
		config := &tls.Config{
			Certificates: []tls.Certificate{own}, ClientCAs: m.Pool(), ClientAuth: tls.RequireAndVerifyClientCert,
		}
		return &http.Server{TLSConfig: config, ReadHeaderTimeout: time.Second}, err
	}))
}

// An image is audited with its code unchanged. What an erring authority could do is demanded
// here, too, and the report is kept for continuous integration.
func ExampleImage() { //nolint:testableexamples // it needs a test
	l := labtest.Start(t)
	orders := labtest.Image("orders:1", "/tls/ca.crt", "/tls/tls.crt", "/tls/tls.key",
		labtest.Port(8443), labtest.Env("TLS_CLIENT_AUTH", "require"))
	labtest.Audit(t, l, orders, labtest.Demand(cases.Authority), labtest.Waivers("waivers.yaml"),
		labtest.Then(func(t *testing.T, a finding.Audit) {
			file, err := os.Create("orders.html")
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close() //nolint:errcheck // the report was written
			if err := report.HTML(file, a); err != nil {
				t.Error(err)
			}
		}))
}

// Certificates alone need no engine, and no lab.
func ExamplePKI() { //nolint:testableexamples // it needs a test
	authority := labtest.PKI(t)
	server, client := authority.Server("localhost", "127.0.0.1"), authority.Client("shop")
	_ = &tls.Config{
		Certificates: []tls.Certificate{server.Certificate()}, ClientCAs: server.Pool(),
		ClientAuth: tls.RequireAndVerifyClientCert,
	}
	_ = &tls.Config{
		Certificates: []tls.Certificate{client.Certificate()}, RootCAs: client.Pool(), ServerName: "localhost",
	}
}
