package main

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

func marshalKey(t testing.TB, key crypto.PrivateKey) []byte {
	t.Helper()
	return must[[]byte](t)(x509.MarshalPKCS8PrivateKey(key))
}

func foreignName(t testing.TB) []byte {
	t.Helper()
	return must[[]byte](t)(asn1.Marshal(pkix.Name{CommonName: "somebody else's authority"}.ToRDNSequence()))
}

// zeros is an ECDSA signature whose two numbers are zero.
func zeros() []byte { return []byte("\x30\x06\x02\x01\x00\x02\x01\x00") }

// What is asked of a row's evidence: those fields that do not change from run to
// run.
type sight struct {
	handshake bool
	end       attack.Ending
	alert     uint8 // received
	receipt   bool  // the first line heard is one of the message
	asked     bool
}

func sightOf(c attack.Connection, message string) sight {
	s := sight{handshake: c.Handshake, end: c.End, asked: c.Asked}
	if c.Alert != nil {
		s.alert = c.Alert.Code
	}
	receipt, err := wire.ParseReceipt([]byte(c.FirstLine()))
	s.receipt = err == nil && receipt.SHA256 == wire.DigestOf(message).SHA256
	return s
}

var bothVersions = []string{"1.2", "1.3"}

// Every knob of a client, against our own server: what the adversary saw, and
// what the server says of the same connection.
func TestAsClient(t *testing.T) {
	t.Parallel()
	p, stranger := newPair(t, ""), newPair(t, "")
	server, address := startServer(t, p, "-handshake-timeout", "2s")
	f := newFighter(t)
	delivered := sight{handshake: true, end: attack.EndCloseNotify, receipt: true, asked: true}
	for _, c := range []struct {
		name     string
		versions []string
		change   func(*attack.Attack)
		saw      map[string]sight // by version; "" is for both
		kind     wire.Kind
		reason   wire.Reason
	}{
		{name: "control", change: func(*attack.Attack) {}, saw: map[string]sight{"": delivered}, kind: wire.Received},
		{
			name: "absent SNI", change: func(a *attack.Attack) { a.SNI = "" },
			saw: map[string]sight{"": delivered}, kind: wire.Received,
		},
		{
			name: "foreign ALPN", change: func(a *attack.Attack) { a.ALPN = []string{"ftp"} },
			saw: map[string]sight{"": delivered}, kind: wire.Received,
		},
		{
			name: "no certificate", change: func(a *attack.Attack) { a.NoCertificate = true },
			saw: map[string]sight{
				"1.2": {end: attack.EndAlert, alert: 40, asked: true},
				"1.3": {handshake: true, end: attack.EndAlert, alert: 116, asked: true},
			},
			kind: wire.Refused, reason: wire.NoCertificate,
		},
		{
			name: "stranger", change: func(a *attack.Attack) { a.Chain, a.Key = present(t, stranger.client) },
			saw: map[string]sight{
				"1.2": {end: attack.EndAlert, alert: 48, asked: true},
				"1.3": {handshake: true, end: attack.EndAlert, alert: 48, asked: true},
			},
			kind: wire.Refused, reason: wire.UnknownAuthority,
		},
		{
			name: "wrong key", change: func(a *attack.Attack) { a.WrongKey = true },
			saw: map[string]sight{
				"1.2": {end: attack.EndAlert, alert: 51, asked: true},
				"1.3": {handshake: true, end: attack.EndAlert, alert: 51, asked: true},
			},
			kind: wire.Refused, reason: wire.BadSignature,
		},
		{
			name: "signature of zeros", change: func(a *attack.Attack) { a.Signature = zeros() },
			saw: map[string]sight{
				"1.2": {end: attack.EndAlert, alert: 51, asked: true},
				"1.3": {handshake: true, end: attack.EndAlert, alert: 51, asked: true},
			},
			kind: wire.Refused, reason: wire.BadSignature,
		},
		{
			name: "wrong context", versions: []string{"1.3"}, change: func(a *attack.Attack) { a.WrongContext = true },
			saw:  map[string]sight{"": {handshake: true, end: attack.EndAlert, alert: 51, asked: true}},
			kind: wire.Refused, reason: wire.BadSignature,
		},
		{
			name: "leaf that is no certificate", change: func(a *attack.Attack) { a.Chain[0] = []byte("not DER") },
			saw: map[string]sight{
				"1.2": {end: attack.EndAlert, alert: 50, asked: true},
				"1.3": {handshake: true, end: attack.EndAlert, alert: 50, asked: true},
			},
			kind: wire.Refused, reason: wire.BadCertificate,
		},
		{
			name: "TLS 1.1", versions: []string{"1.1"}, change: func(*attack.Attack) {},
			saw: map[string]sight{"": {end: attack.EndAlert, alert: 70}}, kind: wire.Refused, reason: wire.ProtocolVersion,
		},
		{
			name: "TLS 1.0", versions: []string{"1.0"}, change: func(*attack.Attack) {},
			saw: map[string]sight{"": {end: attack.EndAlert, alert: 70}}, kind: wire.Refused, reason: wire.ProtocolVersion,
		},
		{
			name: "RC4", versions: []string{"1.2"},
			change: func(a *attack.Attack) { a.Suites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA} },
			saw:    map[string]sight{"": {end: attack.EndAlert, alert: 40}}, kind: wire.Refused, reason: wire.ProtocolError,
		},
		{
			name: "plain message", change: func(a *attack.Attack) { a.NoTLS = true },
			saw: map[string]sight{"": {end: attack.EndEOF}}, kind: wire.Refused, reason: wire.NotTLS,
		},
		{
			name: "plain message and away", change: func(a *attack.Attack) { a.NoTLS, a.HangUp = true, true },
			saw: map[string]sight{"": {end: attack.EndHungUp}}, kind: wire.Refused, reason: wire.NotTLS,
		},
		{
			name: "preface", change: func(a *attack.Attack) { a.Preface = []byte("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n") },
			saw: map[string]sight{"": {end: attack.EndEOF}}, kind: wire.Refused, reason: wire.NotTLS,
		},
		{
			name: "nothing but a handshake", change: func(a *attack.Attack) { a.Message = "" },
			saw: map[string]sight{"": {handshake: true, end: attack.EndCloseNotify, asked: true}},
		},
		{
			name: "truncated", change: func(a *attack.Attack) { a.Truncate = true },
			saw:  map[string]sight{"": {handshake: true, end: attack.EndCloseNotify, asked: true}},
			kind: wire.Failed, reason: wire.Disconnected,
		},
		{
			name: "resumed", change: func(a *attack.Attack) { a.Resume = new(attack.Resume) },
			saw:  map[string]sight{"": {handshake: true, end: attack.EndCloseNotify, receipt: true}},
			kind: wire.Received,
		},
	} {
		versions := c.versions
		if versions == nil {
			versions = bothVersions
		}
		for _, version := range versions {
			t.Run(c.name+", "+version, func(t *testing.T) {
				a := p.asClient(t, idOf(t), version, address)
				c.change(&a)
				f.begin(a)
				seen := f.evidence(a.ID).Last()
				want, ok := c.saw[version]
				if !ok {
					want = c.saw[""]
				}
				if got := sightOf(seen, a.Message); got != want {
					t.Errorf("saw %+v, want %+v (%+v)", got, want, seen)
				}
				if c.kind == "" {
					return
				}
				said := server.outcome(func(o wire.Outcome) bool { return o.Remote == seen.Local })
				if said.Kind != c.kind || said.Reason != c.reason {
					t.Errorf("the server says %s %s, want %s %s (%s)", said.Kind, said.Reason, c.kind, c.reason, said.Detail)
				}
			})
		}
	}
}

