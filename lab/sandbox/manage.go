package sandbox

import (
	"context"
	"time"
)

// cleanLimit is how long the engine may take to let everything go. What it still
// holds on to then has to be told.
const cleanLimit = 20 * time.Second

// Clean removes all that the caller's labs have made in the engine, whether or
// not they still run, and counts it. What is left after that is a
// [*LeftoverError].
func (e *Engine) Clean(ctx context.Context) (Leftovers, error) {
	ctx, cancel := context.WithTimeout(ctx, cleanLimit)
	defer cancel()
	return e.clear(ctx, ownedBy(ownerOfLabs()))
}

// Left counts what the caller's labs have in the engine, whether or not they still
// run.
func (e *Engine) Left(ctx context.Context) (Leftovers, error) {
	things, err := e.list(ctx, ownedBy(ownerOfLabs()))
	return count(things), err
}
