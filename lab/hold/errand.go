package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"regexp"
	"sync"
	"syscall"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// maxErrand bounds one line of the input, in bytes.
const maxErrand = 1 << 20

// runner runs errands side by side and says what came of each.
type runner struct {
	mu  sync.Mutex
	out *json.Encoder
}

func newRunner(out io.Writer) *runner { return &runner{out: json.NewEncoder(out)} }

func (r *runner) read(ctx context.Context, in io.Reader) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxErrand)
	for lines.Scan() {
		errand, err := wire.ParseErrand(lines.Bytes())
		if err != nil {
			r.report(wire.Return{ID: errand.ID, Fault: err.Error()})
			continue
		}
		go func() { r.report(run(ctx, errand)) }()
	}
}

func (r *runner) report(back wire.Return) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.out.Encode(back) //nolint:errchkjson // texts and numbers; and whoever would read it is gone
}

// run carries out one errand.
func run(ctx context.Context, e wire.Errand) wire.Return {
	back := wire.Return{ID: e.ID, Exit: -1}
	hangup, err := regexp.Compile(e.Hangup)
	if err != nil {
		back.Fault = err.Error()
		return back
	}
	ctx, cancel := context.WithTimeout(ctx, e.Limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, e.Argv[0], e.Argv[1:]...) //nolint:gosec // the image's own
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = grace
	stdin, err := cmd.StdinPipe()
	if err != nil {
		back.Fault = err.Error()
		return back
	}
	hangUp := sync.OnceFunc(func() { _ = stdin.Close() })
	said := &watched{pattern: hangup, then: hangUp}
	complained := new(watched)
	cmd.Stdout, cmd.Stderr = said, complained
	if err := cmd.Start(); err != nil {
		back.Fault = err.Error()
		return back
	}
	_, _ = io.WriteString(stdin, e.Stdin) // one that does not read is not at fault
	if e.Hangup == "" {
		hangUp()
	}
	err = cmd.Wait()
	back.Exit = cmd.ProcessState.ExitCode()
	back.TimedOut = errors.Is(ctx.Err(), context.DeadlineExceeded) && err != nil
	back.Out, back.Err = said.text(), complained.text()
	return back
}

// watched keeps the end of a stream, and does something once when a pattern is
// found in it.
type watched struct {
	pattern *regexp.Regexp // may be nil
	then    func()

	mu   sync.Mutex
	kept []byte
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kept = append(w.kept, p...)
	if over := len(w.kept) - wire.MaxErrandOutput; over > 0 {
		w.kept = w.kept[over:]
	}
	if w.pattern != nil && w.pattern.Match(w.kept) {
		w.then()
	}
	return len(p), nil
}

func (w *watched) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(bytes.ToValidUTF8(w.kept, []byte("\uFFFD")))
}
