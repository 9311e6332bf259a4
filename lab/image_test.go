package lab_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/exchange"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// startContainers makes a lab of containers, or skips the test.
func startContainers(t *testing.T) *lab.Lab {
	t.Helper()
	requireEngine(t)
	return start(t, lab.Config{Runtime: sandbox.Containers})
}

// serverAs is a program of ours as somebody else would see it: an image, with an
// adapter, and no account of its own.
func serverAs(t *testing.T, l *lab.Lab, source images.Source, args ...string) *adapter.Adapter {
	t.Helper()
	no := false
	return &adapter.Adapter{
		Name: "stranger", Role: wire.Server, Image: imageOf(t, l, source), Port: 12345, Speaks: adapter.Line, Admits: true,
		Material:  adapter.Material{Files: adapter.Layout{CA: "ca.crt", Cert: "tls.crt", Key: "tls.key", CRL: "crl.pem"}},
		Command:   append([]string{"-material", "{{.Dir}}", "-listen", ":{{.Port}}", "-allow", "{{.Client}}"}, args...),
		Delivered: adapter.Delivered{Echo: &no, Match: `"sha256":"[0-9a-f]{64}"`},
	}
}

func clientAs(t *testing.T, l *lab.Lab, source images.Source, args ...string) *adapter.Adapter {
	t.Helper()
	return &adapter.Adapter{
		Name: "stranger", Role: wire.Client, Image: imageOf(t, l, source), Speaks: adapter.Line,
		Material: adapter.Material{Files: adapter.Layout{CA: "ca.crt", Cert: "tls.crt", Key: "tls.key", CRL: "crl.pem"}},
		Command: slices.Concat([]string{
			"/" + strings.TrimPrefix(
				source.Name,
				"broken-",
			), "-material", "{{.Dir}}", "-connect", "{{.IP}}:{{.Port}}", "-server-name", "{{.Host}}",
		}, args, []string{"{{.Message}}"}),
		Delivered: adapter.Delivered{Exit: []int{0, 6}}, // 6: what came back was the message, and no receipt
	}
}

func imageOf(t *testing.T, l *lab.Lab, source images.Source) string {
	t.Helper()
	in, err := sandbox.IsolatedOf(l.Sandbox())
	if err != nil {
		t.Fatal(err)
	}
	made, err := images.Ensure(t.Context(), in.Engine(), source)
	if err != nil {
		t.Fatal(err)
	}
	return made[0].Ref
}

var (
	brokenServer = images.Source{Name: "broken-server", Package: "./lab/testdata/brokenserver", Like: "server"}
	brokenClient = images.Source{Name: "broken-client", Package: "./lab/testdata/brokenclient", Like: "client"}
)

// TestImageServers audits servers by what is seen of them from outside alone:
// our own passes, and those that are broken on purpose are caught, by cases that
// name their fault.
func TestImageServers(t *testing.T) {
	t.Parallel()
	l := startContainers(t)
	for _, test := range []struct {
		name   string
		source images.Source
		args   []string
		cases  []string // all if empty
		want   finding.Status
		caught []string // each case of them, and no other
	}{
		{name: "our own", source: peer.ServerSource, want: finding.Passed},
		{name: "authenticates nobody", source: brokenServer, args: []string{"-fault", "accepts-any"},
			cases: []string{"chain/other-authority", "validity/expired", "protocol/wrong-key"},
			want:  finding.Failed, caught: []string{"chain/other-authority", "validity/expired"}},
		{name: "asks and does not insist", source: brokenServer, args: []string{"-fault", "requests-only"},
			cases: []string{"chain/other-authority", "protocol/no-client-certificate"},
			want:  finding.Failed, caught: []string{"protocol/no-client-certificate"}},
		{name: "says nothing", source: brokenServer, args: []string{"-fault", "closes-on-bad-input"},
			cases: []string{"chain/other-authority"}, want: finding.Passed},
		{name: "has a word for strangers", source: brokenServer, args: []string{"-fault", "leaks-its-reply"},
			cases: []string{"chain/other-authority"}, want: finding.Inconclusive, caught: []string{"chain/other-authority"}},
		{name: "takes plain text", source: brokenServer, args: []string{"-fault", "takes-plain-text"},
			cases: []string{"framing/plain-text-client", "chain/other-authority"},
			want:  finding.Failed, caught: []string{"framing/plain-text-client"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := serverAs(t, l, test.source, test.args...)
			checkImage(
				t,
				l,
				audit.Audit{Role: wire.Server, Peer: foreign.Image{Adapter: a}, Cases: test.cases},
				test.want,
				test.caught,
			)
		})
	}
}

