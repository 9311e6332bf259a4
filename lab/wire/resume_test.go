package wire_test

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// world is what may change between a session and its resumption.
type world struct {
	serverCreds, clientCreds *wire.Credentials
	serverNow, clientNow     time.Time
	allow                    []string
	serverName               string
}

func at(now time.Time) func() time.Time { return func() time.Time { return now } }

// meet shakes hands in a world. Sessions and the keys of their tickets outlive it.
func (w world) meet(t *testing.T, version uint16, sessions tls.ClientSessionCache) (server, client side) {
	t.Helper()
	serverConfig := wire.ServerConfig(w.serverCreds, wire.Policy{Now: at(w.serverNow), Allow: w.allow})
	serverConfig.SetSessionTicketKeys([][32]byte{{1}})
	clientConfig := wire.ClientConfig(
		w.clientCreds,
		wire.Policy{Now: at(w.clientNow), ServerName: w.serverName, MaxVersion: version},
	)
	clientConfig.ClientSessionCache = sessions
	return shake(t, serverConfig, clientConfig)
}

// cache hands out its session whatever it is asked for, so that nothing but
// verification stands in the way of a resumption.
type cache struct{ session *tls.ClientSessionState }

func (c *cache) Get(string) (*tls.ClientSessionState, bool) { return c.session, c.session != nil }
func (c *cache) Put(_ string, s *tls.ClientSessionState)    { c.session = s }

// A session is no way around what a side demands by now: who would be refused
// in a full handshake is refused when resuming.
func TestResumptionVerifies(t *testing.T) {
	root, replacement := authority{}.issuing(t, "root", nil), authority{}.issuing(t, "root", nil)
	brief := root.leaf(t, func(c *x509.Certificate) { c.NotAfter = now.Add(time.Minute) })
	later := now.Add(2 * time.Minute)
	for _, c := range []struct {
		name           string
		change         func(*world)
		server, client wire.Reason // of the side that refuses; neither: resumed
	}{
		{name: "nothing changed", change: func(*world) {}},
		{name: "client expired", server: wire.Expired, change: func(w *world) { w.serverNow = later }},
		{name: "server expired", client: wire.Expired, change: func(w *world) { w.clientNow = later }},
		{
			name: "client's authority replaced", server: wire.UnknownAuthority,
			change: func(w *world) { w.serverCreds = replacement.trusting(brief) },
		},
		{
			name: "server's authority replaced", client: wire.UnknownAuthority,
			change: func(w *world) { w.clientCreds = replacement.trusting(brief) },
		},
		{
			name: "client no longer allowed", server: wire.NotAllowed,
			change: func(w *world) { w.allow = []string{"spiffe://lab/other"} },
		},
		{name: "another server wanted", client: wire.WrongName, change: func(w *world) { w.serverName = "other" }},
	} {
		for _, version := range versions {
			t.Run(c.name+", "+tls.VersionName(version), func(t *testing.T) {
				w := world{
					serverCreds: root.trusting(brief), clientCreds: root.trusting(brief),
					serverNow: now, clientNow: now, serverName: "peer",
				}
				sessions := new(cache)
				if server, client := w.meet(t, version, sessions); server.err != nil || client.err != nil ||
					sessions.session == nil {
					t.Fatalf("no session: %v, %v", server.err, client.err)
				}
				c.change(&w)
				server, client := w.meet(t, version, sessions)
				if resumed := c.server == "" && c.client == ""; resumed {
					if server.err != nil || client.err != nil || !server.state.DidResume {
						t.Errorf("not resumed: %v, %v", server.err, client.err)
					}
					return
				}
				if got := server.account(tls.VersionTLS12); c.server != "" && got != refused(c.server) {
					t.Errorf("the server says %+v, want refused (%s): %v", got, c.server, server.err)
				}
				if got := client.account(tls.VersionTLS12); c.client != "" && got != refused(c.client) {
					t.Errorf("the client says %+v, want refused (%s): %v", got, c.client, client.err)
				}
			})
		}
	}
}
