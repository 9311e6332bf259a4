package wire_test

import (
	"crypto/tls"
	"io"
	"net"
	"testing"

	"github.com/mtlslab/mtlslab/lab/wire"
)

func TestExplainWrongName(t *testing.T) {
	root := authority{}.issuing(t, "root", nil)
	id := root.leaf(t, nil)
	for _, version := range versions {
		for _, name := range []string{"other", "leaf", "127.0.0.1"} {
			t.Run(name+", "+tls.VersionName(version), func(t *testing.T) {
				client := wire.ClientConfig(root.trusting(id), wire.Policy{Now: clock, ServerName: name, MaxVersion: version})
				server, got := shake(t, wire.ServerConfig(root.trusting(id), wire.Policy{Now: clock}), client)
				if got.account(tls.VersionTLS12) != refused(wire.WrongName) {
					t.Errorf("the client says %+v, want wrong_name: %v", got.account(tls.VersionTLS12), got.err)
				}
				if heard := server.account(tls.VersionTLS12); heard.Kind != wire.RefusedByPeer {
					t.Errorf("the server says %+v, want refused_by_peer: %v", heard, server.err)
				}
			})
		}
	}
}

// A client with no name to check connects to nobody.
func TestNoServerName(t *testing.T) {
	root := authority{}.issuing(t, "root", nil)
	id := root.leaf(t, nil)
	_, client := shake(
		t,
		wire.ServerConfig(root.trusting(id), wire.Policy{Now: clock}),
		wire.ClientConfig(root.trusting(id), wire.Policy{Now: clock}),
	)
	if client.err == nil {
		t.Error("the client was let in by a server that it gave no name")
	}
}

// serverHello11 is a ServerHello that selects TLS 1.1.
var serverHello11 = append(
	append([]byte{22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2}, make([]byte, 32)...),
	0,
	0xc0,
	0x14,
	0,
	0,
	0,
)

func TestExplainClientAlone(t *testing.T) {
	root := authority{}.issuing(t, "root", nil)
	config := wire.ClientConfig(root.trusting(root.leaf(t, nil)), wire.Policy{Now: clock, ServerName: "peer"})
	for _, c := range []struct {
		name  string
		bytes []byte // what the server sends
		want  wire.Account
	}{
		{"SMTP", []byte("220 mail.example ESMTP\r\n"), refused(wire.NotTLS)},
		{"TLS 1.1", serverHello11, refused(wire.ProtocolVersion)},
		{"garbage in a handshake record", []byte{22, 3, 3, 0, 4, 2, 0, 0, 0}, refused(wire.ProtocolError)},
		{"nothing", nil, failed(wire.Disconnected)},
	} {
		t.Run(c.name, func(t *testing.T) {
			serverConn, clientConn := loopback(t)
			go func() {
				_, _ = serverConn.Write(c.bytes)
				_ = serverConn.(*net.TCPConn).CloseWrite()
				_, _ = io.Copy(io.Discard, serverConn)
				_ = serverConn.Close()
			}()
			client := clientSide(t, clientConn, config)
			if got := client.account(tls.VersionTLS12); got != c.want {
				t.Errorf("the client says %+v, want %+v: %v", got, c.want, client.err)
			}
		})
	}
}
