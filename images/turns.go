package images

import (
	"context"
	"sync"
)

// turns lets one at a time do the work of a name. A mutex could not be interrupted while waiting.
type turns struct {
	mu    sync.Mutex
	taken map[string]chan struct{} // closed when the turn ends
}

// making is shared by all callers of the process: whoever comes second finds the work done.
var making = turns{taken: map[string]chan struct{}{}}

// take waits until nobody else works at name. The error is the context's.
func (t *turns) take(ctx context.Context, name string) (end func(), err error) {
	for {
		t.mu.Lock()
		busy, found := t.taken[name]
		if !found {
			mine := make(chan struct{})
			t.taken[name] = mine
			t.mu.Unlock()
			return func() {
				t.mu.Lock()
				defer t.mu.Unlock()
				delete(t.taken, name)
				close(mine)
			}, nil
		}
		t.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