// All kinds of keys can be right, and wrong.
func TestKeys(t *testing.T) {
	t.Parallel()
	f := newFighter(t)
	for _, algorithm := range []pki.Algorithm{pki.ECDSAP256, pki.ECDSAP384, pki.RSA2048, pki.Ed25519} {
		p := newPair(t, algorithm)
		_, address := startServer(t, p)
		for _, version := range bothVersions {
			t.Run(string(algorithm)+", "+version, func(t *testing.T) {
				right := p.asClient(t, idOf(t), version, address)
				wrong := right
				wrong.ID, wrong.WrongKey = right.ID+"-wrong", true
				f.begin(right)
				f.begin(wrong)
				if seen := f.evidence(right.ID).Last(); !sightOf(seen, right.Message).receipt {
					t.Errorf("the right key: %+v", seen)
				}
				if seen := f.evidence(wrong.ID).Last(); seen.Alert == nil || seen.Alert.Code != 51 {
					t.Errorf("the wrong key: %+v", seen)
				}
			})
		}
	}
}

// A connection that resumes tells so, and its session may be an earlier attack's.
func TestResume(t *testing.T) {
	t.Parallel()
	p := newPair(t, "")
	_, address := startServer(t, p)
	f := newFighter(t)
	for _, version := range bothVersions {
		t.Run(version, func(t *testing.T) {
			first := p.asClient(t, "first-"+version, version, address)
			first.Keep = true
			f.begin(first)
			if seen := f.evidence(first.ID).Last(); !seen.Session || seen.TLS == nil || seen.TLS.Resumed {
				t.Fatalf("the first: %+v", seen)
			}
			second := p.asClient(t, "second-"+version, version, address)
			second.Resume = &attack.Resume{From: first.ID}
			f.begin(second)
			evidence := f.evidence(second.ID)
			if seen := evidence.Last(); len(evidence.Connections) != 1 || !seen.TLS.Resumed ||
				!sightOf(seen, second.Message).receipt {
				t.Errorf("the second: %+v", evidence)
			}
			alone := p.asClient(t, "alone-"+version, version, address)
			alone.Resume = &attack.Resume{Message: "first things first"}
			f.begin(alone)
			evidence = f.evidence(alone.ID)
			if len(evidence.Connections) != 2 || !evidence.Connections[0].Session || !evidence.Last().TLS.Resumed {
				t.Fatalf("alone: %+v", evidence)
			}
			if got := sightOf(evidence.Connections[0], "first things first"); !got.receipt {
				t.Errorf("its first connection: %+v", evidence.Connections[0])
			}
		})
	}
	stray := p.asClient(t, "stray", "1.3", address)
	stray.Resume = &attack.Resume{From: "nobody"}
	f.begin(stray)
	if report := f.await(func(r attack.Report) bool { return r.ID == "stray" }); report.Error == "" {
		t.Errorf("resuming what is not kept: %+v", report)
	}
}

