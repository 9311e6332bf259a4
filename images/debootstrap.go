package images

import (
	"bufio"
	"context"
	_ "embed" // the script
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/client"
)

// A debootstrap says from where and how Debian is made into an image.
type debootstrap struct {
	mirror   string        // of the release and its updates
	security string        // of the security updates
	patience time.Duration // with a registry, before it comes to this
}

var debian = debootstrap{
	mirror:   "http://deb.debian.org/debian",
	security: "http://deb.debian.org/debian-security",
	patience: firstAnswer,
}

//go:embed debootstrap.sh
var script string

// A host is what decides whether Debian can be made into an image here.
type host struct {
	os, arch string
	uid      int
	lookPath func(string) (string, error)
}

func thisHost() host {
	return host{runtime.GOOS, runtime.GOARCH, os.Geteuid(), exec.LookPath}
}

// CanMakeBase says in one line what is wanting to make [BaseRef] of Debian's packages on
// this host, for an engine of Linux and of that architecture, as Go spells it. It is nil
// if nothing is.
func CanMakeBase(arch string) error { return thisHost().able("linux", arch) }

// able says in one line what is wanting to make an image for an engine.
func (h host) able(engineOS, engineArch string) error {
	switch {
	case engineOS != "linux":
		return fmt.Errorf("the engine runs containers of %s, and Debian is linux", engineOS)
	case h.os != "linux":
		return fmt.Errorf("only Linux can, and this is %s", h.os)
	case h.arch != "amd64" && h.arch != "arm64":
		return fmt.Errorf("only amd64 and arm64 are known, and this is %s", h.arch)
	case h.arch != engineArch:
		return fmt.Errorf("the engine is of %s, and this machine of %s", engineArch, h.arch)
	}
	if _, err := h.lookPath("debootstrap"); err != nil {
		return fmt.Errorf("install debootstrap: apt-get install -y debootstrap: %w", err)
	}
	if h.uid != 0 {
		return fmt.Errorf("only root can, and this is user %d", h.uid)
	}
	return nil
}

// make makes the image and gives it to the engine as it comes, so that the host's disk sees none of it.
func (d debootstrap) make(ctx context.Context, engine BaseEngine, ref string, progress func(string)) error {
	dir, err := os.MkdirTemp("", "mtlslab-base-")
	if err != nil {
		return fmt.Errorf("making room for it: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()

	said := narration{progress: progress}
	args := []string{"-c", script, "debootstrap.sh", dir, d.mirror, d.security}
	cmd := exec.CommandContext(ctx, "sh", args...) //nolint:gosec // a script of our own
	cmd.Stderr, cmd.WaitDelay = &said, 5*time.Second
	isolate(cmd)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting it in namespaces of its own, which needs the right to mount: %w", err)
	}
	archive := &output{cmd: cmd, stdout: bufio.NewReader(stdout)}
	// The engine is left alone until there is something to give.
	if _, err := archive.stdout.Peek(1); err != nil {
		if err := archive.finish(); err != nil {
			return said.why(err)
		}
		return errors.New("debootstrap.sh has written nothing")
	}
	imported := importImage(ctx, engine, ref, archive)
	if err := archive.stop(); err != nil {
		return said.why(err)
	}
	return imported
}

func importImage(ctx context.Context, engine BaseEngine, ref string, archive io.Reader) error {
	answer, err := engine.ImageImport(
		ctx,
		client.ImageImportSource{Source: archive, SourceName: "-"},
		ref,
		client.ImageImportOptions{
			Message: "made by mtlslab from Debian's packages with debootstrap",
			Changes: []string{`CMD ["bash"]`},
		},
	)
	if err == nil {
		defer func() { _ = answer.Close() }()
		err = readAnswer(answer, func(message) {})
	}
	if err != nil {
		return fmt.Errorf("importing it: %w", err)
	}
	return nil
}

// output is what a command prints. It ends in an error if the command does, so that nobody takes half for the whole.
type output struct {
	cmd *exec.Cmd

	mu     sync.Mutex // the engine's client may still read when it has its answer
	stdout *bufio.Reader
	ended  bool
	err    error
}

func (o *output) Read(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.stdout.Read(p)
	if errors.Is(err, io.EOF) {
		if failed := o.finish(); failed != nil {
			err = failed
		}
	}
	return n, err
}

// finish waits for the command, which has printed all, and returns its error.
func (o *output) finish() error {
	if !o.ended {
		o.ended, o.err = true, o.cmd.Wait()
	}
	return o.err
}

// stop ends the command if its output was not wanted to the end, which is no error of the command.
func (o *output) stop() error {
	_ = o.cmd.Process.Kill()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return o.err
	}
	_ = o.finish()
	return nil
}

// stages are what the first line with such a beginning means, in their order. debootstrap's begin with "I: ".
var stages = []struct{ prefix, means string }{
	{"I: Retrieving ", "fetching Debian's packages"},
	{"I: Extracting ", "unpacking the first of them"},
	{"I: Unpacking ", "installing them"},
	{"I: Configuring ", "configuring them"},
}

// A narration is what debootstrap says: to be told in a few lines, and kept for when it fails.
type narration struct {
	progress func(string)
	stage    int // the number of stages told
	partial  string
	last     []string // the last lines, and none but complaints once there is one
	complain bool
}

func (n *narration) Write(p []byte) (int, error) {
	n.partial += string(p)
	for {
		line, rest, found := strings.Cut(n.partial, "\n")
		if !found {
			return len(p), nil
		}
		n.partial = rest
		n.take(strings.TrimSpace(line))
	}
}

func (n *narration) take(line string) {
	const most = 2
	complaint := strings.HasPrefix(line, "E: ")
	if line == "" || n.complain && !complaint {
		return
	}
	if complaint && !n.complain {
		n.last, n.complain = nil, true
	}
	if n.last = append(n.last, line); len(n.last) > most {
		n.last = n.last[1:]
	}
	if own, found := strings.CutPrefix(line, "mtlslab: "); found { // in words for people
		n.progress(own)
	}
	for i, s := range stages {
		if i >= n.stage && strings.HasPrefix(line, s.prefix) {
			n.stage = i + 1
			n.progress(s.means)
		}
	}
}

// why explains a failure by what was said last.
func (n *narration) why(err error) error {
	if len(n.last) == 0 {
		return err
	}
	return fmt.Errorf("%s: %w", strings.Join(n.last, "; "), err)
}
