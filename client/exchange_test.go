package main

import (
	"crypto/tls"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Every way an exchange can end is provoked under both TLS versions.
func TestOutcome(t *testing.T) {
	for _, version := range []string{"1.2", "1.3"} {
		t.Run("TLS "+version, func(t *testing.T) { testOutcome(t, version) })
	}
}

type outcomeCase struct {
	name    string
	address string
	client  wire.Material // the good client's if empty
	flags   []string
	want    wire.Kind
	reason  wire.Reason
	alert   uint8
}

func testOutcome(t *testing.T, version string) {
	good, other := newPair(t), newPair(t)
	material := good.client.Material(good.authority)
	past := time.Now().Add(-time.Minute)
	expiredServer, expiredClient := good, good
	expiredServer.server = good.issue(
		t,
		pki.Request{Role: wire.Server, Name: "server", DNS: []string{serverName}, NotAfter: past},
	)
	expiredClient.client = good.issue(t, pki.Request{Role: wire.Client, Name: "client", NotAfter: past})
	swapped := good
	swapped.server = good.issue(t, pki.Request{Role: wire.Client, Name: "server", DNS: []string{serverName}})

	unknownCA, badCertificate, expired := uint8(48), uint8(42), uint8(45)
	honest := good.listenTLS(t, nil, acknowledge(nil))
	answer := func(text string) string {
		return good.listenTLS(t, nil, func(conn *tls.Conn) {
			_, _ = io.WriteString(conn, text)
			hold(conn)
		})
	}
	echo := good.listenTLS(t, nil, func(conn *tls.Conn) { _, _ = io.Copy(conn, conn) })
	forge := func(change func(*wire.Receipt)) string { return good.listenTLS(t, nil, acknowledge(change)) }
	for _, c := range append(failures(t, good), []outcomeCase{
		{name: "let in", address: honest, want: wire.Delivered},
		{
			name: "server of another authority", address: other.listenTLS(t, nil, acknowledge(nil)),
			want: wire.Refused, reason: wire.UnknownAuthority,
		},
		{
			name: "server of another name", address: honest, flags: []string{"-server-name", "other"},
			want: wire.Refused, reason: wire.WrongName,
		},
		{
			name: "expired server", address: expiredServer.listenTLS(t, nil, acknowledge(nil)),
			want: wire.Refused, reason: wire.Expired,
		},
		{
			name: "server with a client's certificate", address: swapped.listenTLS(t, nil, acknowledge(nil)),
			want: wire.Refused, reason: wire.WrongUsage,
		},
		{name: "server that is no TLS server", address: listen(t, func(conn net.Conn) {
			_, _ = io.WriteString(conn, "220 mail.example ESMTP\r\n")
			hold(conn)
		}), want: wire.Refused, reason: wire.NotTLS},
		{
			name: "client of another authority", address: honest,
			client: other.client.Material(good.authority), want: wire.RefusedByPeer, alert: unknownCA,
		},
		{
			name: "client without a certificate", address: honest, flags: []string{"-no-certificate"},
			want: wire.RefusedByPeer, alert: map[string]uint8{"1.2": 40, "1.3": 116}[version],
		},
		{
			name: "expired client", address: honest, client: expiredClient.client.Material(good.authority),
			want: wire.RefusedByPeer, alert: expired,
		},
		{name: "client that is not allowed", address: good.listenTLS(t, func(config *tls.Config) {
			creds := credentials(t, good.server.Material(good.authority))
			*config = *wire.ServerConfig(creds, wire.Policy{Allow: []string{"spiffe://lab/other"}})
		}, acknowledge(nil)), want: wire.RefusedByPeer, alert: badCertificate},
		{name: "server that asks for no certificate", address: good.listenTLS(t, func(config *tls.Config) {
			config.ClientAuth, config.VerifyConnection = tls.NoClientCert, nil
		}, acknowledge(nil)), want: wire.NoReceipt, reason: wire.BadReceipt},
		{
			name:    "receipt for another message",
			address: forge(func(r *wire.Receipt) { r.SHA256 = wire.DigestOf("other").SHA256 }),
			want:    wire.NoReceipt, reason: wire.BadReceipt,
		},
		{
			name:    "receipt that names another key",
			address: forge(func(r *wire.Receipt) { r.Client.Key = strings.Repeat("0", 64) }),
			want:    wire.NoReceipt, reason: wire.BadReceipt,
		},
		{
			name:    "receipt that names another serial",
			address: forge(func(r *wire.Receipt) { r.Client.Serial = "1" }), want: wire.NoReceipt,
			reason: wire.BadReceipt,
		},
		{name: "receipt that is empty JSON", address: answer("{}\n"), want: wire.NoReceipt, reason: wire.BadReceipt},
		{name: "echo", address: echo, flags: []string{"-echo"}, want: wire.Delivered},
		{
			name: "echo of another message", address: answer("Hello, client!\n"), flags: []string{"-echo"},
			want: wire.NoReceipt, reason: wire.BadReceipt,
		},
		{name: "echo that nobody asked for", address: echo, want: wire.NoReceipt, reason: wire.BadReceipt},
		{name: "receipt that is garbage", address: answer("Hello, client!\n"), want: wire.NoReceipt, reason: wire.BadReceipt},
		{name: "receipt that is no UTF-8", address: answer("\xff\n"), want: wire.NoReceipt, reason: wire.BadReceipt},
		{
			name: "receipt without end", address: answer(strings.Repeat(" ", 3*wire.MaxReceipt)),
			want: wire.NoReceipt, reason: wire.BadReceipt,
		},
	}...) {
		t.Run(c.name, func(t *testing.T) {
			if len(c.client.Key) == 0 {
				c.client = material
			}
			args := append(
				[]string{"-log", "json", "-connect", c.address, "-server-name", serverName, "-material", materialDir(t, c.client),
					"-min-version", version, "-max-version", version},
				c.flags...)
			got := runClient(t, nil, append(args, hello)...).outcome(t)
			c.check(t, got)
		})
	}
}

// failures are the rows in which nobody refuses anybody.
func failures(t *testing.T, good pair) []outcomeCase {
	return []outcomeCase{
		{name: "closed port", address: closedPort(t), want: wire.Unreachable},
		{
			name:    "server that accepts and closes",
			address: listen(t, func(conn net.Conn) { _ = conn.Close() }),
			want:    wire.NoReceipt,
			reason:  wire.Disconnected,
		},
		{
			name:    "server that never shakes hands",
			address: listen(t, hold),
			flags:   []string{"-timeout", "50ms"},
			want:    wire.NoReceipt,
			reason:  wire.Timeout,
		},
		{
			name:    "server that never answers",
			address: good.listenTLS(t, nil, func(conn *tls.Conn) { hold(conn) }),
			flags:   []string{"-timeout", "200ms"},
			want:    wire.NoReceipt,
			reason:  wire.Timeout,
		},
		{name: "server that closes with close_notify", address: good.listenTLS(t, nil, func(conn *tls.Conn) {
			_, _ = conn.Read(make([]byte, 1))
			_ = conn.CloseWrite()
			hold(conn)
		}), want: wire.NoReceipt, reason: wire.Disconnected},
		{name: "server that cuts the receipt short", address: good.listenTLS(t, nil, func(conn *tls.Conn) {
			_, _ = io.WriteString(conn, `{"sha256":`)
			_, _ = conn.Read(make([]byte, wire.MaxMessage))
			_ = conn.NetConn().Close()
		}), want: wire.NoReceipt, reason: wire.Disconnected},
	}
}

func (c outcomeCase) check(t *testing.T, got wire.Outcome) {
	t.Helper()
	if got.Kind != c.want || got.Reason != c.reason {
		t.Errorf("outcome is %s (%s), want %s (%s): %s", got.Kind, got.Reason, c.want, c.reason, got.Detail)
	}
	if c.alert != 0 && (got.Alert == nil || got.Alert.Code != c.alert) {
		t.Errorf("alert is %+v, want code %d", got.Alert, c.alert)
	}
	if got.Message == nil || got.Message.Text != hello {
		t.Errorf("message is %+v, want %q", got.Message, hello)
	}
	if got.Remote != c.address || (got.Local == "") != (c.want == wire.Unreachable) {
		t.Errorf("from %q to %q, want to %q", got.Local, got.Remote, c.address)
	}
	if c.want == wire.Refused && (got.Peer != nil || got.TLS != nil || got.Receipt != nil) {
		t.Errorf("outcome of a server that was refused vouches for it: %+v", got)
	}
	if c.want != wire.Delivered {
		return
	}
	if got.Peer == nil || !got.Peer.Has("spiffe://lab/server") || !got.Peer.Has(serverName) {
		t.Errorf("peer is %+v, want the server", got.Peer)
	}
	if slices.Contains(c.flags, "-echo") {
		if got.TLS == nil || got.Receipt != nil {
			t.Errorf("of an echo: negotiated %+v, receipt %+v", got.TLS, got.Receipt)
		}
		return
	}
	if got.TLS == nil || got.Receipt == nil || got.Receipt.TLS != *got.TLS {
		t.Errorf("negotiated %+v, receipt %+v, want the same in both", got.TLS, got.Receipt)
	}
	if got.Receipt == nil || !got.Receipt.Client.Has("spiffe://lab/client") {
		t.Errorf("receipt is %+v, want one for the client", got.Receipt)
	}
}

// A server that is refused must not have been sent the message.
func TestRefusedServerReadsNothing(t *testing.T) {
	good, impostor := newPair(t), newPair(t)
	read := make(chan int64, 1)
	config := wire.ServerConfig(credentials(t, impostor.server.Material(good.authority)), wire.Policy{})
	address := listen(t, func(raw net.Conn) {
		n, _ := io.Copy(io.Discard, tls.Server(raw, config))
		read <- n
		_ = raw.Close()
	})
	runClient(
		t,
		nil,
		"-connect",
		address,
		"-server-name",
		serverName,
		"-material",
		materialDir(t, good.client.Material(good.authority)),
		hello,
	)
	if n := <-read; n != 0 {
		t.Errorf("the impostor was sent %d bytes", n)
	}
}
