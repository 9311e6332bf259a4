package lab

import (
	"context"
	"errors"
	"fmt"

	"github.com/mtlslab/mtlslab/lab/sandbox"
)

// errUnreached says that the server's tries to reach what is outside are not known.
var errUnreached = errors.New("the server does not say what it reached")

// Close ends and removes everything the lab made, looks again, and returns a
// [*sandbox.LeftoverError] if anything is still there, or a [*CloseError] if that could
// not be seen. It does its work even if ctx is cancelled already, within a minute. It may
// be called more than once.
func (l *Lab) Close(ctx context.Context) error {
	err := l.place.Sandbox.Close(ctx)
	if _, left := errors.AsType[*sandbox.LeftoverError](err); err == nil || left {
		return err
	}
	return &CloseError{err}
}

// CloseError says that nobody knows whether a lab has left anything behind.
type CloseError struct{ Err error }

func (e *CloseError) Error() string {
	return fmt.Sprintf("closing the lab: %v\nonce the engine answers, remove what may be left: mtlslab clean", e.Err)
}

func (e *CloseError) Unwrap() error { return e.Err }
