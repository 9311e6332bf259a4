package wire_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

func refused(reason wire.Reason) wire.Account {
	return wire.Account{Kind: wire.Refused, Reason: reason}
}

func failed(reason wire.Reason) wire.Account {
	return wire.Account{Kind: wire.Failed, Reason: reason}
}

// What else a server can find wrong with a client that speaks TLS.
func TestExplainClientRefused(t *testing.T) {
	root := authority{}.issuing(t, "root", nil)
	id := root.leaf(t, nil)
	for _, c := range []struct {
		name     string
		versions []uint16
		policy   wire.Policy // of the server
		client   func(*tls.Config)
		server   func(*tls.Config)
		want     wire.Reason
	}{
		{
			name: "no certificate", versions: versions, want: wire.NoCertificate,
			client: func(c *tls.Config) { c.GetClientCertificate = nil },
		},
		{name: "an empty certificate", versions: versions, want: wire.NoCertificate, client: func(c *tls.Config) {
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				return new(tls.Certificate), nil
			}
		}},
		{
			name: "not allowed", versions: versions,
			policy: wire.Policy{Allow: []string{"spiffe://lab/other", "leaf"}}, want: wire.NotAllowed,
		},
		{
			name: "TLS 1.2 where 1.3 is needed", versions: []uint16{tls.VersionTLS12},
			policy: wire.Policy{MinVersion: tls.VersionTLS13}, want: wire.ProtocolVersion,
		},
		{name: "TLS 1.1", versions: []uint16{tls.VersionTLS11}, want: wire.ProtocolVersion},
		{name: "no suite in " +
			"common", versions: []uint16{tls.VersionTLS12}, want: wire.ProtocolError, client: func(c *tls.Config) {
			c.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA}
		}, server: func(c *tls.Config) { c.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256} }},
		{name: "no group in common", versions: versions, want: wire.ProtocolError, client: func(c *tls.Config) {
			c.CurvePreferences = []tls.CurveID{tls.CurveP521}
		}, server: func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.X25519} }},
	} {
		for _, version := range c.versions {
			t.Run(c.name+", "+tls.VersionName(version), func(t *testing.T) {
				c.policy.Now = clock
				serverConfig := wire.ServerConfig(root.trusting(id), c.policy)
				clientConfig := wire.ClientConfig(root.trusting(id), wire.Policy{Now: clock, ServerName: "peer"})
				clientConfig.MinVersion, clientConfig.MaxVersion = version, version
				for _, change := range []struct {
					do func(*tls.Config)
					to *tls.Config
				}{{c.client, clientConfig}, {c.server, serverConfig}} {
					if change.do != nil {
						change.do(change.to)
					}
				}
				server, client := shake(t, serverConfig, clientConfig)
				if got, want := server.account(c.policy.Min()), refused(c.want); got != want {
					t.Errorf("the server says %+v, want %+v: %v", got, want, server.err)
				}
				if got, want := server.fallback(c.policy.Min()), refused(c.want); got != want {
					t.Errorf("the server, not knowing its alert, says %+v, want %+v: %v", got, want, server.err)
				}
				if got := client.account(tls.VersionTLS12); got.Kind != wire.RefusedByPeer {
					t.Errorf("the client says %+v, want refused_by_peer: %v", got, client.err)
				}
			})
		}
	}
}

// What a server makes of a client that is none, and of a connection that breaks.
func TestExplainServerAlone(t *testing.T) {
	root := authority{}.issuing(t, "root", nil)
	config := wire.ServerConfig(root.trusting(root.leaf(t, nil)), wire.Policy{Now: clock})
	for _, c := range []struct {
		name   string
		client func(raw *net.TCPConn)
		want   wire.Account
	}{
		{"HTTP", func(raw *net.TCPConn) { _, _ = io.WriteString(raw, "GET / HTTP/1.1\r\n\r\n") }, refused(wire.NotTLS)},
		{"SSL 2", func(raw *net.TCPConn) { _, _ = raw.Write([]byte{0x80, 46, 1, 0, 2, 0}) }, refused(wire.ProtocolVersion)},
		{"a handshake message that is garbage", func(raw *net.TCPConn) {
			_, _ = raw.Write([]byte{22, 3, 1, 0, 6, 1, 0, 0, 2, 0xff, 0xff})
		}, refused(wire.ProtocolError)},
		{"a handshake message too large", func(raw *net.TCPConn) {
			_, _ = raw.Write([]byte{22, 3, 1, 0, 6, 1, 0x7f, 0xff, 0xff, 0, 0})
		}, refused(wire.ProtocolError)},
		{
			"a record too large", func(raw *net.TCPConn) { _, _ = raw.Write([]byte{22, 3, 1, 0xff, 0xff}) },
			refused(wire.ProtocolError),
		},
		{"an alert", func(raw *net.TCPConn) { _, _ = raw.Write([]byte{21, 3, 1, 0, 2, 2, 40}) },
			wire.Account{Kind: wire.RefusedByPeer, Alert: &wire.Alert{Code: 40, Name: tls.AlertError(40).Error()}}},
		{"close", func(raw *net.TCPConn) { _ = raw.Close() }, failed(wire.Disconnected)},
		{"close within a record", func(raw *net.TCPConn) {
			_, _ = raw.Write([]byte{22, 3, 1, 0, 6, 1})
			_ = raw.Close()
		}, failed(wire.Disconnected)},
		{"reset", func(raw *net.TCPConn) {
			_ = raw.SetLinger(0)
			_ = raw.Close()
		}, failed(wire.Disconnected)},
	} {
		t.Run(c.name, func(t *testing.T) {
			serverConn, clientConn := loopback(t)
			c.client(clientConn.(*net.TCPConn))
			_ = clientConn.(*net.TCPConn).CloseWrite()
			server := serverSide(t, serverConn, config)
			got := server.account(tls.VersionTLS12)
			if (got.Alert == nil) != (c.want.Alert == nil) || got.Alert != nil && *got.Alert != *c.want.Alert {
				t.Errorf("alert is %+v, want %+v", got.Alert, c.want.Alert)
			}
			got.Alert, c.want.Alert = nil, nil
			if got != c.want {
				t.Errorf("the server says %+v, want %+v: %v", got, c.want, server.err)
			}
		})
	}
}

