// Package limit lets a number of goroutines do something at once, and no more.
//
// It exists because a mutex cannot be given up while one waits, and everything
// here can be interrupted.
package limit

import "context"

// Limit is how many there may be at once. One value may be shared by all who are
// to be counted together.
type Limit chan struct{}

// To returns a limit of n, which is at least one.
func To(n int) Limit { return make(Limit, max(1, n)) }

// Enter waits until there are fewer than the limit. Whoever entered has to leave.
// The error is the cause of ctx's end.
func (l Limit) Enter(ctx context.Context) (leave func(), err error) {
	select {
	case l <- struct{}{}:
		return func() { <-l }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Size is how many there may be at once.
func (l Limit) Size() int { return cap(l) }
