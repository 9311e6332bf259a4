package attack_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// honest is an attack that is none.
func honest(t testing.TB, role wire.Role) attack.Attack {
	a := attack.Attack{ID: "x", Role: role, Chain: [][]byte{{0x30, 0}}, Key: marshalPKCS8(t, newKey(t))}
	if role == wire.Client {
		a.Connect, a.Message = "server:12345", "Hello, server!"
		return a
	}
	a.Listen = ":0"
	return a
}

// The line that an attack is, field by field: what reads and what writes it are
// two programs.
func TestAttackLine(t *testing.T) {
	a := attack.Attack{
		ID: "id", End: true, Role: wire.Client, Connect: "c:1", Listen: ":0", SNI: "s", Version: "1.3", Suites: []uint16{5},
		ALPN: []string{"p"}, Chain: [][]byte{{1}, {2}}, Key: []byte{3}, Message: "m", Tell: true, KeyLog: true,
		Limit: time.Second,
		Dialogue: &attack.Dialogue{
			Opening: []attack.Turn{{Hear: "o"}},
			Plain:   []attack.Turn{{Say: []byte{1}}},
			Talk:    []attack.Turn{{Hear: "t", Say: []byte{2}}},
		},
		Deviation: attack.Deviation{
			NoCertificate: true, WrongKey: true, WrongContext: true, Signature: []byte{6},
			NoCertificateRequest: true, Authorities: [][]byte{{4}}, Preface: []byte{5},
			NoTLS: true, Truncate: true, HangUp: true, Answer: "a", Keep: true, Refuse: true,
			Resume: &attack.Resume{
				From: "f", Message: "first", Uninvited: true, AfterExpiry: true, SNI: "o", Alter: true,
			},
		},
	}
	const want = `{"id":"id","end":true,"role":"client","connect":"c:1","listen":":0",` +
		`"sni":"s","version":"1.3","suites":[5],` +
		`"alpn":["p"],"chain":["AQ==","Ag=="],"key":"Aw==","message":"m",` +
		`"dialogue":{"opening":[{"hear":"o"}],"plain":[{"say":"AQ=="}],` +
		`"talk":[{"hear":"t","say":"Ag=="}]},"tell":true,"key_log":true,"limit_ns":1000000000,` +
		`"no_certificate":true,"wrong_key":true,"wrong_context":true,"signature":"Bg==",` +
		`"no_certificate_request":true,"authorities":["BA=="],"refuse":true,"preface":"BQ==",` +
		`"no_tls":true,"truncate":true,"hang_up":true,"answer":"a","keep":true,` +
		`"resume":{"from":"f","message":"first","uninvited":true,"after_expiry":true,"sni":"o","alter":true}}`
	line, err := json.Marshal(a)
	if err != nil || string(line) != want {
		t.Errorf("wrote %s, %v", line, err)
	}
	if again, err := attack.Parse(line); err != nil || !reflect.DeepEqual(again, a) {
		t.Errorf("read %+v, %v", again, err)
	}
	for name, value := range map[string]reflect.Value{
		"Attack": reflect.ValueOf(a), "Deviation": reflect.ValueOf(a.Deviation), "Resume": reflect.ValueOf(*a.Resume),
	} {
		for i := range value.NumField() {
			if value.Field(i).IsZero() {
				t.Errorf("%s.%s is not in this test", name, value.Type().Field(i).Name)
			}
		}
	}
}

