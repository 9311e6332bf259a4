package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/images"
)

// processHost runs peers as local processes on loopback. It isolates nothing.
type processHost struct {
	about Facts

	mu       sync.Mutex
	binaries map[string]string // by the name of their source
	running  []*process
	closed   bool
}

func newProcessHost(ctx context.Context, cfg Config) (*processHost, error) {
	h := &processHost{binaries: make(map[string]string)}
	began := time.Now()
	cfg.Progress("building the server and the client")
	if err := h.build(ctx, serverSource, clientSource); err != nil {
		return nil, err
	}
	h.about = Facts{Runtime: Processes, listen: "127.0.0.1:0", Build: time.Since(began)}
	return h, nil
}

func (h *processHost) build(ctx context.Context, sources ...images.Source) error {
	paths, err := images.Binaries(ctx, "", sources...)
	if err != nil {
		return err
	}
	maps.Copy(h.binaries, paths)
	return nil
}

func (h *processHost) start(ctx context.Context, p program) (*process, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, errClosed
	}
	if h.binaries[p.source.Name] == "" {
		if err := h.build(ctx, p.source); err != nil {
			return nil, err
		}
	}
	started := &process{stderr: new(tail)}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), h.binaries[p.source.Name], p.args...) //nolint:gosec // a binary that we have built
	cmd.Env = []string{}
	cmd.Stderr = started.stderr
	var err error
	if started.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	reader, writer := io.Pipe()
	started.stdout, cmd.Stdout = reader, writer
	if err := cmd.Start(); err != nil {
		return nil, err
	}

	exited := make(chan struct{})
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
			return 0, fmt.Errorf("waiting for %s to exit: %w", p.hostname, context.Cause(ctx))
		}
	}
	started.stop = func(ctx context.Context) error {
		_ = cmd.Process.Kill() // it may have exited by itself
		_, err := started.wait(ctx)
		return err
	}
	h.running = append(h.running, started)
	return started, nil
}

func (h *processHost) reach(_, listening string) string { return listening }

func (h *processHost) facts() Facts { return h.about }

func (h *processHost) close(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	var errs []error
	for _, running := range h.running {
		errs = append(errs, running.stop(ctx))
	}
	return errors.Join(errs...)
}
