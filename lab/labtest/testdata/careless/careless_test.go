// Package careless_test is run by the tests of labtest, which say what must come of it.
package careless_test

import (
	"crypto/tls"
	"net/http"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/labtest"
)

// server asks for a certificate and looks at none.
func server(m labtest.Material) (*http.Server, error) {
	return &http.Server{
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{m.Certificate()}, ClientAuth: tls.RequireAnyClientCert,
		},
		ReadHeaderTimeout: time.Minute,
	}, nil
}

// client verifies the chain and no name.
func client(m labtest.Material) (*tls.Config, error) {
	own, err := tls.LoadX509KeyPair(m.ChainFile(), m.KeyFile())
	return &tls.Config{
		Certificates: []tls.Certificate{own}, InsecureSkipVerify: true,
	}, err
}

func TestCareless(t *testing.T) {
	l := labtest.Start(t)
	only := labtest.Only(
		"chain/self-signed", "protocol/no-client-certificate", "identity/other-host", "usage/critical-eku",
	)
	labtest.Audit(t, l, labtest.HTTPServer(server).Named("server"), only)
	labtest.Audit(t, l, labtest.ClientConfig(client).Named("client"), only)
}

func TestWaived(t *testing.T) {
	l := labtest.Start(t)
	labtest.Audit(t, l, labtest.HTTPServer(server).Named("server"),
		labtest.Only("chain/self-signed"), labtest.Waivers("waivers.yaml"),
		labtest.Then(func(t *testing.T, a finding.Audit) { t.Log("waived:", a.Count(finding.Waived)) }))
}

func TestUndelivered(t *testing.T) {
	broken := labtest.HTTPServer(func(labtest.Material) (*http.Server, error) {
		return &http.Server{TLSConfig: &tls.Config{}, ReadHeaderTimeout: time.Minute}, nil
	})
	labtest.Start(t, labtest.Processes()).MustDeliver("Hello", broken)
}

func TestContainers(t *testing.T) {
	labtest.Start(t, labtest.Containers()).MustDeliver("Hello, server!")
}

func TestImage(t *testing.T) {
	l := labtest.Start(t)
	labtest.Audit(t, l, labtest.Image("no-such-image:1", "/tls/ca.crt", "/tls/tls.crt", "/tls/tls.key"))
}
