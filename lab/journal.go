package lab

import (
	"bufio"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// maxOutcomeLine bounds one line of a peer's account, in bytes.
const maxOutcomeLine = 64 << 10

// errSilent says that a peer's account ended without what was waited for.
var errSilent = errors.New("the peer's account ended")

// journal collects the outcomes of one peer as they arrive. It keeps them all,
// so that nobody who waits can come too late.
type journal struct {
	mu       sync.Mutex
	outcomes []wire.Outcome
	ended    error         // nil while the account goes on
	changed  chan struct{} // closed, and replaced, at every change
}

func newJournal() *journal { return &journal{changed: make(chan struct{})} }

// read takes outcome lines until r ends. A line that is no outcome ends the
// account: what comes after it cannot be trusted.
func (j *journal) read(r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxOutcomeLine)
	for lines.Scan() {
		outcome, err := wire.ParseOutcome(lines.Bytes())
		if err != nil {
			j.change(func() { j.ended = err })
			_, _ = io.Copy(io.Discard, r) // the peer must not block on a full pipe
			return
		}
		j.change(func() { j.outcomes = append(j.outcomes, outcome) })
	}
	err := lines.Err()
	if err == nil {
		err = errSilent
	}
	j.change(func() { j.ended = err })
}

func (j *journal) change(f func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f()
	close(j.changed)
	j.changed = make(chan struct{})
}

// await returns the first outcome that matches, past or to come.
func (j *journal) await(ctx context.Context, match func(wire.Outcome) bool) (wire.Outcome, error) {
	for next := 0; ; {
		j.mu.Lock()
		outcomes, ended, changed := j.outcomes[next:], j.ended, j.changed
		j.mu.Unlock()
		for _, outcome := range outcomes {
			if match(outcome) {
				return outcome, nil
			}
		}
		next += len(outcomes)
		if ended != nil {
			return wire.Outcome{}, ended
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return wire.Outcome{}, context.Cause(ctx)
		}
	}
}

// all returns what has arrived so far.
func (j *journal) all() []wire.Outcome {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.outcomes[:len(j.outcomes):len(j.outcomes)]
}
