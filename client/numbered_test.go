package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/mtlslab/mtlslab/lab/journal"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// outcomes are all that a stream told.
func (r result) outcomes(t testing.TB) []wire.Outcome {
	t.Helper()
	var all []wire.Outcome
	for line := range strings.Lines(r.stdout) {
		o, err := wire.ParseOutcome([]byte(line))
		if err != nil {
			t.Fatalf("%v in %q; stderr %q", err, r.stdout, r.stderr)
		}
		all = append(all, o)
	}
	return all
}

func runNumbered(t testing.TB, p pair, address string, flags ...string) result {
	t.Helper()
	args := []string{
		"-log", "json", "-connect", address, "-server-name", serverName, "-every", "1ms",
		"-material", materialDir(t, p.client.Material(p.authority)),
	}
	return runClient(t, nil, slices.Concat(args, flags, []string{hello})...)
}

// Messages are numbered, and share connections as they are told to.
func TestStream(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	address := p.listenTLS(t, nil, acknowledge(nil))
	for _, c := range []struct {
		how     string
		links   int
		resumed int
	}{{keeps, 1, 0}, {anew, 5, 0}, {resumes, 5, 4}} {
		got := runNumbered(t, p, address, "-count", "5", "-connections", c.how)
		links, resumed := 0, 0
		for i, o := range got.outcomes(t) {
			links = o.Numbered.Connection
			if o.TLS.Resumed {
				resumed++
			}
			want := fmt.Sprintf("%s #%d", hello, i+1)
			if o.Kind != wire.Delivered || o.Message.Text != want || o.Numbered.Number != i+1 ||
				o.Numbered.Attempts != 1 || o.Receipt == nil || o.Numbered.Began.Before(o.Numbered.Due) {
				t.Errorf("%s: %+v of %q, want %q", c.how, o.Numbered, o.Message.Text, want)
			}
		}
		if got.code != wire.ExitDelivered || links != c.links || resumed != c.resumed {
			t.Errorf("%s: exit code %d, %d connections, %d resumed; want %+v", c.how, got.code, links, resumed, c)
		}
	}
}

// What may be lost is sent again, with its number; what is refused is not; and it goes on.
func TestSentAgain(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	var heard []string
	var dropped atomic.Int32
	drops := func(conn *tls.Conn) { // the first two, once it has read them
		message, err := wire.NewMessageReader(conn, wire.MaxMessage, nil).Next()
		if err != nil {
			return
		}
		heard = append(heard, message)
		if dropped.Add(1) > 2 {
			_ = writeReceipt(conn, message, nil)
		}
		_ = conn.Close()
	}
	got := runNumbered(t, p, p.listenTLS(t, nil, drops), "-count", "2", "-connections", anew)
	one, two := hello+" #1", hello+" #2"
	if want := []string{one, one, one, two}; !slices.Equal(heard, want) || got.code != wire.ExitDelivered {
		t.Errorf("the server heard %q, want %q; exit code %d", heard, want, got.code)
	}
	if all := got.outcomes(t); len(all) != 2 || all[0].Numbered.Attempts != 3 || all[0].Numbered.Unsure {
		t.Errorf("told %+v", got.stdout)
	}

	stranger := newPair(t)
	stranger.authority, stranger.server = p.authority, p.server
	got = runNumbered(t, stranger, p.listenTLS(t, nil, acknowledge(nil)), "-count", "2")
	for _, o := range got.outcomes(t) {
		if o.Kind != wire.RefusedByPeer || o.Numbered.Attempts != 1 {
			t.Errorf("who is refused is told %+v, %+v", o.Kind, o.Numbered)
		}
	}
	if got.code != wire.ExitRefusedByPeer {
		t.Errorf("who is refused exits with %d", got.code)
	}
}

// A message that was lost, and then refused, may have arrived.
func TestUnsure(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	good := wire.ServerConfig(credentials(t, p.server.Material(p.authority)), wire.Policy{})
	strict := wire.ServerConfig(
		credentials(t, p.server.Material(p.authority)), wire.Policy{Allow: []string{"spiffe://lab/nobody"}},
	)
	first := true
	address := listen(t, func(raw net.Conn) {
		defer raw.Close() //nolint:errcheck // done with it
		config := strict
		if first {
			config, first = good, false
		}
		conn := tls.Server(raw, config)
		if conn.Handshake() == nil {
			_, _ = conn.Read(make([]byte, 1))
			return
		}
		_ = raw.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, raw)
	})
	got := runNumbered(t, p, address, "-count", "1").outcomes(t)
	if len(got) != 1 || got[0].Kind != wire.RefusedByPeer || !got[0].Numbered.Unsure || got[0].Numbered.Attempts != 2 {
		t.Errorf("told %+v of %+v", got[0].Kind, got[0].Numbered)
	}
}