// What cannot be done is an error, and never done in part.
func TestCheckAttack(t *testing.T) {
	for _, role := range []wire.Role{wire.Client, wire.Server} {
		if err := honest(t, role).Check(); err != nil {
			t.Errorf("honest %s: %v", role, err)
		}
	}
	for _, c := range []struct {
		name   string
		role   wire.Role
		change func(*attack.Attack)
	}{
		{"no id", wire.Client, func(a *attack.Attack) { a.ID = "" }},
		{"long id", wire.Client, func(a *attack.Attack) { a.ID = strings.Repeat("x", 257) }},
		{"no role", wire.Client, func(a *attack.Attack) { a.Role = "" }},
		{"negative limit", wire.Client, func(a *attack.Attack) { a.Limit = -1 }},
		{"limit over all limits", wire.Client, func(a *attack.Attack) { a.Limit = attack.MaxLimit + 1 }},
		{"two lines", wire.Client, func(a *attack.Attack) { a.Message = "a\nb" }},
		{"unknown version", wire.Client, func(a *attack.Attack) { a.Version = "1.4" }},
		{"no chain", wire.Client, func(a *attack.Attack) { a.Chain = nil }},
		{"no key", wire.Client, func(a *attack.Attack) { a.Key = nil }},
		{"context before there were any", wire.Client, func(a *attack.Attack) { a.Version, a.WrongContext = "1.2", true }},
		{"nowhere to go", wire.Client, func(a *attack.Attack) { a.Connect = "" }},
		{"client that listens", wire.Client, func(a *attack.Attack) { a.Listen = ":0" }},
		{"client that asks", wire.Client, func(a *attack.Attack) { a.NoCertificateRequest = true }},
		{"client that names authorities", wire.Client, func(a *attack.Attack) { a.Authorities = [][]byte{{1}} }},
		{"client that answers", wire.Client, func(a *attack.Attack) { a.Answer = "a" }},
		{"hanging up on TLS", wire.Client, func(a *attack.Attack) { a.HangUp = true }},
		{"session without TLS", wire.Client, func(a *attack.Attack) { a.NoTLS, a.Resume = true, &attack.Resume{} }},
		{
			"expiry of nothing", wire.Client,
			func(a *attack.Attack) { a.NoCertificate, a.Resume = true, &attack.Resume{AfterExpiry: true} },
		},
		{"SNI of an address", wire.Client, func(a *attack.Attack) { a.SNI = "192.0.2.1" }},
		{"SNI of an address in brackets", wire.Client, func(a *attack.Attack) { a.SNI = "[2001:db8::1]" }},
		{"SNI of an address with a zone", wire.Client, func(a *attack.Attack) { a.SNI = "fe80::1%eth0" }},
		{"SNI with a dot at its end", wire.Client, func(a *attack.Attack) { a.SNI = "server." }},
		{"nowhere to be", wire.Server, func(a *attack.Attack) { a.Listen = "" }},
		{"server that dials", wire.Server, func(a *attack.Attack) { a.Connect = "c:1" }},
		{"server with an SNI", wire.Server, func(a *attack.Attack) { a.SNI = "server" }},
		{"server without a certificate", wire.Server, func(a *attack.Attack) { a.NoCertificate = true }},
		{"server that hangs up", wire.Server, func(a *attack.Attack) { a.NoTLS, a.HangUp = true, true }},
		{"server that keeps", wire.Server, func(a *attack.Attack) { a.Keep = true }},
		{"server that resumes", wire.Server, func(a *attack.Attack) { a.Resume = &attack.Resume{} }},
		{"server that prefaces TLS", wire.Server, func(a *attack.Attack) { a.Preface = []byte("x") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := honest(t, c.role)
			c.change(&a)
			if a.Check() == nil {
				t.Errorf("%+v passes", a)
			}
		})
	}
}

// sentSNI repeats what crypto/tls does to names, so crypto/tls is asked.
func TestSNIIsSentAsItIs(t *testing.T) {
	for _, name := range []string{"server", "SERVER", "*.server", "a b", "server\x00.lab", "-", "[server", "fe80%1"} {
		a := honest(t, wire.Client)
		if a.SNI = name; a.Check() != nil {
			continue
		}
		server, client := net.Pipe()
		got := make(chan string, 1)
		go func() {
			conn := tls.Server(
				server,
				&tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
					got <- hello.ServerName
					return nil, io.EOF
				}},
			)
			_ = conn.HandshakeContext(t.Context())
			_ = server.Close() // with no alert, for which nobody would wait
		}()
		_ = tls.Client(client, &tls.Config{ServerName: name, InsecureSkipVerify: true}).HandshakeContext(t.Context())
		if sent := <-got; sent != name {
			t.Errorf("%q was sent as %q", name, sent)
		}
	}
}

