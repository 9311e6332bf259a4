//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"time"

	"github.com/mtlslab/mtlslab/lab/command"
)

// maxCommand bounds one line of the input, in bytes: a program's input may hold
// several hundred roots.
const maxCommand = 16 << 20

// runner runs commands side by side and says what came of each.
type runner struct {
	running sync.Map // by ID: *running
	family  family
	workers workers

	mu  sync.Mutex
	out *json.Encoder
}

// signals are those with which programs are told to read their files again.
var signals = map[string]syscall.Signal{
	"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "TERM": syscall.SIGTERM,
	"USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "WINCH": syscall.SIGWINCH,
}

// running is a command under way.
type running struct {
	end     func()
	input   chan command.Command // its Feed, and at last Shut
	started chan struct{}        // closed once the next is set
	process *os.Process
}

// maxWaiting is how many lines of input may wait for a program to read them before whoever
// gives more waits, too.
const maxWaiting = 64

func newRunning() *running {
	return &running{started: make(chan struct{}), input: make(chan command.Command, maxWaiting)}
}

func newRunner(out io.Writer) *runner {
	return &runner{
		family:  family{own: make(map[int]*exec.Cmd)},
		workers: workers{idle: make(map[string][]*worker)},
		out:     json.NewEncoder(out),
	}
}

func (r *runner) read(ctx context.Context, in io.Reader) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxCommand)
	for lines.Scan() {
		c, err := command.Parse(lines.Bytes())
		switch {
		case err != nil:
			r.report(command.Result{ID: c.ID, Fault: err.Error()})
		case c.Later():
			if e, ok := r.running.Load(c.ID); ok {
				e.(*running).interfere(c) //nolint:forcetypeassert // nothing else is stored
			}
		case c.Look:
			r.report(look(c.ID))
		case len(c.Put) > 0:
			r.report(put(c.ID, c.Put))
		default:
			ctx, cancel := context.WithCancel(ctx)
			e := newRunning()
			e.end = cancel
			r.running.Store(c.ID, e)
			go func() {
				defer cancel()
				if len(c.Worker) > 0 {
					r.report(r.runInWorker(ctx, c))
				} else {
					r.report(r.run(ctx, c, e))
				}
				r.running.Delete(c.ID)
			}()
		}
	}
}

// interfere ends a command, gives it input, or sends it a signal once it has started.
func (e *running) interfere(with command.Command) {
	switch {
	case with.End:
		e.end()
		return
	case with.Signal == "":
		e.input <- with
		return
	}
	go func() {
		<-e.started
		if e.process != nil {
			tell(e.process, signals[with.Signal])
		}
	}()
}

func (r *runner) report(back command.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.out.Encode(back) //nolint:errchkjson // texts and numbers; and whoever would read it is gone
}

// feed writes what comes for a program to its standard input, until that is shut or over is
// closed.
func (e *running) feed(stdin io.Writer, hangUp func(), over <-chan struct{}) {
	for {
		select {
		case next := <-e.input:
			_, _ = stdin.Write(next.Feed) // one that does not read is not at fault
			if next.Shut {
				hangUp()
				return
			}
		case <-over:
			return
		}
	}
}