// Nobody is there for longer than a message may take.
func TestUnreachableStream(t *testing.T) {
	t.Parallel()
	got := runNumbered(t, newPair(t), closedPort(t), "-count", "1", "-timeout", "200ms")
	all := got.outcomes(t)
	if len(all) != 1 || all[0].Kind != wire.Unreachable || all[0].Numbered.Attempts < 2 ||
		got.code != wire.ExitUnreachable {
		t.Errorf("told %q, exit code %d", got.stdout, got.code)
	}
}

// New material is taken up by the next message, which goes by a connection of its own; material
// that cannot be used leaves the old in use.
func TestRenewedStream(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	next := p
	next.client = p.issue(t, pki.Request{Role: wire.Client, Name: "client"})
	broken := next.client.Material(p.authority)
	broken.Key = p.client.Material(p.authority).Key
	address := p.listenTLS(t, nil, acknowledge(nil))
	runs := func(material string, stdin io.Reader) *running {
		return runStream(
			t, stdin, "-connect", address, "-server-name", serverName, "-every", "1ms", "-material", material, hello,
		)
	}
	tar := func(to io.Writer, m wire.Material) {
		if err := m.WriteTar(to); err != nil {
			t.Error(err)
		}
	}

	in, end := io.Pipe()
	go tar(end, p.client.Material(p.authority))
	piped := runs(wire.Stdin, in)
	piped.await(t, func(o wire.Outcome) bool { return o.Kind == wire.Delivered })
	tar(end, broken)
	piped.await(t, func(o wire.Outcome) bool { return o.Kind == wire.ReloadFailed })
	tar(end, next.client.Material(p.authority))
	serial := wire.IdentityOf(next.client.Certificate).Serial
	o := piped.await(t, func(o wire.Outcome) bool { return o.Receipt != nil && o.Receipt.Client.Serial == serial })
	if o.Numbered.Connection != 2 {
		t.Errorf("with other material it goes by connection %d", o.Numbered.Connection)
	}
	_ = end.Close()
	if code := <-piped.code; code != wire.ExitDelivered {
		t.Errorf("exit code %d of a stream whose standard input has ended", code)
	}

	dir := materialDir(t, p.client.Material(p.authority))
	watching := runs(dir, nil)
	watching.await(t, func(o wire.Outcome) bool { return o.Kind == wire.Delivered })
	watching.hangup <- syscall.SIGHUP
	watching.await(t, func(o wire.Outcome) bool { return o.Numbered != nil && o.Numbered.Connection == 2 })
	if err := next.client.Material(p.authority).WriteDir(dir); err != nil {
		t.Fatal(err)
	}
	watching.await(t, func(o wire.Outcome) bool { return o.Receipt != nil && o.Receipt.Client.Serial == serial })
	watching.stop()
	if code := <-watching.code; code != wire.ExitDelivered {
		t.Errorf("exit code %d of a stream that was told to stop", code)
	}
}

// running is a stream that goes on.
type running struct {
	told   *journal.Journal[wire.Outcome]
	hangup chan os.Signal
	stop   func()
	code   chan int
}

func runStream(t *testing.T, stdin io.Reader, args ...string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &running{journal.New[wire.Outcome](), make(chan os.Signal, 1), stop, make(chan int, 1)}
	out, told := io.Pipe()
	go r.told.Read(out, wire.ParseOutcome)
	go func() {
		r.code <- run(ctx, r.hangup, append([]string{"-log", "json"}, args...), noEnvironment, stdio{stdin, told, io.Discard})
		_ = told.Close()
	}()
	return r
}

func (r *running) await(t *testing.T, match func(wire.Outcome) bool) wire.Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	o, err := r.told.Await(ctx, match)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestStreamOfPeople(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	address, dir := p.listenTLS(t, nil, acknowledge(nil)), materialDir(t, p.client.Material(p.authority))
	got := runClient(
		t, nil, "-connect", address, "-server-name", serverName, "-every", "1ms", "-count", "2", "-material", dir, hello,
	)
	lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "#1 delivered to spiffe://lab/server, in ") ||
		lines[2] != "2 messages, 2 delivered" {
		t.Errorf("it says %q", lines)
	}
}