// TestImageClients is the same for clients.
func TestImageClients(t *testing.T) {
	t.Parallel()
	l := startContainers(t)
	for _, test := range []struct {
		name   string
		source images.Source
		args   []string
		alter  func(*adapter.Adapter)
		cases  []string
		want   finding.Status
		caught []string
	}{
		{name: "our own", source: peer.ClientSource, want: finding.Passed},
		{name: "authenticates nobody", source: brokenClient, args: []string{"-fault", "accepts-any"},
			cases: []string{"chain/other-authority", "validity/expired", "protocol/wrong-key"},
			want:  finding.Failed, caught: []string{"chain/other-authority", "validity/expired"}},
		{name: "checks no name", source: brokenClient, args: []string{"-fault", "skips-names"},
			cases: []string{"chain/other-authority", "identity/other-host"},
			want:  finding.Failed, caught: []string{"identity/other-host"}},
		{name: "hangs", source: brokenClient, args: []string{"-fault", "hangs-on-bad-input"},
			cases: []string{"chain/other-authority"}, want: finding.Inconclusive, caught: []string{"chain/other-authority"}},
		{name: "crashes", source: brokenClient, args: []string{"-fault", "crashes-on-bad-input"},
			alter: func(a *adapter.Adapter) {
				a.Env = map[string]string{"GOTRACEBACK": "crash"}
			}, cases: []string{"chain/other-authority"}, want: finding.Inconclusive, caught: []string{"chain/other-authority"}},
		{name: "calls everything a success", source: peer.ClientSource, alter: func(a *adapter.Adapter) {
			for code := range 128 {
				a.Delivered.Exit = append(a.Delivered.Exit, code)
			}
		}, cases: []string{"chain/other-authority"}, want: finding.Inconclusive, caught: []string{"chain/other-authority"}},
		{name: "is told by its environment", source: peer.ClientSource, alter: func(a *adapter.Adapter) {
			at := slices.Index(a.Command, "-material")
			a.Env = map[string]string{"MTLSLAB_MATERIAL": a.Command[at+1]}
			a.Command = slices.Delete(a.Command, at, at+2)
		}, cases: []string{
			"operational/no-trust", "operational/no-key", "revocation/issuer", "chain/other-authority",
		}, want: finding.Passed},
		{name: "has its files at fixed places", source: peer.ClientSource, alter: func(a *adapter.Adapter) {
			a.Material.Dir = "/certs"
			a.Command[slices.Index(a.Command, "{{.Dir}}")] = "/certs"
		}, cases: []string{
			"operational/no-trust", "operational/no-key", "revocation/issuer",
			"chain/other-authority", "validity/expired",
		}, want: finding.Passed},
		{name: "takes a name from anywhere in the chain", source: brokenClient, args: []string{"-fault", "names-from-chain"},
			cases: []string{"identity/host-in-issuer", "identity/other-host", "chain/other-authority"},
			want:  finding.Passed, caught: []string{"identity/host-in-issuer"}}, // only an authority could do that
		{name: "says that it was served when it was refused", source: brokenClient,
			args:  []string{"-fault", "believes-its-handshake"},
			cases: []string{"protocol/refused-afterwards", "chain/other-authority"},
			want:  finding.Passed, caught: []string{"protocol/refused-afterwards"}},
		{name: "falls back", source: brokenClient, args: []string{"-fault", "falls-back-to-plain-text"},
			cases: []string{"protocol/plain-text-server", "chain/other-authority"},
			want:  finding.Failed, caught: []string{"protocol/plain-text-server"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := clientAs(t, l, test.source, test.args...)
			if test.alter != nil {
				test.alter(a)
			}
			checkImage(
				t,
				l,
				audit.Audit{Role: wire.Client, Peer: foreign.Image{Adapter: a}, Cases: test.cases, Profile: cases.RFC5280},
				test.want,
				test.caught,
			)
		})
	}
}

func checkImage(t *testing.T, l *lab.Lab, tried audit.Audit, want finding.Status, caught []string) {
	t.Helper()
	result, err := l.Audit(t.Context(), tried)
	if err != nil {
		t.Fatal(err)
	}
	if got := result.Verdict(); got != want {
		t.Errorf("the verdict is %s, want %s", got, want)
	}
	seen := make(map[string]bool)
	for _, f := range append(result.Findings, result.Controls...) {
		if f.Status == finding.Passed || f.Status == finding.Untried {
			continue
		}
		seen[f.Case] = true
		if !slices.Contains(caught, f.Case) {
			t.Errorf(
				"%s [%s] is %s: %s %s\n  client: %s\n  server: %s",
				f.Case,
				f.Version,
				f.Status,
				f.Decision,
				f.Means,
				f.Client,
				f.Server,
			)
		}
	}
	for _, id := range caught {
		if !seen[id] {
			t.Errorf("%s passed", id)
		}
	}
	t.Logf(
		"%d findings, %d untried, in %v",
		len(result.Findings),
		result.Count(finding.Untried),
		result.Took.Round(time.Millisecond),
	)
}