// Waiting in vain, or being told to stop waiting, is nobody's refusal.
func TestExplainPatience(t *testing.T) {
	root := authority{}.issuing(t, "root", nil)
	config := wire.ServerConfig(root.trusting(root.leaf(t, nil)), wire.Policy{Now: clock})
	for _, c := range []struct {
		name string
		stop func(net.Conn) context.Context
		want wire.Reason
	}{
		{"deadline of the connection", func(conn net.Conn) context.Context {
			_ = conn.SetDeadline(time.Unix(1, 0))
			return context.Background()
		}, wire.Timeout},
		{"deadline of the context", func(net.Conn) context.Context {
			ctx, cancel := context.WithDeadline(context.Background(), time.Unix(1, 0))
			cancel()
			return ctx
		}, wire.Timeout},
		{"context cancelled", func(net.Conn) context.Context {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return ctx
		}, wire.Disconnected},
		{
			"closed by this side",
			func(conn net.Conn) context.Context { _ = conn.Close(); return context.Background() },
			wire.Disconnected,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw, _ := loopback(t)
			ctx := c.stop(raw)
			conn := tls.Server(raw, config)
			err := wire.Handshake(ctx, conn)
			if got := wire.Explain(err, nil, conn.ConnectionState(), tls.VersionTLS12, now); got != failed(c.want) {
				t.Errorf("got %+v, want failed (%s): %v", got, c.want, err)
			}
		})
	}
}

// A side that stops for a reason of its own, and tells the other nothing, has
// refused nobody. In TLS 1.2 crypto/tls does tell the other.
func TestExplainOwnFault(t *testing.T) {
	root := authority{}.issuing(t, "root", nil)
	id := root.leaf(t, nil)
	config := wire.ClientConfig(
		root.trusting(id),
		wire.Policy{Now: clock, ServerName: "peer", MinVersion: tls.VersionTLS13},
	)
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return nil, errors.New("no smart card")
	}
	_, client := shake(t, wire.ServerConfig(root.trusting(id), wire.Policy{Now: clock}), config)
	if got := client.account(tls.VersionTLS12); got != failed("") {
		t.Errorf("the client says %+v, want failed: %v", got, client.err)
	}
}

// Handshake finds the alert where this release of Go keeps it.
func TestHandshakeNamesTheAlertSent(t *testing.T) {
	root := authority{}.issuing(t, "root", nil)
	id := root.leaf(t, nil)
	for version, want := range map[uint16]uint8{tls.VersionTLS12: 40, tls.VersionTLS13: 116} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			config := wire.ClientConfig(root.trusting(id), wire.Policy{Now: clock, ServerName: "peer", MaxVersion: version})
			config.GetClientCertificate = nil
			server, client := shake(t, wire.ServerConfig(root.trusting(id), wire.Policy{Now: clock}), config)
			sent, ok := errors.AsType[*wire.HandshakeError](server.err)
			if !ok || sent.Sent == nil || sent.Sent.Code != want {
				t.Fatalf("the server's error is %#v, want a *HandshakeError with alert %d", server.err, want)
			}
			heard := client.account(tls.VersionTLS12)
			if heard.Alert == nil || *heard.Alert != *sent.Sent {
				t.Errorf("the client heard %+v, the server sent %+v", heard.Alert, sent.Sent)
			}
		})
	}
}
