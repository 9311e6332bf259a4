package sandbox

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/mtlslab/mtlslab/lab/command"
)

// InitDir is where the init process of a container is put that is to be reused, or
// that is somebody else's: an anonymous volume, because nothing can be copied into a
// root file system that is read-only, and nothing may be mounted from the host of a
// remote engine.
const InitDir = "/mtlslab"

const initPath = InitDir + "/init"

// initFile is the init process for the engine's platform.
func (c *Isolated) initFile(ctx context.Context) (File, error) {
	binary, err := c.shared.initFor(ctx, "linux/"+c.engine.about.Arch)
	return File{Path: initPath, Data: binary, Mode: 0o555}, err
}

// reused is a container of one of our own images in which the image's program is run
// again and again.
type reused struct {
	*command.Runner
	process    *Process
	entrypoint []string
	ready      chan struct{} // closed once the fields above, or err, are set
	err        error
}

// reuse returns the reused container for a program's image, started once.
func (c *Isolated) reuse(ctx context.Context, p Program) (*reused, error) {
	c.mu.Lock()
	r, ok := c.reused[p.Source]
	if !ok {
		r = &reused{ready: make(chan struct{})}
		c.reused[p.Source] = r
	}
	c.mu.Unlock()
	if !ok {
		if r.err = c.startReused(ctx, p, r); r.err != nil {
			c.mu.Lock()
			delete(c.reused, p.Source) // whoever comes next tries again
			c.mu.Unlock()
		}
		close(r.ready)
	}
	select {
	case <-r.ready:
		return r, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// reusedAtOnce is for how many programs side by side a reused container has room.
const reusedAtOnce = 8

func (c *Isolated) startReused(ctx context.Context, p Program, r *reused) error {
	if err := c.begin(); err != nil {
		return err
	}
	defer c.creating.Done()
	image, err := c.Image(ctx, p.Source)
	if err != nil {
		return err
	}
	init, err := c.initFile(ctx)
	if err != nil {
		return err
	}
	r.process, err = c.launch(context.WithoutCancel(ctx), container{
		hostname: p.Hostname, image: image.Ref, entrypoint: []string{initPath}, args: lifetime(c.ends),
		volumes: []string{InitDir}, memory: reusedAtOnce * maxMemory, processes: reusedAtOnce * maxProcesses, hardened: true,
		fill: func(ctx context.Context, id string) error { return c.copyInto(ctx, id, InitDir, []File{init}) },
	})
	if err != nil {
		return err
	}
	inspected, err := c.engine.ImageInspect(ctx, image.Ref)
	if err != nil {
		return err
	}
	r.entrypoint = inspected.Config.Entrypoint
	r.Runner = command.NewRunner(p.Hostname, r.process.Stdin, r.process.Stdout, r.process.Stderr.Said)
	return nil
}

// againLimit is how long a program may run in a reused container.
const againLimit = 2 * time.Minute

// runAgain runs a program once more, in the reused container of its image.
func (c *Isolated) runAgain(ctx context.Context, p Program) (*Process, error) {
	in, err := c.reuse(ctx, p)
	if err != nil {
		return nil, err
	}
	running, err := in.Start(command.Command{
		ID: NewID(), Argv: slices.Concat(in.entrypoint, lifetime(c.ends), p.Args), Limit: againLimit,
		Open: true, Lines: true, Apart: true,
	})
	if err != nil {
		return nil, err
	}
	reader, writer := io.Pipe()
	ended := make(chan struct{})
	started := &Process{
		Stdin: input{in.Runner, running}, Stdout: reader, Stderr: new(Tail), Ended: ended,
		address: in.process.address, stop: func(context.Context) error { return in.Stop(running) },
	}
	var result command.Result
	var broke error
	go func() {
		_ = running.Lines.Follow(func(line string) { _, _ = io.WriteString(writer, line+"\n") })
		result, broke = running.Wait(context.WithoutCancel(ctx))
		_, _ = io.WriteString(started.Stderr, result.Err)
		close(ended)
		_ = writer.CloseWithError(broke)
	}()
	started.wait = func(ctx context.Context) (int, error) {
		select {
		case <-ended:
		case <-ctx.Done():
			return 0, fmt.Errorf("waiting for %s to exit: %w", p.Hostname, context.Cause(ctx))
		}
		if result.Fault != "" {
			return 0, fmt.Errorf("%s could not be run: %s", p.Hostname, result.Fault)
		}
		return result.Exit, broke
	}
	return started, nil
}

// input is the standard input of a program in a reused container.
type input struct {
	runner *command.Runner
	of     *command.Running
}

func (i input) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return len(p), i.runner.Feed(i.of, p)
}

func (i input) Close() error { return i.runner.Shut(i.of) }
