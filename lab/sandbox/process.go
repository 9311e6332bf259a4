package sandbox

import (
	"context"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Program is one of our own programs and how it is called. Every one of them takes
// -lifetime, which the sandbox adds.
type Program struct {
	Hostname string // under which others find it; see [Names]
	Alias    string // another such name; none if empty
	Source   images.Source
	Args     []string

	// Often says that it is run many times, so as cheaply as the sandbox can. Its hostname is
	// not its own then: where it listens, only [Process.Address] knows.
	Often bool
}

// Process is one running program.
type Process struct {
	Stdin  io.WriteCloser
	Stdout io.Reader
	Stderr *Tail
	Ended  <-chan struct{} // closed when it has exited

	id      string // of its container, if it has one of its own
	image   string // of that
	wait    func(context.Context) (int, error)
	stop    func(context.Context) error
	address func(context.Context) (string, error)

	cut, join func(context.Context) error // nil of what has no network of its own
}

// Wait returns the exit code of a program when it has one.
func (p *Process) Wait(ctx context.Context) (code int, err error) { return p.wait(ctx) }

// Stop ends a program, if it has not ended.
func (p *Process) Stop(ctx context.Context) error { return p.stop(ctx) }

// Address is the IP address at which other programs of the sandbox reach it.
func (p *Process) Address(ctx context.Context) (string, error) { return p.address(ctx) }

// Cut takes a program from its network, and Join puts it back at the address that it had. Of a local
// process the error is [ErrNeedsContainers].
func (p *Process) Cut(ctx context.Context) error { return ofContainer(ctx, p.cut) }

// Join undoes Cut.
func (p *Process) Join(ctx context.Context) error { return ofContainer(ctx, p.join) }

func ofContainer(ctx context.Context, do func(context.Context) error) error {
	if do == nil {
		return ErrNeedsContainers
	}
	return do(ctx)
}

// Alive says whether the program still runs.
func (p *Process) Alive() bool {
	select {
	case <-p.Ended:
		return false
	default:
		return true
	}
}

// lifetime is the flag that makes our own programs end by themselves.
func lifetime(ends time.Time) []string {
	return []string{"-lifetime", time.Until(ends).Round(time.Millisecond).String()}
}

// Tail keeps the end of what a program writes to standard error. The zero value is
// empty.
type Tail struct {
	mu   sync.Mutex
	text []byte
}

const maxTail = 2 << 10

// Write never fails.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - maxTail; over > 0 {
		t.text = t.text[over:]
	}
	return len(p), nil
}

// Said is the last line that was written, made printable, as the end of an error
// message; "" if there is none.
func (t *Tail) Said() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.text)), "\n")
	last := wire.Printable(lines[len(lines)-1])
	if last == "" {
		return ""
	}
	return "; it said: " + last
}
