package lab

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"github.com/mtlslab/mtlslab/images"
)

// holdDir is where the program that holds a container open is put. It is an
// anonymous volume, because nothing can be copied into a root file system that
// is read-only, and nothing may be mounted from the host of a remote engine.
const holdDir = "/mtlslab"

var holdSource = images.Source{Name: "hold", Package: "./lab/hold"}

// held is a container of an image that does nothing itself, and in which the
// image's own program is run again and again. An exec costs a seventh of what a
// container does.
type held struct {
	id         string
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
		c.err = h.startHeld(ctx, p, c)
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
	request := h.request(p, image.Ref, nil)
	request.Entrypoint = []string{holdDir + "/hold"}
	request.Cmd = lifetime(h.expires)
	request.ConfigModifier = func(c *container.Config) { c.Hostname = p.hostname }
	harden := request.HostConfigModifier
	request.HostConfigModifier = func(c *container.HostConfig) {
		harden(c)
		c.Mounts = []mount.Mount{{Type: mount.TypeVolume, Target: holdDir}}
	}
	request.LifecycleHooks = []testcontainers.ContainerLifecycleHooks{{
		PostCreates: []testcontainers.ContainerHook{h.checkNetwork, func(ctx context.Context, made testcontainers.Container) error {
			return h.copyProgram(ctx, made.GetContainerID(), binary)
		}},
	}}
	made, err := h.engine.provider.CreateContainer(context.WithoutCancel(ctx), request)
	if err != nil {
		return err
	}
	if err := made.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	inspected, err := h.engine.ImageInspect(ctx, image.Ref)
	if err != nil {
		return err
	}
	c.id, c.entrypoint = made.GetContainerID(), inspected.Config.Entrypoint
	return nil
}

func (h *containerHost) copyProgram(ctx context.Context, id string, binary []byte) error {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	header := &tar.Header{Typeflag: tar.TypeReg, Name: "hold", Mode: 0o555, Size: int64(len(binary))}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	if _, err := w.Write(binary); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_, err := h.engine.CopyToContainer(ctx, id, client.CopyToContainerOptions{DestinationPath: holdDir, Content: &archive})
	return err
}

// startAgain runs a program once more, in the held container of its image.
func (h *containerHost) startAgain(ctx context.Context, p program) (*process, error) {
	container, err := h.hold(ctx, p)
	if err != nil {
		return nil, err
	}
	made, err := h.engine.ExecCreate(ctx, container.id, client.ExecCreateOptions{
		AttachStdin: true, AttachStdout: true, AttachStderr: true,
		Cmd: slices.Concat(container.entrypoint, p.args),
	})
	if err != nil {
		return nil, fmt.Errorf("exec: %w", err)
	}
	stream, err := h.engine.ExecAttach(context.WithoutCancel(ctx), made.ID, client.ExecAttachOptions{})
	if err != nil {
		return nil, fmt.Errorf("exec: %w", err)
	}
	reader, writer := io.Pipe()
	started := &process{stdin: halfCloser{stream.HijackedResponse}, stdout: reader, stderr: new(tail)}
	ended := make(chan struct{})
	go func() {
		_, err := stdcopy.StdCopy(writer, started.stderr, stream.Reader)
		_ = writer.CloseWithError(err)
		stream.Close()
		close(ended)
	}()
	started.wait = func(ctx context.Context) (int, error) {
		select {
		case <-ended:
		case <-ctx.Done():
			return 0, fmt.Errorf("waiting for %s to exit: %w", p.hostname, context.Cause(ctx))
		}
		result, err := h.engine.ExecInspect(ctx, made.ID, client.ExecInspectOptions{})
		return result.ExitCode, err
	}
	// An exec cannot be ended from outside: it ends by its own time limits, or
	// with its container.
	started.stop = func(context.Context) error { return nil }
	return started, nil
}
