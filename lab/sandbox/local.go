package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/images"
)

// loopback is where local programs find each other.
const loopback = "127.0.0.1"

// local runs programs as processes of this machine. It isolates nothing.
type local struct {
	about Facts
	ends  time.Time

	mu       sync.Mutex
	binaries map[string]string // by the name of their source
	running  []*Process
	closed   bool
}

func newLocal(ctx context.Context, cfg Config, why string) (*local, error) {
	l := &local{binaries: make(map[string]string), ends: cfg.Ends}
	began := time.Now()
	cfg.Progress("building the server and the client")
	if err := l.build(ctx, cfg.Sources...); err != nil {
		return nil, err
	}
	l.about = Facts{Runtime: Processes, Why: why, Listen: loopback + ":0", Interface: "lo", Build: time.Since(began)}
	return l, nil
}

func (l *local) build(ctx context.Context, sources ...images.Source) error {
	paths, err := images.Binaries(ctx, "", sources...)
	if err != nil {
		return err
	}
	maps.Copy(l.binaries, paths)
	return nil
}

func (l *local) Start(ctx context.Context, p Program) (*Process, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	if l.binaries[p.Source.Name] == "" {
		if err := l.build(ctx, p.Source); err != nil {
			return nil, err
		}
	}
	started, err := run(ctx, l.binaries[p.Source.Name], slices.Concat(lifetime(l.ends), p.Args))
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.Hostname, err)
	}
	l.running = append(l.running, started)
	return started, nil
}

// run starts a process, which outlives ctx.
func run(ctx context.Context, path string, args []string) (*Process, error) {
	started := &Process{Stderr: new(Tail), address: func(context.Context) (string, error) { return loopback, nil }}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), path, args...) //nolint:gosec // a binary that we have built
	cmd.Env = []string{}
	cmd.Stderr = started.Stderr
	var err error
	if started.Stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	reader, writer := io.Pipe()
	started.Stdout, cmd.Stdout = reader, writer
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	exited := make(chan struct{})
	started.Ended = exited
	go func() {
		_ = cmd.Wait() // the exit code is read from ProcessState
		_ = writer.Close()
		close(exited)
	}()
	started.wait = func(ctx context.Context) (int, error) {
		select {
		case <-exited:
			return cmd.ProcessState.ExitCode(), nil
		case <-ctx.Done():
			return 0, fmt.Errorf("waiting for it to exit: %w", context.Cause(ctx))
		}
	}
	started.stop = func(ctx context.Context) error {
		_ = cmd.Process.Kill() // it may have exited by itself
		_, err := started.wait(ctx)
		return err
	}
	return started, nil
}

func (l *local) Reach(_, listening string) string { return listening }

func (l *local) Facts() Facts { return l.about }

func (l *local) Close(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	var errs []error
	for _, running := range l.running {
		errs = append(errs, running.stop(ctx))
	}
	return errors.Join(errs...)
}
