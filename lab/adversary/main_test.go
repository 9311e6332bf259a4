package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

const patience = 30 * time.Second // of tests; longer than anything that passes takes

// binaries are our own server and client, as they are.
var binaries = sync.OnceValues(func() (map[string]string, error) {
	return images.Binaries(context.Background(), "",
		images.Source{Name: "server", Package: "./server"}, images.Source{Name: "client", Package: "./client"})
})

func built(t testing.TB, name string) string {
	t.Helper()
	paths, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	return paths[name]
}

func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// pair is an authority, and an identity of it for either role.
type pair struct {
	authority      *pki.Authority
	server, client *pki.Identity
}

func newPair(t testing.TB, algorithm pki.Algorithm) pair {
	t.Helper()
	a := must[*pki.Authority](t)(pki.New(pki.Config{Algorithm: algorithm}))
	issue := must[*pki.Identity](t)
	return pair{
		authority: a,
		server:    issue(a.Issue(pki.Request{Role: wire.Server, Name: "server", DNS: []string{"server"}})),
		client:    issue(a.Issue(pki.Request{Role: wire.Client, Name: "client"})),
	}
}

func present(t testing.TB, id *pki.Identity) (chain [][]byte, key []byte) {
	t.Helper()
	for _, cert := range id.Chain {
		chain = append(chain, cert.Raw)
	}
	return chain, marshalKey(t, id.Key)
}

// fighter is an adversary in this process.
type fighter struct {
	t     testing.TB
	lines *io.PipeWriter

	mu      sync.Mutex
	reports []attack.Report
	changed chan struct{} // closed, and replaced, at every report
	done    chan int      // its exit code
}

func newFighter(t testing.TB, args ...string) *fighter {
	t.Helper()
	in, lines := io.Pipe()
	out, reports := io.Pipe()
	f := &fighter{t: t, lines: lines, changed: make(chan struct{}), done: make(chan int, 1)}
	errs := new(bytes.Buffer)
	go func() {
		code := run(t.Context(), args, func(string) (string, bool) { return "", false }, stdio{in, reports, errs})
		_ = reports.Close()
		f.done <- code
	}()
	read := make(chan struct{})
	go func() {
		defer close(read)
		f.read(out)
	}()
	t.Cleanup(func() {
		_ = lines.Close()
		<-read
		if errs.Len() > 0 {
			t.Errorf("standard error: %s", errs)
		}
	})
	return f
}

func (f *fighter) read(out io.Reader) {
	scanner := bufio.NewScanner(out)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		report, err := attack.ParseReport(scanner.Bytes())
		if err != nil {
			f.t.Errorf("%v: %s", err, scanner.Bytes())
		}
		f.mu.Lock()
		f.reports = append(f.reports, report)
		close(f.changed)
		f.changed = make(chan struct{})
		f.mu.Unlock()
	}
}

func (f *fighter) tell(line string) {
	f.t.Helper()
	if _, err := io.WriteString(f.lines, line+"\n"); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fighter) begin(a attack.Attack) {
	f.t.Helper()
	f.tell(string(must[[]byte](f.t)(json.Marshal(a))))
}

// await returns the first report that matches.
func (f *fighter) await(match func(attack.Report) bool) attack.Report {
	f.t.Helper()
	limit := time.After(patience)
	for next := 0; ; {
		f.mu.Lock()
		reports, changed := f.reports[next:], f.changed
		f.mu.Unlock()
		for _, report := range reports {
			if match(report) {
				return report
			}
		}
		next += len(reports)
		select {
		case <-changed:
		case <-limit:
			f.t.Fatalf("no such report among %+v", f.reports)
		}
	}
}

func (f *fighter) evidence(id string) attack.Evidence {
	f.t.Helper()
	report := f.await(func(r attack.Report) bool { return r.ID == id && r.Listening == "" })
	if report.Evidence == nil {
		f.t.Fatalf("%s: %s", id, report.Error)
	}
	return *report.Evidence
}

func (f *fighter) listening(id string) string {
	f.t.Helper()
	report := f.await(func(r attack.Report) bool { return r.ID == id })
	if report.Listening == "" {
		f.t.Fatalf("%s: %+v", id, report)
	}
	return report.Listening
}

// subject is our own server or client as a process.
type subject struct {
	t     testing.TB
	lines chan wire.Outcome
	past  []wire.Outcome
	code  func() int
}

