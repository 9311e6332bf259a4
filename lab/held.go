package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/testcontainers/testcontainers-go"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/command"
)

// holdDir is where the program that holds a container open is put. It is an
// anonymous volume, because nothing can be copied into a root file system that
// is read-only, and nothing may be mounted from the host of a remote engine.
const holdDir = "/mtlslab"

var holdSource = images.Source{Name: "init", Package: "./lab/init"}

// held is a container of an image that does nothing itself, and in which the
// image's own program is run again and again.
type held struct {
	*errands
	entrypoint []string
	ready      chan struct{} // closed once the fields above, or err, are set
	err        error
}

// hold returns the held container for a program's image, started once.
func (h *containerHost) hold(ctx context.Context, p program) (*held, error) {
	h.mu.Lock()
	c, ok := h.held[p.source]
	if !ok {
		c = &held{ready: make(chan struct{})}
		h.held[p.source] = c
	}
	h.mu.Unlock()
	if !ok {
		if c.err = h.startHeld(ctx, p, c); c.err != nil {
			h.mu.Lock()
			delete(h.held, p.source) // whoever comes next tries again
			h.mu.Unlock()
		}
		close(c.ready)
	}
	select {
	case <-c.ready:
		return c, c.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (h *containerHost) startHeld(ctx context.Context, p program, c *held) error {
	image, err := h.image(ctx, p.source)
	if err != nil {
		return err
	}
	paths, err := images.Binaries(ctx, "linux/"+h.engine.about.Arch, holdSource)
	if err != nil {
		return err
	}
	binary, err := os.ReadFile(paths[holdSource.Name])
	if err != nil {
		return err
	}
	started := &process{stderr: new(tail)}
	request := h.request(p, image.Ref, started)
	request.Entrypoint = []string{holdDir + "/init"}
	request.Cmd = lifetime(h.expires)
	harden := request.HostConfigModifier
	request.HostConfigModifier = func(c *container.HostConfig) {
		harden(c)
		c.Mounts = []mount.Mount{{Type: mount.TypeVolume, Target: holdDir}}
	}
	request.LifecycleHooks[0].PostCreates = append(request.LifecycleHooks[0].PostCreates,
		func(ctx context.Context, made testcontainers.Container) error {
			hold := packed{File: adapter.File{Path: holdDir + "/init", Data: binary, Mode: 0o555}}
			return h.copyInto(ctx, made.GetContainerID(), holdDir, []packed{hold})
		})
	if err := h.launch(context.WithoutCancel(ctx), p.hostname, request, started); err != nil {
		return err
	}
	inspected, err := h.engine.ImageInspect(ctx, image.Ref)
	if err != nil {
		return err
	}
	c.errands, c.entrypoint = sentOn(p.hostname, started), inspected.Config.Entrypoint
	return nil
}

// startAgain runs a program once more, in the held container of its image. It
// begins when its standard input is closed.
func (h *containerHost) startAgain(ctx context.Context, p program) (*process, error) {
	container, err := h.hold(ctx, p)
	if err != nil {
		return nil, err
	}
	reader, writer := io.Pipe()
	started := &process{stdout: reader, stderr: new(tail), ended: make(chan struct{})}
	var sent *errand
	started.stdin = &wholeInput{then: func(input []byte) (err error) {
		sent, err = container.send(command.Command{
			ID: newID(), Argv: slices.Concat(container.entrypoint, p.args), Stdin: input, Limit: startLimit,
		})
		if err != nil {
			sent = &errand{err: err}
			close(started.ended)
			return errors.Join(err, writer.CloseWithError(err))
		}
		go func() {
			<-sent.ended
			_, _ = io.WriteString(started.stderr, sent.back.Err)
			close(started.ended)
			_, _ = io.WriteString(writer, sent.back.Out)
			_ = writer.CloseWithError(sent.err)
		}()
		return nil
	}}
	started.wait = func(ctx context.Context) (int, error) {
		select {
		case <-started.ended:
		case <-ctx.Done():
			return 0, fmt.Errorf("waiting for %s to exit: %w", p.hostname, context.Cause(ctx))
		}
		if sent.back.Fault != "" {
			return 0, fmt.Errorf("%s could not be run: %s", p.hostname, sent.back.Fault)
		}
		return sent.back.Exit, sent.err
	}
	started.stop = func(context.Context) error {
		if sent == nil {
			return nil // it has not begun
		}
		return container.stopErrand(sent)
	}
	return started, nil
}

// wholeInput does something with what was written to it, once that is all.
type wholeInput struct {
	bytes.Buffer
	then func([]byte) error
}

func (w *wholeInput) Close() error { return w.then(w.Bytes()) }
