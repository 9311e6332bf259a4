package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"net"
	"strings"
	"testing"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// TestServerPartsFirst has a server end the connection with its last receipt, in one write: what
// it has acknowledged is delivered.
func TestServerPartsFirst(t *testing.T) {
	t.Parallel()
	good := newPair(t)
	config := wire.ServerConfig(credentials(t, good.server.Material(good.authority)), wire.Policy{})
	address := listen(t, func(raw net.Conn) {
		defer raw.Close() //nolint:errcheck // it has said all
		conn := tls.Server(raw, config)
		message, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil {
			return // the client says so
		}
		state := conn.ConnectionState()
		receipt, err := json.Marshal(wire.Receipt{
			SHA256: wire.DigestOf(strings.TrimSuffix(message, "\n")).SHA256,
			Client: wire.IdentityOf(state.PeerCertificates[0]), TLS: wire.NegotiatedOf(state),
		})
		if err == nil {
			_, _ = conn.Write(append(receipt, '\n'))
		}
		_ = conn.CloseWrite()
	})
	material := materialDir(t, good.client.Material(good.authority))
	const often = 50
	for range often {
		if ran := runClient(
			t, nil, "-connect", address, "-server-name", serverName, "-material", material, hello,
		); ran.code != wire.ExitDelivered {
			t.Fatalf("exit code %d: %+v", ran.code, ran)
		}
	}
}

// TestKeyLog has the secrets of a session told by who is asked to, as lines beside the outcome,
// and by nobody else.
func TestKeyLog(t *testing.T) {
	t.Parallel()
	good := newPair(t)
	config := wire.ServerConfig(credentials(t, good.server.Material(good.authority)), wire.Policy{})
	address := listen(t, func(raw net.Conn) {
		_ = tls.Server(raw, config).HandshakeContext(t.Context())
		_ = raw.Close()
	})
	args := []string{
		"-connect", address, "-server-name", serverName, "-log", "json",
		"-material", materialDir(t, good.client.Material(good.authority)),
	}
	if ran := runClient(t, nil, append(args, hello)...); strings.Contains(ran.stdout, "TRAFFIC_SECRET") {
		t.Errorf("nobody asked for secrets: %s", ran.stdout)
	}
	if ran := runClient(t, nil, append(args, "-key-log", hello)...); strings.Count(
		ran.stdout,
		`"kind":"secret"`,
	) != 4 {
		t.Errorf("want the four secrets of TLS 1.3: %s", ran.stdout)
	}
	if ran := runClient(t, nil, "-key-log", "-material", "x", hello); ran.code != wire.ExitUsage {
		t.Errorf("without JSON: exit code %d, %s", ran.code, ran.stderr)
	}
}
