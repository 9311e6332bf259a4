package wire_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// fullOutcome has every field set, so that one left out of the JSON is missed.
func fullOutcome() wire.Outcome {
	yes, until := true, now.Add(time.Hour)
	id := wire.Identity{
		URIs:   []string{"spiffe://lab/peer"},
		DNS:    []string{"peer"},
		Serial: "2a",
		Key:    strings.Repeat("ab", 32),
	}
	negotiated := wire.Negotiated{
		Version: "TLS 1.3",
		Suite:   "TLS_AES_128_GCM_SHA256",
		Group:   "X25519MLKEM768",
		Resumed: true,
	}
	message := wire.DigestOf("Hello, <server> & all\u2028!")
	return wire.Outcome{
		Role: wire.Server, Kind: wire.Received, Time: now, Local: "127.0.0.1:1", Remote: "[::1]:2",
		Reason: wire.Expired, Alert: &wire.Alert{Code: 45, Name: "tls: expired"}, Detail: "line\nline",
		Peer: &id, TLS: &negotiated, Message: &message,
		Receipt: &wire.Receipt{SHA256: message.SHA256, Client: id, TLS: negotiated},
		Own:     &id, NotAfter: &until, RouteOut: &yes, Metrics: "m",
		Numbered: &wire.Numbered{
			Number: 7, Due: now, Began: now, Attempts: 2, Unsure: true, Connection: 3,
		},
		Tries: []wire.Try{{Address: "192.0.2.1:1", Result: wire.ReachNoRoute}},
	}
}

func TestOutcomeRoundTrip(t *testing.T) {
	want := fullOutcome()
	for i, v := 0, reflect.ValueOf(want); i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Fatalf("field %s is not set", v.Type().Field(i).Name)
		}
	}
	var line bytes.Buffer
	journal := &wire.Journal{Role: wire.Server, W: &line}
	if err := journal.Write(want); err != nil {
		t.Fatal(err)
	}
	if strings.Count(line.String(), "\n") != 1 || !strings.HasSuffix(line.String(), "\n") {
		t.Errorf("not one line: %q", line.String())
	}
	got, err := wire.ParseOutcome(line.Bytes())
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}

// Fields that do not belong to a kind are absent, not empty.
func TestOutcomeIsSparse(t *testing.T) {
	var line bytes.Buffer
	if err := (&wire.Journal{Role: wire.Client, W: &line}).Write(wire.Outcome{Kind: wire.Unreachable}); err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(line.Bytes(), &fields); err != nil || len(fields) != 3 {
		t.Errorf("fields %v, %v, want role, kind and time", fields, err)
	}
	if got, err := wire.ParseOutcome(line.Bytes()); err != nil || got.Role != wire.Client || time.Since(got.Time) < 0 ||
		got.Time.IsZero() {
		t.Errorf("got %+v, %v, want it stamped with role and time", got, err)
	}
}

func TestParseOutcomeFaults(t *testing.T) {
	for _, c := range []struct{ name, line string }{
		{"nothing", ""},
		{"text", "listening"},
		{"another type", "[]"},
		{"no role", `{"kind":"delivered"}`},
		{"no kind", `{"role":"client"}`},
		{"two", `{"role":"client","kind":"delivered"}{"role":"client","kind":"delivered"}`},
		{"alert that is none", `{"role":"client","kind":"refused_by_peer","alert":{"code":256}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := wire.ParseOutcome([]byte(c.line)); err == nil {
				t.Errorf("got %+v, want an error", got)
			}
		})
	}
}

func TestJournalKeepsLinesApart(t *testing.T) {
	var lines bytes.Buffer
	journal := &wire.Journal{Role: wire.Server, W: &lines}
	var writers sync.WaitGroup
	for range 20 {
		writers.Go(func() {
			if err := journal.Write(fullOutcome()); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	for line := range bytes.Lines(lines.Bytes()) {
		if _, err := wire.ParseOutcome(line); err != nil {
			t.Error(err)
		}
	}
}

func TestDigestOf(t *testing.T) {
	long := strings.Repeat("x", 1<<10+1)
	if d := wire.DigestOf(long); d.Text != "" || d.Bytes != len(long) || len(d.SHA256) != 64 {
		t.Errorf("digest of a long message is %+v, want no text", d)
	}
	if d := wire.DigestOf(long[1:]); d.Text != long[1:] {
		t.Error("digest of 1 KiB has no text")
	}
}

func TestIdentity(t *testing.T) {
	cert := authority{}.issuing(t, "root", nil).leaf(t, nil).Leaf
	id := wire.IdentityOf(cert)
	if id.String() != "spiffe://lab/peer" || !id.Has("peer") || !id.Has("spiffe://lab/peer") || id.Serial != "2" ||
		len(id.Key) != 64 {
		t.Errorf("identity is %+v", id)
	}
	for _, name := range []string{"leaf", "PEER", "spiffe://lab/peer/", ""} {
		if id.Has(name) {
			t.Errorf("identity has %q", name)
		}
	}
	if got := (wire.Identity{Serial: "2a"}).String(); got != "serial 2a" {
		t.Errorf("nameless identity is %q", got)
	}
}

func TestExitCode(t *testing.T) {
	for kind, want := range map[wire.Kind]int{
		wire.Delivered: 0, wire.Failed: 1, wire.Refused: 3, wire.RefusedByPeer: 4, wire.Unreachable: 5,
		wire.NoReceipt: 6, "": 1,
	} {
		t.Run(string(kind), func(t *testing.T) {
			if got := kind.ExitCode(); got != want {
				t.Errorf("exit code %d, want %d", got, want)
			}
		})
	}
}