func startSubject(t testing.TB, name string, material wire.Material, args ...string) *subject {
	t.Helper()
	var in bytes.Buffer
	if err := material.WriteTar(&in); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(
		t.Context(),
		built(t, name),
		append([]string{"-log", "json", "-material", "-"}, args...)...)
	cmd.Env, cmd.Stdin = []string{}, &in
	out := must[io.ReadCloser](t)(cmd.StdoutPipe())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &subject{t: t, lines: make(chan wire.Outcome, 4096)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			if outcome, err := wire.ParseOutcome(scanner.Bytes()); err == nil {
				s.lines <- outcome
			}
		}
	}()
	wait := sync.OnceValue(func() int {
		<-read
		_ = cmd.Wait()
		return cmd.ProcessState.ExitCode()
	})
	s.code = wait
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		wait()
	})
	return s
}

// outcome returns the first outcome, past or to come, that matches.
func (s *subject) outcome(match func(wire.Outcome) bool) wire.Outcome {
	s.t.Helper()
	for _, o := range s.past {
		if match(o) {
			return o
		}
	}
	limit := time.After(patience)
	for {
		select {
		case o := <-s.lines:
			s.past = append(s.past, o)
			if match(o) {
				return o
			}
		case <-limit:
			s.t.Fatalf("no such outcome among %+v", s.past)
		}
	}
}

// startServer returns the server and where it listens.
func startServer(t testing.TB, p pair, args ...string) (*subject, string) {
	t.Helper()
	s := startSubject(
		t,
		"server",
		p.server.Material(p.authority),
		append([]string{"-listen", "127.0.0.1:0"}, args...)...)
	return s, s.outcome(func(o wire.Outcome) bool { return o.Kind == wire.Listening }).Local
}

// asClient is an honest client's attack.
func (p pair) asClient(t testing.TB, id, version, address string) attack.Attack {
	chain, key := present(t, p.client)
	return attack.Attack{
		ID: id, Role: wire.Client, Connect: address, SNI: "server", Version: version,
		Chain: chain, Key: key, Message: "nonce of " + id, Limit: patience,
	}
}

// asServer is an honest server's.
func (p pair) asServer(t testing.TB, id, version string) attack.Attack {
	chain, key := present(t, p.server)
	return attack.Attack{
		ID: id, Role: wire.Server, Listen: "127.0.0.1:0", Version: version,
		Chain: chain, Key: key, Limit: patience,
	}
}

var idChars = strings.NewReplacer(" ", "-", ",", "", "/", "-")

func idOf(t testing.TB) string { return idChars.Replace(t.Name()) }

func ofConnection(local string) func(wire.Outcome) bool {
	return func(o wire.Outcome) bool { return o.Remote == local }
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		env  map[string]string
		code int
		out  string
	}{
		{name: "help", args: []string{"-help"}, out: "It judges nothing"},
		{name: "version", args: []string{"-version"}, out: "adversary "},
		{name: "nothing to do"},
		{name: "argument", args: []string{"attack"}, code: exitUsage},
		{name: "unknown flag", args: []string{"-server"}, code: exitUsage},
		{name: "negative lifetime", args: []string{"-lifetime", "-1s"}, code: exitUsage},
		{name: "lifetime of the environment", env: map[string]string{"MTLSLAB_LIFETIME": "soon"}, code: exitUsage},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			lookup := func(name string) (string, bool) { value, ok := c.env[name]; return value, ok }
			code := run(t.Context(), c.args, lookup, stdio{strings.NewReader(""), &out, &errs})
			if code != c.code || !strings.Contains(out.String(), c.out) || (errs.Len() > 0) != (code != exitDone) {
				t.Errorf("exits with %d and says %q, %q", code, &out, &errs)
			}
		})
	}
}

// A lifetime ends the process though its input goes on.
func TestLifetime(t *testing.T) {
	t.Parallel()
	f := newFighter(t, "-lifetime", "50ms")
	p := newPair(t, "")
	f.begin(p.asServer(t, "s", ""))
	select {
	case code := <-f.done:
		if code != exitDone {
			t.Errorf("exits with %d", code)
		}
	case <-time.After(patience):
		t.Error("lives on")
	}
}

// Output that nobody reads ends the process, and so does input that breaks.
func TestBrokenPipes(t *testing.T) {
	t.Parallel()
	in, lines := io.Pipe()
	out, reports := io.Pipe()
	_ = out.Close()
	var errs bytes.Buffer
	done := make(chan int, 1)
	go func() { done <- run(t.Context(), nil, os.LookupEnv, stdio{in, reports, &errs}) }()
	_, _ = io.WriteString(lines, "{}\n")
	if code := <-done; code != exitFailed || !strings.Contains(errs.String(), "standard output") {
		t.Errorf("exits with %d and says %q", code, &errs)
	}
	errs.Reset()
	in, lines = io.Pipe()
	_ = lines.CloseWithError(fmt.Errorf("broken"))
	if code := run(t.Context(), nil, os.LookupEnv, stdio{in, io.Discard, &errs}); code != exitFailed ||
		!strings.Contains(errs.String(), "standard input") {
		t.Errorf("exits with %d and says %q", code, &errs)
	}
}
