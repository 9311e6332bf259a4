//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/command"
)

const ample = 30 * time.Second

func TestErrands(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3*command.MaxOutput)
	for _, test := range []struct {
		name    string
		command command.Command
		want    command.Result
		takes   time.Duration // at most
	}{
		{
			name:    "code",
			command: command.Command{Argv: []string{"sh", "-c", "echo out; echo err >&2; exit 3"}},
			want:    command.Result{Exit: 3, Out: "out\n", Err: "err\n"},
		},
		{
			name:    "standard input",
			command: command.Command{Argv: []string{"cat"}, Stdin: []byte("hello\n")},
			want:    command.Result{Out: "hello\n"},
		},
		{
			name:    "hangs up when it has heard enough",
			command: command.Command{Argv: []string{"cat"}, Stdin: []byte("hello\n"), Hangup: "hel+o"},
			want:    command.Result{Out: "hello\n"},
		},
		{
			name: "does not hang up before",
			command: command.Command{
				Argv: []string{"cat"}, Stdin: []byte("hello\n"), Hangup: "bye", Limit: 300 * time.Millisecond,
			},
			want: command.Result{Exit: -1, Out: "hello\n", TimedOut: true},
		},
		{
			name:    "hangs",
			command: command.Command{Argv: []string{"sleep", "60"}, Limit: 100 * time.Millisecond},
			want:    command.Result{Exit: -1, TimedOut: true}, takes: ample,
		},
		{
			name:    "hangs, with a child",
			command: command.Command{Argv: []string{"sh", "-c", "sleep 60; true"}, Limit: 100 * time.Millisecond},
			want:    command.Result{Exit: -1, TimedOut: true}, takes: ample,
		},
		{name: "killed", command: command.Command{Argv: []string{"sh", "-c", "kill -9 $$"}}, want: command.Result{Exit: -1}},
		{
			name: "says much", command: command.Command{Argv: []string{"printf", long}},
			want: command.Result{Out: long[:command.MaxOutput]},
		},
		{name: "not text", command: command.Command{Argv: []string{"printf", `\377`}}, want: command.Result{Out: "\uFFFD"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.command.ID, test.want.ID = "id", "id"
			if test.command.Limit == 0 {
				test.command.Limit = ample
			}
			began := time.Now()
			if got := newRunner(io.Discard).run(t.Context(), test.command, newRunning()); got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
			if took := time.Since(began); test.takes > 0 && took > test.takes {
				t.Errorf("it took %v", took)
			}
		})
	}
	if back := newRunner(io.Discard).run(
		t.Context(), command.Command{ID: "id", Argv: []string{"/no/such/program"}, Limit: ample},
		newRunning(),
	); back.Fault == "" {
		t.Errorf("no such program: %+v", back)
	}
}

func lineOf(t *testing.T, e command.Command) []byte {
	t.Helper()
	line, err := json.Marshal(e)
	if err != nil {
		t.Error(err)
	}
	return append(line, '\n')
}

// TestRunner is told commands as lines, and what is no command.
func TestRunner(t *testing.T) {
	t.Parallel()
	in, lines := io.Pipe()
	out, reports := io.Pipe()
	go newRunner(reports).read(t.Context(), in)
	go func() {
		for i := range 20 {
			_, _ = lines.Write(
				lineOf(t, command.Command{ID: fmt.Sprint(i), Argv: []string{"echo", fmt.Sprint(i)}, Limit: ample}),
			)
		}
		_, _ = io.WriteString(lines, "{\"id\":\"empty\"}\nnonsense\n")
	}()
	seen := make(map[string]command.Result)
	for scanner := bufio.NewScanner(out); len(seen) < 22 && scanner.Scan(); {
		var back command.Result
		if err := json.Unmarshal(scanner.Bytes(), &back); err != nil {
			t.Fatal(err)
		}
		seen[back.ID] = back
	}
	for i := range 20 {
		if back := seen[fmt.Sprint(i)]; back.Out != fmt.Sprintln(i) || back.Exit != 0 {
			t.Errorf("%d: %+v", i, back)
		}
	}
	if seen["empty"].Fault == "" || seen[""].Fault == "" {
		t.Errorf("what is no command: %+v, %+v", seen["empty"], seen[""])
	}
}

