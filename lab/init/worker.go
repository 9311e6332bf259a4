//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/mtlslab/mtlslab/lab/command"
)

// workers are programs that stay up because starting them costs more than what they are run for. They
// speak what Bazel has its persistent workers speak in JSON (bazel.build/remote/creating): a line that
// asks, and one that answers.
type workers struct {
	mu   sync.Mutex
	idle map[string][]*worker // by what was started
}

// worker carries out one command at a time.
type worker struct {
	cmd        *exec.Cmd
	kind       string
	stdin      io.Writer
	answers    chan string // lines of its standard output, the first of those that nobody has read
	complained *watched
	ended      chan struct{} // closed once it has
	asked      int           // how many commands, which is the number of the last
}

// request is one command for a worker, and answer what came of it.
type (
	request struct {
		Arguments []string `json:"arguments"`
		ID        int      `json:"requestId"`
	}
	answer struct {
		Exit   int    `json:"exitCode"`
		Output string `json:"output"`
		ID     int    `json:"requestId"`
	}
)

// runInWorker has a worker carry out a command: one that is idle, or a new one. If it ends before it
// answers, the command has crashed, whatever its exit code: what it is good for is another's. Over the
// limit it is killed, as what hangs in it cannot be told from itself.
func (r *runner) runInWorker(ctx context.Context, c command.Command) command.Result {
	back := command.Result{ID: c.ID, Exit: -1}
	w, err := r.worker(c)
	if err != nil {
		back.Fault = err.Error()
		return back
	}
	limited, cancel := context.WithCancel(ctx)
	defer cancel()
	spared := context.AfterFunc(limited, w.kill)
	go outlast(limited, c.Limit, w.cmd.Process.Pid, cancel)
	line, err := w.carryOut(c.Argv)
	rests := spared() && err == nil
	back.Err = w.complained.text()
	switch {
	case err != nil && limited.Err() != nil:
		back.TimedOut = ctx.Err() == nil
	case err != nil:
		back.Err += fmt.Sprintf("its worker ended without an answer: %v\n", w.cmd.ProcessState)
	default: // also when its time was over a moment later
		var said answer
		if err := json.Unmarshal([]byte(line), &said); err != nil || said.ID != w.asked {
			back.Fault, rests = fmt.Sprintf("its worker answers command %d by %q", w.asked, line), false
			break
		}
		back.Exit, back.Out = said.Exit, said.Output
	}
	if rests {
		r.workers.rest(w)
	} else {
		w.end()
	}
	return back
}

// carryOut is a worker's answer. It is an error that it ends without any.
func (w *worker) carryOut(argv []string) (string, error) {
	w.asked++
	words := append([]string{}, argv...) // in JSON a list also if there is none
	line, err := json.Marshal(request{Arguments: words, ID: w.asked})
	if err != nil {
		return "", err
	}
	_, _ = w.stdin.Write(append(line, '\n')) // one that has ended is seen to have
	select {
	case line := <-w.answers:
		return line, nil
	case <-w.ended:
	}
	select {
	case line := <-w.answers: // its last
		return line, nil
	default:
		return "", io.EOF
	}
}

// worker is one that is free.
func (r *runner) worker(c command.Command) (*worker, error) {
	kind := strings.Join(slices.Concat(c.Worker, []string{""}, c.Env), "\x00")
	for {
		w := r.workers.wake(kind)
		if w == nil {
			return r.startWorker(kind, c)
		}
		select {
		case <-w.ended: // while it was idle
		case <-w.answers: // what nobody had asked: its next line might be about that, too
			w.end()
		default:
			w.complained.forget()
			return w, nil
		}
	}
}

func (r *runner) startWorker(kind string, c command.Command) (*worker, error) {
	w := &worker{kind: kind, answers: make(chan string, 1), complained: new(watched), ended: make(chan struct{})}
	program, words := c.Worker[0], c.Worker[1:]
	w.cmd = exec.Command(program, words...) //nolint:gosec,noctx // the image's own; it outlives this command
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	w.cmd.Env = append(os.Environ(), c.Env...)
	w.cmd.WaitDelay = grace
	w.cmd.Stdout = &watched{tell: func(line string) {
		select {
		case w.answers <- line:
		default: // the one that waits to be read answers nothing either: nobody has asked
		}
	}}
	w.cmd.Stderr = w.complained
	stdin, err := w.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	w.stdin = stdin
	if err := r.family.start(w.cmd); err != nil {
		return nil, err
	}
	go func() {
		_ = r.family.wait(w.cmd) // how it ended is in its state
		close(w.ended)
	}()
	return w, nil
}

// end kills a worker, and waits until it is gone.
func (w *worker) end() {
	w.kill()
	<-w.ended
}

// kill kills a worker, and all that it started: also when it does not read what it is asked.
func (w *worker) kill() {
	_ = syscall.Kill(-w.cmd.Process.Pid, syscall.SIGKILL) // it may have ended
}

func (s *workers) wake(kind string) *worker {
	s.mu.Lock()
	defer s.mu.Unlock()
	idle := s.idle[kind]
	if len(idle) == 0 {
		return nil
	}
	last := len(idle) - 1
	s.idle[kind] = idle[:last]
	return idle[last]
}

func (s *workers) rest(w *worker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle[w.kind] = append(s.idle[w.kind], w)
}
