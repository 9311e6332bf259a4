package images

import (
	"context"
	"sync"
)

// Builder makes images in engines: those of peers, and the one that they start from. Of
// two calls at once for one image the second waits, and finds the work done; so whoever
// builds side by side should share one. The zero value is ready. It may be used by many
// goroutines at once.
type Builder struct{ turns turns }

// turns lets one at a time do the work of a name. A mutex could not be interrupted while waiting.
type turns struct {
	mu    sync.Mutex
	taken map[string]chan struct{} // closed when the turn ends
}

// take waits until nobody else works at name. The error is the context's.
func (t *turns) take(ctx context.Context, name string) (end func(), err error) {
	for {
		busy, end := t.taking(name)
		if busy == nil {
			return end, nil
		}
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// taking takes the turn if nobody has it, and otherwise returns what is closed when it ends.
func (t *turns) taking(name string) (busy <-chan struct{}, end func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if busy, found := t.taken[name]; found {
		return busy, nil
	}
	if t.taken == nil {
		t.taken = make(map[string]chan struct{})
	}
	mine := make(chan struct{})
	t.taken[name] = mine
	return nil, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.taken, name)
		close(mine)
	}
}
