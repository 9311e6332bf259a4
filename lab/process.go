package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// host is where peers run. It starts programs and knows nothing of what an
// exchange means.
type host interface {
	// start runs a program. Its material is not given yet.
	start(ctx context.Context, p program) (*process, error)
	// reach is where clients find what listens at an address of a program.
	reach(hostname, listening string) string
	// facts says what the host is and how far it isolates.
	facts() Facts
	// close ends and removes everything started. It may be called again.
	close(ctx context.Context) error
}

// program is a peer's binary and how it is called.
type program struct {
	hostname string // the name under which clients find it, one a lab
	source   images.Source
	args     []string
	named    bool // clients find it under the name of a server, too
	again    bool // it is run many times, so as cheaply as the host can
}

// process is one running program, on either host.
type process struct {
	id     string        // of its container, if it has one of its own
	ended  chan struct{} // closed when that has exited
	stdin  io.WriteCloser
	stdout io.Reader
	stderr *tail
	merged bool                               // what it complains of goes to stdout, too
	wait   func(context.Context) (int, error) // the exit code
	stop   func(context.Context) error        // ends it, if it has not ended
}

// peer is a process whose account is being read.
type peer struct {
	*process
	program program
	account *journal[wire.Outcome]
}

func startPeer(ctx context.Context, h host, p program) (*peer, error) {
	process, err := h.start(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.hostname, err)
	}
	started := &peer{process: process, program: p, account: newJournal[wire.Outcome]()}
	go started.account.read(process.stdout, wire.ParseOutcome)
	return started, nil
}

// give hands the peer its material, which is also its starting gun. A server may
// be given other material later.
func (p *peer) give(material wire.Material) error {
	if err := material.WriteTar(p.stdin); err != nil {
		return fmt.Errorf("giving %s its material: %w%s", p.program.hostname, err, p.stderr.said())
	}
	return nil
}

// giveAll hands the peer its material, and nothing after it.
func (p *peer) giveAll(material wire.Material) error {
	return errors.Join(p.give(material), p.stdin.Close())
}

// await waits for an outcome of the peer. An error names the peer and its last
// words.
func (p *peer) await(ctx context.Context, match func(wire.Outcome) bool) (wire.Outcome, error) {
	outcome, err := p.account.await(ctx, match)
	if err != nil {
		return outcome, fmt.Errorf("%s: %w%s", p.program.hostname, err, p.stderr.said())
	}
	return outcome, nil
}

// tail keeps the end of what a program writes to standard error.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const maxTail = 2 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - maxTail; over > 0 {
		t.text = t.text[over:]
	}
	return len(p), nil
}

// lines are those of what is kept.
func (t *tail) lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Split(strings.TrimSpace(string(t.text)), "\n")
}

// said is the last line written, as the end of an error message.
func (t *tail) said() string {
	lines := t.lines()
	last := wire.Printable(lines[len(lines)-1])
	if last == "" {
		return ""
	}
	return "; it said: " + last
}