func TestReportLine(t *testing.T) {
	began := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	r := attack.Report{ID: "id", Evidence: &attack.Evidence{
		Role: wire.Server, Began: began, Took: 9, Dropped: 1,
		Connections: []attack.Connection{{
			Local: "l:1", Remote: "r:2", Began: began, Connected: 1, Shaken: 2, Took: 3, Handshake: true, Plain: true, SNI: "s",
			TLS: &wire.Negotiated{
				Version: "TLS 1.3",
				Suite:   "S",
			}, ALPN: "p", Asked: true, Authorities: []string{"CN=one"},
			Peer: &wire.Identity{Serial: "5", Key: "6"}, Session: true, Sent: true, Heard: "one\r\ntwo", HeardBytes: 7,
			End: attack.EndAlert, Alert: &wire.Alert{Code: 48, Name: "unknown"},
			AlertSent: &wire.Alert{Code: 40, Name: "failure"}, Detail: "d",
		}},
	}}
	const want = `{"id":"id","evidence":{"role":"server","began":"2030-01-02T03:04:05Z","took_ns":9,"connections":[` +
		`{"local":"l:1","remote":"r:2","began":"2030-01-02T03:04:05Z","connect_ns":1,"handshake_ns":2,"took_ns":3,` +
		`"handshake":true,"plain":true,"sni":"s","tls":{"version":"TLS 1.3","suite":"S","resumed":false},"alpn":"p",` +
		`"asked":true,"authorities":["CN=one"],"peer":{"serial":"5","key":"6"},"session":true,"sent":true,` +
		`"heard":"one\r\ntwo","heard_bytes":7,"end":"alert","alert":{"code":48,"name":"unknown"},` +
		`"alert_sent":{"code":40,"name":"failure"},"detail":"d"}],"dropped":1}}`
	line, err := json.Marshal(r)
	if err != nil || string(line) != want {
		t.Errorf("wrote %s, %v", line, err)
	}
	again, err := attack.ParseReport(line)
	if err != nil || !reflect.DeepEqual(again, r) {
		t.Errorf("read %+v, %v", again, err)
	}
	if got := again.Evidence.Last().FirstLine(); got != "one" {
		t.Errorf("the first line is %q", got)
	}
	if !again.Evidence.Heard("two") || again.Evidence.Heard("three") {
		t.Error("what was heard is not found, or what was not is")
	}
	if last := (attack.Evidence{}).Last(); !reflect.DeepEqual(last, attack.Connection{}) {
		t.Errorf("the last of none is %+v", last)
	}
	for _, bad := range []string{``, `{}`, `{"id":"a"}`, `{"listening":":1"}`, `{"id":"a","listening":":1","error":"e"}`} {
		if r, err := attack.ParseReport([]byte(bad)); err == nil {
			t.Errorf("%s is read as %+v", bad, r)
		}
	}
	for _, good := range []string{`{"error":"e"}`, `{"id":"a","listening":":1"}`, `{"id":"a","evidence":{}}`} {
		if _, err := attack.ParseReport([]byte(good)); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
}

func TestEndingOf(t *testing.T) {
	for _, c := range []struct {
		name  string
		err   error
		ended bool
		want  attack.Ending
	}{
		{name: "close_notify", err: io.EOF, want: attack.EndCloseNotify},
		{name: "end of TCP", err: io.EOF, ended: true, want: attack.EndEOF},
		{name: "end of TCP within a record", err: io.ErrUnexpectedEOF, ended: true, want: attack.EndEOF},
		{name: "reset", err: fmt.Errorf("read: %w", syscall.ECONNRESET), want: attack.EndReset},
		{name: "broken pipe", err: fmt.Errorf("write: %w", syscall.EPIPE), want: attack.EndReset},
		{name: "timeout", err: os.ErrDeadlineExceeded, want: attack.EndTimeout},
		{name: "context's timeout", err: context.DeadlineExceeded, want: attack.EndTimeout},
		{name: "not TLS", err: tls.RecordHeaderError{}, want: attack.EndNotTLS},
		{name: "its own fault", err: errors.New("x"), want: attack.EndGaveUp},
		{
			name: "its own fault, told",
			err:  &wire.HandshakeError{Sent: &wire.Alert{Code: 40}, Err: errors.New("x")},
			want: attack.EndGaveUp,
		},
	} {
		end, received, sent := attack.EndingOf(c.err, c.ended)
		_, told := errors.AsType[*wire.HandshakeError](c.err)
		if end != c.want || received != nil || (sent != nil) != told {
			t.Errorf("%s: %s, %v, %v", c.name, end, received, sent)
		}
	}
}

func TestParseAlertRecord(t *testing.T) {
	alert, rest, ok := attack.ParseAlertRecord([]byte{21, 3, 3, 0, 2, 2, 70, 'x'})
	if !ok || alert.Code != 70 || string(rest) != "x" {
		t.Errorf("%+v, %q, %t", alert, rest, ok)
	}
	for _, b := range []string{
		"", "HTTP/1.1 200", "\x15\x03\x03\x00\x02\x02", "\x15\x03\x03\x00\x13\x02\x46",
		"\x16\x03\x03\x00\x02\x02\x46",
	} {
		if alert, rest, ok := attack.ParseAlertRecord([]byte(b)); ok || string(rest) != b {
			t.Errorf("%q is %+v", b, alert)
		}
	}
}

// What is read can be done, says what it does, and is the same when read again.
func FuzzParseAttack(f *testing.F) {
	for _, role := range []wire.Role{wire.Client, wire.Server} {
		line, err := json.Marshal(honest(f, role))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line)
	}
	f.Add([]byte(`{"id":"x","end":true}`))
	f.Add([]byte(`{"id":"x","role":"client","connect":"c:1","no_tls":true,"preface":"eA==","hang_up":true} `))
	f.Fuzz(func(t *testing.T, line []byte) {
		a, err := attack.Parse(line)
		if err != nil {
			return
		}
		again, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := attack.Parse(again)
		last, err2 := json.Marshal(b)
		if err != nil || err2 != nil || string(last) != string(again) {
			t.Errorf("%s became %s: %v, %v", again, last, err, err2)
		}
	})
}

func FuzzParseReport(f *testing.F) {
	f.Add([]byte(`{"id":"a","listening":"[::]:1"}`))
	f.Add([]byte(`{"id":"a","evidence":{"role":"client","connections":[{"end":"eof","heard":"x"}]}}`))
	f.Add([]byte(`{"error":"reading attack: EOF"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := attack.ParseReport(line)
		if err != nil {
			return
		}
		if r.Evidence != nil {
			_ = r.Evidence.Last().FirstLine()
		}
		again, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := attack.ParseReport(again); err != nil {
			t.Errorf("%s: %v", again, err)
		}
	})
}

func FuzzParseAlertRecord(f *testing.F) {
	f.Add([]byte{21, 3, 1, 0, 2, 2, 40})
	f.Fuzz(func(t *testing.T, b []byte) {
		alert, rest, ok := attack.ParseAlertRecord(b)
		if ok != (alert != nil) || ok && len(rest) != len(b)-7 || !ok && len(rest) != len(b) {
			t.Errorf("%x: %+v, %x", b, alert, rest)
		}
	})
}

func marshalPKCS8(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