// run carries out one command. Over its limit, and at rest, it is killed, with all that it
// started; if ctx ends it is asked to stop first.
func (r *runner) run(ctx context.Context, e command.Command, as *running) command.Result {
	back := command.Result{ID: e.ID, Exit: -1}
	begun := sync.OnceFunc(func() { close(as.started) })
	defer begun()
	hangup, err := regexp.Compile(e.Hangup)
	if err != nil {
		back.Fault = err.Error()
		return back
	}
	limited, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(limited, e.Argv[0], e.Argv[1:]...) //nolint:gosec // the image's own
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Env = append(os.Environ(), e.Env...)
	killAll := func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Cancel = func() error {
		if ctx.Err() != nil {
			go killRest(cmd.Process.Pid)
			return cmd.Process.Signal(syscall.SIGTERM)
		}
		return killAll()
	}
	cmd.WaitDelay = grace
	stdin, err := cmd.StdinPipe()
	if err != nil {
		back.Fault = err.Error()
		return back
	}
	hangUp := sync.OnceFunc(func() { _ = stdin.Close() })
	said, complained := r.streams(e)
	if e.Hangup != "" {
		said.pattern, said.then = hangup, hangUp
	}
	cmd.Stdout, cmd.Stderr = said, complained
	if err := r.family.start(cmd); err != nil {
		back.Fault = err.Error()
		return back
	}
	as.process = cmd.Process
	begun()
	go outlast(limited, e.Limit, cmd.Process.Pid, cancel)
	_, _ = stdin.Write(e.Stdin) // one that does not read is not at fault
	over := make(chan struct{})
	switch {
	case e.Open:
		go as.feed(stdin, hangUp, over)
	case e.Hangup == "":
		hangUp()
	}
	err = r.family.wait(cmd)
	close(over)
	_ = killAll() // what it has left behind
	if e.Alone && os.Getpid() == 1 {
		killOthers()
	}
	back.Exit = cmd.ProcessState.ExitCode()
	back.TimedOut = err != nil && ctx.Err() == nil && limited.Err() != nil
	back.Out, back.Err = said.text(), complained.text()
	return back
}

// streams are what a command writes, told line by line as far as that is wanted.
func (r *runner) streams(e command.Command) (said, complained *watched) {
	said, complained = new(watched), new(watched)
	if e.Lines {
		tell := func(line string) { r.report(command.Result{ID: e.ID, Says: line}) }
		said.tell = tell
		if !e.Apart {
			complained.tell = tell
		}
	}
	return said, complained
}

// killRest kills what a program leaves of its group when it is told to stop, as soon as it has
// ended itself: it would hold on to the output, on which one waits.
func killRest(group int) {
	limit := time.After(grace)
	for again := time.NewTicker(10 * time.Millisecond); ; {
		select {
		case <-limit:
			return
		case <-again.C:
			if errors.Is(syscall.Kill(group, 0), syscall.ESRCH) {
				_ = syscall.Kill(-group, syscall.SIGKILL)
				return
			}
		}
	}
}

// killOthers kills all that is left in the container, of which this is the first process:
// programs that left their process group, and hold on to a port.
func killOthers() {
	_ = syscall.Kill(-1, syscall.SIGKILL) // all but this process (kill(2)); there may be none
	for {
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(-1, &status, 0, nil); err != nil && !errors.Is(err, syscall.EINTR) {
			return // nobody is left
		}
	}
}

// watched keeps the end of a stream, and does something once when a pattern is
// found in it.
type watched struct {
	pattern *regexp.Regexp // may be nil
	then    func()
	tell    func(line string) // may be nil; of lines that are not empty

	mu   sync.Mutex
	kept []byte
	line []byte // that has not ended yet
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kept = append(w.kept, p...)
	if over := len(w.kept) - command.MaxOutput; over > 0 {
		w.kept = w.kept[over:]
	}
	if w.tell != nil {
		w.tellLines(p)
	}
	if w.pattern != nil && w.pattern.Match(w.kept) {
		w.then()
	}
	return len(p), nil
}

func (w *watched) tellLines(p []byte) {
	w.line = append(w.line, p...)
	for {
		line, rest, found := bytes.Cut(w.line, []byte{'\n'})
		if !found {
			w.line = w.line[:min(len(w.line), command.MaxLine)]
			return
		}
		if len(bytes.TrimSpace(line)) > 0 {
			w.tell(string(bytes.ToValidUTF8(line, []byte("\uFFFD"))))
		}
		w.line = rest
	}
}

// forget is for a program that goes on and does something else.
func (w *watched) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kept = nil
}

func (w *watched) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(bytes.ToValidUTF8(w.kept, []byte("\uFFFD")))
}
