package main

import (
	"crypto/tls"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// silence listens, and never says a word.
func silence(t testing.TB) string {
	t.Helper()
	l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// Every knob of a server, against our own client: what the adversary saw, and
// what the client says.
func TestAsServer(t *testing.T) {
	t.Parallel()
	p, stranger := newPair(t, ""), newPair(t, "")
	f := newFighter(t)
	for _, c := range []struct {
		name     string
		versions []string
		args     []string
		change   func(*attack.Attack)
		saw      sight
		heard    bool // the message
		peer     bool // the client's certificate
		kind     wire.Kind
		reason   wire.Reason
	}{
		{
			name: "control", change: func(*attack.Attack) {},
			saw:   sight{handshake: true, end: attack.EndCloseNotify},
			heard: true, peer: true, kind: wire.Delivered,
		},
		{
			name: "stranger", change: func(a *attack.Attack) { a.Chain, a.Key = present(t, stranger.server) },
			saw: sight{end: attack.EndAlert, alert: 42}, kind: wire.Refused, reason: wire.UnknownAuthority,
		},
		{
			name: "wrong key", change: func(a *attack.Attack) { a.WrongKey = true },
			saw: sight{end: attack.EndAlert, alert: 51}, kind: wire.Refused, reason: wire.BadSignature,
		},
		{
			name: "signature of zeros", change: func(a *attack.Attack) { a.Signature = zeros() },
			saw: sight{end: attack.EndAlert, alert: 51}, kind: wire.Refused, reason: wire.BadSignature,
		},
		{
			name: "wrong context", versions: []string{"1.3"}, change: func(a *attack.Attack) { a.WrongContext = true },
			saw: sight{end: attack.EndAlert, alert: 51}, kind: wire.Refused, reason: wire.BadSignature,
		},
		{
			name: "leaf that is no certificate", change: func(a *attack.Attack) { a.Chain = [][]byte{[]byte("not DER")} },
			saw: sight{end: attack.EndAlert, alert: 50}, kind: wire.Refused, reason: wire.BadCertificate,
		},
		{
			name: "no request", change: func(a *attack.Attack) { a.NoCertificateRequest = true },
			saw:   sight{handshake: true, end: attack.EndEOF},
			heard: true, kind: wire.NoReceipt, reason: wire.BadReceipt,
		},
		{
			name: "foreign authorities", change: func(a *attack.Attack) { a.Authorities = [][]byte{foreignName(t)} },
			saw:   sight{handshake: true, end: attack.EndCloseNotify},
			heard: true, peer: true, kind: wire.Delivered,
		},
		{
			name: "plain answer", change: func(a *attack.Attack) { a.NoTLS = true },
			saw: sight{end: attack.EndEOF}, kind: wire.Refused, reason: wire.NotTLS,
		},
		{
			name: "plain answer of its " +
				"own", change: func(a *attack.Attack) { a.NoTLS, a.Preface = true, []byte("HTTP/1.1 200 OK\r\n\r\n") },
			saw: sight{end: attack.EndEOF}, kind: wire.Refused, reason: wire.NotTLS,
		},
		{
			name: "TLS 1.1 that is not offered", versions: []string{"1.1"}, change: func(*attack.Attack) {},
			saw: sight{end: attack.EndAlert, alert: 70}, kind: wire.Refused, reason: wire.ProtocolVersion,
		},
		{
			name: "TLS 1.0 that is not offered", versions: []string{"1.0"}, change: func(*attack.Attack) {},
			saw: sight{end: attack.EndAlert, alert: 70}, kind: wire.Refused, reason: wire.ProtocolVersion,
		},
		{
			name: "truncated receipt", change: func(a *attack.Attack) { a.Truncate = true },
			saw:   sight{handshake: true, end: attack.EndEOF},
			heard: true, peer: true, kind: wire.NoReceipt, reason: wire.Disconnected,
		},
		{
			name: "something else for a receipt", change: func(a *attack.Attack) { a.Answer = "thanks" },
			saw:   sight{handshake: true, end: attack.EndEOF},
			heard: true, peer: true, kind: wire.NoReceipt, reason: wire.BadReceipt,
		},
	} {
		versions := c.versions
		if versions == nil {
			versions = bothVersions
		}
		for _, version := range versions {
			t.Run(c.name+", "+version, func(t *testing.T) {
				a := p.asServer(t, idOf(t), version)
				c.change(&a)
				f.begin(a)
				message := "nonce of " + a.ID
				client := startSubject(t, "client", p.client.Material(p.authority),
					"-connect", f.listening(a.ID), "-server-name", "server", message)
				said := client.outcome(func(wire.Outcome) bool { return true })
				if code := client.code(); said.Kind != c.kind || said.Reason != c.reason || code != c.kind.ExitCode() {
					t.Errorf(
						"the client says %s %s and exits with %d, want %s %s (%s)",
						said.Kind,
						said.Reason,
						code,
						c.kind,
						c.reason,
						said.Detail,
					)
				}
				f.begin(attack.Attack{ID: a.ID, End: true})
				evidence := f.evidence(a.ID)
				if len(evidence.Connections) != 1 {
					t.Fatalf("saw %+v", evidence)
				}
				seen := evidence.Last()
				got, want := sightOf(seen, ""), c.saw
				if gone := []attack.Ending{attack.EndEOF, attack.EndReset}; slices.Contains(gone, got.end) &&
					slices.Contains(gone, want.end) {
					got.end = want.end // it closes, read or unread
				}
				if version == "1.2" && c.reason == wire.BadSignature {
					want.alert = 47 // crypto/tls says illegal_parameter of a ServerKeyExchange
				}
				if got != want || evidence.Heard(message) != c.heard || (seen.Peer != nil) != c.peer ||
					seen.Remote != said.Local {
					t.Errorf("saw %+v, want %+v (%+v)", got, want, seen)
				}
			})
		}
	}
}

// A client that tries again, in plain text or without a certificate, is seen
// doing so, even if it has gone by the time that anybody looks.
func TestFallback(t *testing.T) {
	t.Parallel()
	p := newPair(t, "")
	f := newFighter(t)
	f.begin(p.asServer(t, "fallback", "1.3"))
	address := f.listening("fallback")
	conn := must[net.Conn](t)(net.Dial("tcp", address))
	if err := tls.Client(
		conn, &tls.Config{ServerName: "server", MinVersion: tls.VersionTLS12},
	).HandshakeContext(t.Context()); err == nil {
		t.Fatal("the handshake came to be")
	}
	_ = conn.Close()
	conn = must[net.Conn](t)(net.Dial("tcp", address))
	_, _ = io.WriteString(conn, "the nonce, in plain text\n")
	_ = conn.Close()
	f.begin(attack.Attack{ID: "fallback", End: true})
	evidence := f.evidence("fallback")
	if len(evidence.Connections) != 2 || evidence.Connections[0].Alert == nil {
		t.Fatalf("saw %+v", evidence)
	}
	if seen := evidence.Last(); !seen.Plain || seen.FirstLine() != "the nonce, in plain text" ||
		!evidence.Heard("nonce") {
		t.Errorf("saw %+v", seen)
	}
}

// A connection ends at its limit, which begins with it, and the attack goes on.
func TestServerLimit(t *testing.T) {
	t.Parallel()
	p := newPair(t, "")
	f := newFighter(t)
	a := p.asServer(t, "limit", "")
	a.Limit = time.Second
	f.begin(a)
	address := f.listening("limit")
	for range 2 {
		conn := must[net.Conn](t)(net.Dial("tcp", address))
		_, _ = conn.Read(make([]byte, 1)) // until the adversary hangs up
		_ = conn.Close()
	}
	f.begin(attack.Attack{ID: "limit", End: true})
	evidence := f.evidence("limit")
	if len(evidence.Connections) != 2 {
		t.Fatalf("saw %+v", evidence)
	}
	for _, c := range evidence.Connections {
		if c.End != attack.EndTimeout || c.Took < a.Limit {
			t.Errorf("saw %+v", c)
		}
	}
}

// The end of the first connection is told to one who asks, once, and the attack goes on.
func TestTellsOfTheFirst(t *testing.T) {
	t.Parallel()
	p := newPair(t, "")
	f := newFighter(t)
	a := p.asServer(t, "tell", "")
	a.Tell = true
	f.begin(a)
	address := f.listening("tell")
	for range 2 {
		conn := must[net.Conn](t)(net.Dial("tcp", address))
		_ = conn.Close()
		f.await(func(r attack.Report) bool { return r.Served })
	}
	f.begin(attack.Attack{ID: "tell", End: true})
	if r := f.await(func(r attack.Report) bool { return r.Evidence != nil }); len(r.Evidence.Connections) != 2 {
		t.Errorf("saw %+v", r.Evidence)
	}
	if all := f.reported(); len(all) != 3 {
		t.Errorf("reported %+v", all)
	}
}

// More connections than one attack takes are counted, and no more.
func TestServerFull(t *testing.T) {
	t.Parallel()
	p := newPair(t, "")
	f := newFighter(t)
	f.begin(p.asServer(t, "full", ""))
	address := f.listening("full")
	for range attack.MaxConnections + 3 {
		_ = must[net.Conn](t)(net.Dial("tcp", address)).Close()
	}
	f.begin(attack.Attack{ID: "full", End: true})
	if evidence := f.evidence("full"); len(evidence.Connections) != attack.MaxConnections || evidence.Dropped != 3 {
		t.Errorf("saw %d, dropped %d", len(evidence.Connections), evidence.Dropped)
	}
}

// What is heard is bounded in the telling, and counted in full.
func TestHeardIsBounded(t *testing.T) {
	t.Parallel()
	p := newPair(t, "")
	f := newFighter(t)
	f.begin(p.asServer(t, "bound", ""))
	conn := must[net.Conn](t)(net.Dial("tcp", f.listening("bound")))
	_, _ = io.WriteString(conn, strings.Repeat("\xff", 3*attack.MaxHeard)+"\n")
	_ = conn.(*net.TCPConn).CloseWrite()
	_, _ = io.Copy(io.Discard, conn)
	_ = conn.Close()
	f.begin(attack.Attack{ID: "bound", End: true})
	seen := f.evidence("bound").Last()
	if want := 3*attack.MaxHeard + 1; seen.HeardBytes != want || len(seen.Heard) != 3 || seen.Heard != "\uFFFD" {
		t.Errorf("heard %d bytes and tells %d", seen.HeardBytes, len(seen.Heard))
	}
}

// The adversary against itself, which goes along with everything: what our own
// peers would refuse is done all the same, and seen from both ends.
func TestAgainstItself(t *testing.T) {
	t.Parallel()
	p := newPair(t, "")
	f := newFighter(t)
	const rc4 = "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA"
	for _, c := range []struct {
		name, version  string
		server, client func(*attack.Attack)
		check          func(server, client attack.Connection) bool
	}{
		{
			name: "TLS 1.0", version: "1.0",
			check: func(s, c attack.Connection) bool { return s.TLS.Version == "TLS 1.0" && c.TLS.Version == "TLS 1.0" },
		},
		{
			name: "TLS 1.1", version: "1.1",
			check: func(s, c attack.Connection) bool { return s.TLS.Version == "TLS 1.1" && c.TLS.Version == "TLS 1.1" },
		},
		{
			name: "RC4", version: "1.2",
			client: func(a *attack.Attack) { a.Suites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA} },
			server: func(a *attack.Attack) { a.Suites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA} },
			check:  func(s, c attack.Connection) bool { return s.TLS.Suite == rc4 && c.TLS.Suite == rc4 },
		},
		{
			name: "authorities", version: "1.3",
			server: func(a *attack.Attack) { a.Authorities = [][]byte{foreignName(t), []byte("another")} },
			check:  func(s, c attack.Connection) bool { return len(c.Authorities) == 2 && s.Peer != nil },
		},
		{
			name: "no authorities", version: "1.2",
			check: func(_, c attack.Connection) bool { return c.Asked && len(c.Authorities) == 0 },
		},
		{
			name: "no request", version: "1.3",
			server: func(a *attack.Attack) { a.NoCertificateRequest = true },
			check:  func(s, c attack.Connection) bool { return !c.Asked && s.Peer == nil },
		},
		{
			name: "ALPN", version: "1.3",
			client: func(a *attack.Attack) { a.ALPN = []string{"a", "b"} },
			server: func(a *attack.Attack) { a.ALPN = []string{"b"} },
			check:  func(s, c attack.Connection) bool { return s.ALPN == "b" && c.ALPN == "b" },
		},
		{
			name: "SNI", version: "1.3",
			client: func(a *attack.Attack) { a.SNI = "*.SERVER" },
			check:  func(s, _ attack.Connection) bool { return s.SNI == "*.SERVER" },
		},
		{
			name: "no SNI", version: "1.3",
			client: func(a *attack.Attack) { a.SNI = "" },
			check:  func(s, _ attack.Connection) bool { return s.SNI == "" },
		},
		{
			name: "leaf that is no certificate", version: "1.3", // which a client refuses to read, hostile or not
			server: func(a *attack.Attack) { a.Chain = [][]byte{[]byte("not DER")} },
			check: func(s, c attack.Connection) bool {
				return s.End == attack.EndAlert && c.End == attack.EndGaveUp && c.AlertSent != nil &&
					c.AlertSent.Code == s.Alert.Code
			},
		},
		{
			name: "Answer", version: "1.3",
			server: func(a *attack.Attack) { a.Answer = "thanks" },
			check:  func(_, c attack.Connection) bool { return c.FirstLine() == "thanks" && c.HeardBytes == len("thanks\n") },
		},
		{
			name: "plain", version: "1.3",
			client: func(a *attack.Attack) { a.NoTLS, a.Preface = true, []byte("first\n") },
			check: func(s, c attack.Connection) bool {
				return s.Plain && c.Plain && s.FirstLine() == "first" && strings.Contains(s.Heard, "nonce") && s.Sent && c.Sent
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := p.asServer(t, idOf(t)+"-server", c.version)
			server.Limit = 5 * time.Second
			if c.server != nil {
				c.server(&server)
			}
			f.begin(server)
			client := p.asClient(t, idOf(t)+"-client", c.version, f.listening(server.ID))
			client.Limit = time.Second
			if c.client != nil {
				c.client(&client)
			}
			f.begin(client)
			away := f.evidence(client.ID).Last()
			f.begin(attack.Attack{ID: server.ID, End: true})
			home := f.evidence(server.ID).Last()
			if home.End == "" || (away.TLS == nil) != (home.TLS == nil) || !c.check(home, away) {
				t.Errorf("the server saw %+v\nand the client %+v", home, away)
			}
		})
	}
}