// A session is of no use once its certificate has expired: our own server, and
// the wait for it.
func TestResumeAfterExpiry(t *testing.T) {
	t.Parallel()
	p := newPair(t, "")
	server, address := startServer(t, p)
	f := newFighter(t)
	soon := time.Now().Add(2500 * time.Millisecond).Truncate(time.Second)
	p.client = must[*pki.Identity](t)(p.authority.Issue(pki.Request{Role: wire.Client, Name: "client", NotAfter: soon}))
	for _, version := range bothVersions {
		a := p.asClient(t, "expired-"+version, version, address)
		a.Resume = &attack.Resume{AfterExpiry: true}
		f.begin(a)
	}
	for _, version := range bothVersions {
		evidence := f.evidence("expired-" + version)
		if len(evidence.Connections) != 2 || !evidence.Connections[0].Session ||
			!strings.Contains(evidence.Connections[0].Heard, "sha256") {
			t.Fatalf("%s: no session: %+v", version, evidence)
		}
		seen := evidence.Last()
		if began := seen.Began; began.Before(soon.Add(time.Second)) {
			t.Errorf("%s: resumed at %v, and the leaf was good until %v", version, began, soon)
		}
		if seen.Alert == nil || sightOf(seen, "nonce of "+"expired-"+version).receipt {
			t.Errorf("%s: saw %+v", version, seen)
		}
		if said := server.outcome(ofConnection(seen.Local)); said.Kind != wire.Refused || said.Reason != wire.Expired {
			t.Errorf("%s: the server says %s %s", version, said.Kind, said.Reason)
		}
	}
	late := newPair(t, "").asClient(t, "late", "1.3", address)
	late.Resume = &attack.Resume{AfterExpiry: true}
	f.begin(late)
	if report := f.await(func(r attack.Report) bool { return r.ID == "late" }); report.Error == "" {
		t.Errorf("a leaf good for a day: %+v", report)
	}
}

// Nobody there, and somebody who says nothing.
func TestUnreachableAndSilent(t *testing.T) {
	t.Parallel()
	p := newPair(t, "")
	f := newFighter(t)
	f.begin(p.asClient(t, "unreachable", "1.3", "127.0.0.1:1"))
	if seen := f.evidence("unreachable").Last(); seen.End != attack.EndUnreachable || seen.Detail == "" {
		t.Errorf("saw %+v", seen)
	}
	silent := silence(t)
	a := p.asClient(t, "silent", "1.3", silent)
	a.Limit = time.Second
	f.begin(a)
	if seen := f.evidence("silent").Last(); seen.End != attack.EndTimeout || seen.Handshake {
		t.Errorf("saw %+v", seen)
	}
}