// A server that does not speak the last version of TLS is tried in the one that it
// speaks.
func TestServerOfAnOldVersion(t *testing.T) {
	t.Parallel()
	l := startContainers(t)
	a := serverAs(t, l, brokenServer, "-fault", "stops-at-tls-1.2")
	ids := []string{"validity/expired", "operational/no-trust", "usage/key-agreement-only"}
	result, err := l.Audit(
		t.Context(),
		audit.Audit{Role: wire.Server, Peer: foreign.Image{Adapter: a}, Cases: ids, Once: true},
	)
	if err != nil {
		t.Fatal(err)
	}
	if result.Verdict() != finding.Passed || result.Count(finding.Passed) != len(ids) {
		t.Errorf("%s: %d passed", result.Verdict(), result.Count(finding.Passed))
	}
	for _, f := range result.Findings {
		if (f.Status == finding.Passed) != (f.Version == "1.2") {
			t.Errorf("%s [%s] is %s: %s", f.Case, f.Version, f.Status, f.Means)
		}
	}
}

// TestWrongAdapter tells an adapter that is wrong from a peer that is.
func TestWrongAdapter(t *testing.T) {
	t.Parallel()
	l := startContainers(t)
	for _, test := range []struct {
		name   string
		client bool
		alter  func(*adapter.Adapter)
		look   string // what the error says to look at
	}{
		{name: "path", alter: func(a *adapter.Adapter) { a.Material.Files.CA = "elsewhere.crt" }, look: "material"},
		{name: "port", alter: func(a *adapter.Adapter) { a.Port, a.Command[3] = 12346, ":12345" }, look: "port"},
		{name: "readiness", alter: func(a *adapter.Adapter) { a.Ready.Log = "never said" }, look: "ready.log"},
		{name: "delivered", alter: func(a *adapter.Adapter) { a.Delivered.Match = "never answered" }, look: "delivered"},
		{name: "logs", alter: func(a *adapter.Adapter) {
			a.Image, a.Logs, a.Command = imageOf(t, l, brokenServer), true, append(a.Command, "-fault", "keeps-no-log")
		}, look: "logs"},
		{name: "exits at once", alter: func(a *adapter.Adapter) { a.Command = []string{"-no-such-flag"} }, look: "command"},
		{
			name:  "no such program",
			alter: func(a *adapter.Adapter) { a.Entrypoint = []string{"/no/such/program"} }, look: "command",
		},
		{
			name: "client, no such program", client: true,
			alter: func(a *adapter.Adapter) { a.Command[0] = "/no/such/program" }, look: "command",
		},
		{
			name: "client, path", client: true,
			alter: func(a *adapter.Adapter) { a.Material.Files.Key = "elsewhere.key" }, look: "material",
		},
		{
			name: "client, delivered", client: true,
			alter: func(a *adapter.Adapter) { a.Delivered.Output = "never said" }, look: "delivered",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a, role := serverAs(t, l, peer.ServerSource), wire.Server
			a.Ready.Within = "3s"
			if test.client {
				a, role = clientAs(t, l, peer.ClientSource), wire.Client
			}
			test.alter(a)
			if err := a.Check(); err != nil {
				t.Fatal(err)
			}
			_, err := l.Audit(
				t.Context(),
				audit.Audit{Role: role, Peer: foreign.Image{Adapter: a}, Cases: []string{"validity/expired"}},
			)
			wrong, ok := errors.AsType[*peer.UnusableError](err)
			if !ok {
				t.Fatalf("got %v, want an UnusableError", err)
			}
			if !strings.Contains(wrong.Look, test.look) {
				t.Errorf("look at %q, want %q\n%v", wrong.Look, test.look, wrong)
			}
			if len(wrong.Log) == 0 && !strings.HasSuffix(test.name, "no such program") && test.name != "logs" {
				t.Errorf("nothing of what it wrote:\n%v", wrong)
			}
			t.Log(wrong)
		})
	}
}

// TestImageExchange delivers messages between our own peers and those of
// images.
func TestImageExchange(t *testing.T) {
	t.Parallel()
	l := startContainers(t)
	server, client := foreign.Image{
		Adapter: serverAs(t, l, peer.ServerSource),
	}, foreign.Image{
		Adapter: clientAs(t, l, peer.ClientSource),
	}
	for _, x := range []exchange.Exchange{{Server: server}, {Client: client}, {Server: server, Client: client}} {
		v, err := l.Run(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		if v.Decision != verdict.WasDelivered {
			t.Errorf("%s\n  client: %s\n  server: %s", v, verdict.Account(&v.Client), verdict.Account(v.Server))
		}
	}
	stranger, err := l.Stranger(wire.Client)
	if err != nil {
		t.Fatal(err)
	}
	v, err := l.Run(t.Context(), exchange.Exchange{Server: server, Client: client, ClientMaterial: stranger})
	if err != nil || v.Decision == verdict.WasDelivered {
		t.Errorf("a stranger: %s, %v", v, err)
	}
}
