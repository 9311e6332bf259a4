package sandbox

import (
	"context"
	_ "embed" // a worker in Python
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/command"
)

// ErrNeedsContainers says that an image was to be run where there are processes alone.
var ErrNeedsContainers = errors.New("it runs in containers alone: it needs an engine")

// IsolatedOf returns the sandbox as one of containers, or [ErrNeedsContainers].
func IsolatedOf(s Sandbox) (*Isolated, error) {
	isolated, ok := s.(*Isolated)
	if !ok {
		return nil, ErrNeedsContainers
	}
	return isolated, nil
}

// workerPy runs programs in Python, forked from one that has loaded what they need.
//
//go:embed worker.py
var workerPy []byte

// Limits of one container of somebody else's image.
const (
	imageMemory    = 1 << 30 // bytes
	imageProcesses = 1024
)

// ImageProgram is somebody else's image and how it is run. The init process of mtlslab
// is the first in its container, waits for commands on standard input, and ends all of it in
// time.
type ImageProgram struct {
	Hostname string // under which others find it; see [Names]
	Alias    string // another such name; none if empty
	Ref      string // of the image
	User     string // in place of the image's, as docker run --user
	Env      map[string]string
	Hosts    []string // names that it is to know, with their addresses: "name:address"

	// Files are put into it before it begins, and Owner owns them: a user or user:group,
	// by name or number; root if empty.
	Files []File
	Owner string
	// Dirs are directories that it is given, each a volume: a container's own files
	// cannot be changed.
	Dirs []string
}

// Engine is that of the sandbox.
func (c *Isolated) Engine() *Engine { return c.engine }

// Builder makes images in it, and is that of all sandboxes that share.
func (c *Isolated) Builder() *images.Builder { return &c.shared.builder }

// StartImage starts a container of somebody else's image.
func (c *Isolated) StartImage(ctx context.Context, p ImageProgram) (*Process, error) {
	if err := c.begin(); err != nil {
		return nil, err
	}
	defer c.creating.Done()
	init, err := c.initFile(ctx)
	if err != nil {
		return nil, err
	}
	with := container{
		hostname: p.Hostname, alias: p.Alias, image: p.Ref, user: p.User, env: p.Env, hosts: p.Hosts,
		entrypoint: slices.Concat([]string{initPath}, lifetime(c.ends)),
		volumes:    slices.Concat([]string{InitDir}, p.Dirs),
		memory:     imageMemory, processes: imageProcesses,
		fill: func(ctx context.Context, id string) error { return c.fill(ctx, id, p, init) },
	}
	return c.launch(ctx, with)
}

// fill copies init and a program's files into a container that has not begun.
func (c *Isolated) fill(ctx context.Context, id string, p ImageProgram, init File) error {
	files, err := c.owned(ctx, id, p.Ref, p.Owner, p.Files)
	if err != nil {
		return err
	}
	worker := File{Path: InitDir + "/worker.py", Data: workerPy, Mode: 0o444}
	// What is put there later is put by init, as whoever that is.
	dir := File{Path: InitDir, Mode: fs.ModeDir | fs.ModeSticky | 0o777}
	return c.copyInto(ctx, id, "/", append(files, dir, init, worker))
}

// Put puts files into a container of somebody else's image, in place of what is there: by way of its init
// process, which takes a hundredth of what the engine takes. What that may not write, the engine does.
func (c *Isolated) Put(ctx context.Context, p *Process, init *command.Runner, who string, files []File) error {
	owned, err := c.owned(ctx, p.id, p.image, who, files)
	if err != nil || len(files) == 0 {
		return err
	}
	told := make([]command.File, len(owned))
	for i, f := range owned {
		told[i] = command.File{Path: f.Path, Data: f.Data, Mode: f.Mode, User: f.owner.user, Group: f.owner.group}
	}
	if init.Put(ctx, NewID(), told) == nil {
		return nil
	}
	return c.copyInto(ctx, p.id, "/", owned)
}

// owned are the files of a container, and whom they belong to.
func (c *Isolated) owned(ctx context.Context, id, image, who string, files []File) ([]File, error) {
	if len(files) == 0 {
		return nil, nil
	}
	found, err := c.ownerIn(ctx, id, image, who)
	if err != nil {
		return nil, err
	}
	files = slices.Clone(files)
	for i := range files {
		files[i].owner = found
	}
	return files, nil
}

// Limits of a program that is run beside another.
const (
	execLimit  = 20 * time.Second
	maxExecOut = 1 << 20 // bytes
)

// Exec runs a program beside what runs in a container, and returns all that it wrote.
func (c *Isolated) Exec(ctx context.Context, p *Process, argv []string) (output string, code int, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, execLimit, fmt.Errorf("%s did not end within %v", argv[0], execLimit))
	defer cancel()
	made, err := c.engine.ExecCreate(
		ctx,
		p.id,
		client.ExecCreateOptions{AttachStdout: true, AttachStderr: true, Cmd: argv},
	)
	if err != nil {
		return "", 0, fmt.Errorf("exec: %w", err)
	}
	stream, err := c.engine.ExecAttach(ctx, made.ID, client.ExecAttachOptions{})
	if err != nil {
		return "", 0, fmt.Errorf("exec: %w", err)
	}
	defer stream.Close()
	defer context.AfterFunc(ctx, stream.Close)() // nothing else ends a read
	var text strings.Builder
	from := &io.LimitedReader{R: stream.Reader, N: maxExecOut}
	_, err = stdcopy.StdCopy(&text, &text, from)
	switch {
	case ctx.Err() != nil:
		return "", 0, fmt.Errorf("exec: %w", context.Cause(ctx))
	case from.N <= 0:
		return "", 0, fmt.Errorf("exec: %s writes more than %d bytes", argv[0], maxExecOut)
	case err != nil:
		return "", 0, fmt.Errorf("exec: %w", err)
	}
	result, err := c.engine.ExecInspect(ctx, made.ID, client.ExecInspectOptions{})
	return text.String(), result.ExitCode, err
}
