package wire_test

import (
	"crypto/tls"
	"crypto/x509"
	"testing"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// Each side's VerifyConnection judges by itself, without what crypto/tls has
// checked before: on a resumption there may be nothing before it.
func TestVerifyConnectionAlone(t *testing.T) {
	root := authority{}.issuing(t, "root", nil)
	good := root.trusting(root.leaf(t, nil))
	policy := wire.Policy{Now: clock, ServerName: "peer", Allow: []string{"peer"}}
	judges := map[string]*tls.Config{
		"server": wire.ServerConfig(good, policy),
		"client": wire.ClientConfig(good, policy),
	}
	for _, c := range identityCases(t, root) {
		if c.want == wire.BadCertificate || c.want == wire.BadSignature {
			continue // never becomes a connection
		}
		for name, judge := range judges {
			t.Run(c.name+", "+name+" verifies", func(t *testing.T) {
				checkJudgement(t, judge, chainOf(t, c.flawed), c.want)
			})
		}
	}
	for name, judge := range judges {
		t.Run("no certificate, "+name+" verifies", func(t *testing.T) { checkJudgement(t, judge, nil, wire.NoCertificate) })
		t.Run("good, "+name+" verifies", func(t *testing.T) { checkJudgement(t, judge, chainOf(t, good.Own), "") })
	}
	stranger := chainOf(t, root.leaf(t, func(c *x509.Certificate) { c.DNSNames, c.URIs = []string{"stranger"}, nil }))
	t.Run(
		"another name, server verifies",
		func(t *testing.T) { checkJudgement(t, judges["server"], stranger, wire.NotAllowed) },
	)
	t.Run(
		"another name, client verifies",
		func(t *testing.T) { checkJudgement(t, judges["client"], stranger, wire.WrongName) },
	)
}

func chainOf(t *testing.T, id tls.Certificate) (chain []*x509.Certificate) {
	t.Helper()
	for _, der := range id.Certificate {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, cert)
	}
	return chain
}

func checkJudgement(t *testing.T, judge *tls.Config, chain []*x509.Certificate, want wire.Reason) {
	t.Helper()
	state := tls.ConnectionState{DidResume: true, PeerCertificates: chain}
	if len(chain) > 0 { // a session brings what was verified when it was made, and is not believed
		state.VerifiedChains = [][]*x509.Certificate{chain}
	}
	err := judge.VerifyConnection(state)
	if want == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	if err == nil {
		t.Fatalf("accepted, want %s", want)
	}
	if got := wire.Explain(err, nil, state, tls.VersionTLS12, now); got != refused(want) {
		t.Errorf("got %+v, want refused (%s): %v", got, want, err)
	}
}