// TestLook finds a socket that listens, and a process; and another socket of the same port
// is another.
func TestLook(t *testing.T) {
	t.Parallel()
	in, lines := io.Pipe()
	out, reports := io.Pipe()
	go newRunner(reports).read(t.Context(), in)
	answers := bufio.NewScanner(out)
	ask := func() command.Life {
		t.Helper()
		go func() { _, _ = lines.Write(lineOf(t, command.Command{ID: "look", Look: true})) }()
		var back command.Result
		if !answers.Scan() {
			t.Fatal("no answer")
		}
		if err := json.Unmarshal(answers.Bytes(), &back); err != nil || back.Life == nil {
			t.Fatalf("%s: %v", answers.Bytes(), err)
		}
		return *back.Life
	}
	listen := func(address string) (net.Listener, int) {
		t.Helper()
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		return listener, listener.Addr().(*net.TCPAddr).Port
	}
	inside, unreachable := listen("127.0.0.1:0")
	defer inside.Close() //nolint:errcheck // nothing was sent
	first, port := listen(":0")
	before := ask()
	if len(before.Listening[unreachable]) != 0 {
		t.Errorf("%d, which is reached from inside alone, is told", unreachable)
	}
	if len(before.Listening[port]) != 1 || before.Processes[os.Getppid()] == "" || before.Processes[os.Getpid()] != "" {
		t.Errorf("at %d listens %q; %d processes", port, before.Listening[port], len(before.Processes))
	}
	_ = first.Close()
	if gone := ask(); len(gone.Listening[port]) != 0 {
		t.Errorf("at %d still listens %q", port, gone.Listening[port])
	}
	again, _ := listen(first.Addr().String())
	defer func() { _ = again.Close() }()
	if after := ask(); slices.Equal(after.Listening[port], before.Listening[port]) {
		t.Errorf("another socket at %d is taken for the first: %q", port, after.Listening[port])
	}
}

// TestEndedCommand tells what a server says as it comes, sends it a signal, and lets
// it end in order.
func TestEndedCommand(t *testing.T) {
	t.Parallel()
	in, lines := io.Pipe()
	out, reports := io.Pipe()
	go newRunner(reports).read(t.Context(), in)
	// A shell sees to its traps between two commands; one that is about to wait
	// for a child in the background may miss a signal. SIGHUP it could not trap
	// where the tests run under nohup.
	const script = "trap 'echo again' USR1; trap 'echo bye; exit 5' TERM; echo $WHO >&2; while :; do sleep 0.02; done"
	line := lineOf(
		t,
		command.Command{ID: "s", Argv: []string{"sh", "-c", script}, Env: []string{"WHO=me"}, Limit: ample, Lines: true},
	)
	go func() { _, _ = lines.Write(line) }()
	var said []string
	for scanner := bufio.NewScanner(out); scanner.Scan(); {
		var back command.Result
		if err := json.Unmarshal(scanner.Bytes(), &back); err != nil {
			t.Fatal(err)
		}
		if back.Says == "" {
			if back.Exit != 5 || back.TimedOut || strings.Join(said, " ") != "me again bye" {
				t.Errorf("%+v, said %q", back, said)
			}
			return
		}
		said = append(said, back.Says)
		next := map[string]command.Command{"me": {ID: "s", Signal: "USR1"}, "again": {ID: "s", End: true}}[back.Says]
		if next.ID != "" {
			go func() { _, _ = lines.Write(lineOf(t, next)) }()
		}
	}
}

// TestOpenCommand is fed as it goes on, and told apart what it says and of what it complains.
func TestOpenCommand(t *testing.T) {
	t.Parallel()
	in, lines := io.Pipe()
	out, reports := io.Pipe()
	go newRunner(reports).read(t.Context(), in)
	const script = `while read line; do echo "heard $line"; echo "not $line" >&2; done; exit 7`
	tell := func(c command.Command) {
		c.ID = "o"
		go func() { _, _ = lines.Write(lineOf(t, c)) }()
	}
	tell(command.Command{
		Argv: []string{"sh", "-c", script}, Limit: ample, Stdin: []byte("first\n"), Open: true, Lines: true, Apart: true,
	})
	next := map[string]command.Command{
		"heard first": {Feed: []byte("second\n")}, "heard second": {Shut: true},
	}
	for scanner := bufio.NewScanner(out); scanner.Scan(); {
		var back command.Result
		if err := json.Unmarshal(scanner.Bytes(), &back); err != nil {
			t.Fatal(err)
		}
		if back.Says == "" {
			if back.Exit != 7 || back.Err != "not first\nnot second\n" || len(next) != 0 {
				t.Errorf("%+v; %d lines did not come", back, len(next))
			}
			return
		}
		after, due := next[back.Says]
		if !due {
			t.Fatalf("it says %q", back.Says)
		}
		delete(next, back.Says)
		tell(after)
	}
}

// The end of its input is that of the lab: init does not go on alone.
func TestServeEndsWithItsInput(t *testing.T) {
	t.Parallel()
	in, lines := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		serve(t.Context(), in, io.Discard)
	}()
	_, _ = lines.Write(lineOf(t, command.Command{ID: "s", Argv: []string{"sleep", "60"}, Limit: ample}))
	_ = lines.Close()
	select {
	case <-ended:
	case <-time.After(ample):
		t.Error("it goes on")
	}
}
