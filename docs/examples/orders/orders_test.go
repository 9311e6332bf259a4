package orders_test

import (
	"crypto/tls"
	"net/http"
	"os"
	"testing"

	"example.com/orders"
	"github.com/mtlslab/mtlslab/lab/labtest"
)

// TestWhoGetsIn puts both sides to the test: they meet, and then everybody else tries.
func TestWhoGetsIn(t *testing.T) {
	l := labtest.Start(t)
	server, client := labtest.HTTPServer(newServer).Named("server"), labtest.HTTPClient(newClient).Named("client")
	l.MustDeliver("Hello, server!", server, client)
	labtest.Audit(t, l, server)
	labtest.Audit(t, l, client)
}

func newServer(m labtest.Material) (*http.Server, error) {
	s, err := orders.NewServer(files(m), nil)
	if err == nil && os.Getenv("ORDERS_MISTAKE") != "" {
		s.TLSConfig.ClientAuth = tls.VerifyClientCertIfGiven // the mistake: whoever gives none is let in
	}
	return s, err
}

func newClient(m labtest.Material) (*http.Client, error) { return orders.NewClient(files(m)) }

func files(m labtest.Material) orders.Files {
	return orders.Files{CA: m.TrustFile(), Cert: m.ChainFile(), Key: m.KeyFile()}
}
