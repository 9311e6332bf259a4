// Package cli is what the verbs of the command line have in common: exit codes, the last
// word of a command, files that are written whole, and flags that say which peer is meant.
//
// It exists so that every verb fails alike. It carries nothing out.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/sandbox"
)

// Exit codes, the same for every command.
const (
	ExitPass        = 0   // all as it must be
	ExitFail        = 1   // a claim failed
	ExitUsage       = 2   // the command line is wrong
	ExitBroken      = 3   // the lab broke, or the answer is inconclusive
	ExitLeftover    = 4   // something was left behind, or nobody knows
	ExitInterrupted = 130 // interrupted, and cleaned up
)

// What a command returns once it has been printed: that a claim failed, that the
// answer is inconclusive, and that what it was given is faulty.
var (
	ErrFail         = errors.New("a claim failed")
	ErrInconclusive = errors.New("inconclusive")
	ErrFaulty       = errors.New("faulty")
)

// UsageError is a command line that cannot be used.
type UsageError struct{ Err error }

func (e UsageError) Error() string { return e.Err.Error() }
func (e UsageError) Unwrap() error { return e.Err }

// UnfinishedError is a clean-up that did not come to its end.
type UnfinishedError struct{ Err error }

func (e UnfinishedError) Error() string {
	return e.Err.Error() + "\nthe rest is still there: mtlslab clean"
}

// Unwrap is what went wrong.
func (e UnfinishedError) Unwrap() error { return e.Err }

// Conclude says what has not been said yet, and returns the exit code.
func Conclude(ctx context.Context, err error, stderr io.Writer) int {
	code := exitCode(ctx, err)
	said := errors.Is(err, ErrFail) || errors.Is(err, ErrInconclusive) || errors.Is(err, ErrFaulty)
	left := leftBehind(err)
	switch {
	case err == nil:
	case left != nil && ctx.Err() != nil:
		fmt.Fprintf(stderr, "mtlslab: interrupted; %v\n", left)
	case left != nil && said:
		fmt.Fprintf(stderr, "mtlslab: %v\n", left)
	case said:
	case code == ExitInterrupted:
		fmt.Fprintln(stderr, "mtlslab: interrupted; nothing was left behind")
	default:
		fmt.Fprintf(stderr, "mtlslab: %v\n", err)
	}
	return code
}

// leftBehind is the part of an error that says so, or that nobody knows; or nil.
func leftBehind(err error) error {
	if left, ok := errors.AsType[*sandbox.LeftoverError](err); ok {
		return left
	}
	if open, ok := errors.AsType[*lab.CloseError](err); ok {
		return open
	}
	if rest, ok := errors.AsType[UnfinishedError](err); ok {
		return rest
	}
	return nil
}

func exitCode(ctx context.Context, err error) int {
	var usage UsageError
	switch {
	case leftBehind(err) != nil:
		return ExitLeftover
	case ctx.Err() != nil:
		return ExitInterrupted
	case err == nil:
		return ExitPass
	case errors.As(err, &usage) || errors.Is(err, ErrFaulty):
		return ExitUsage
	case errors.Is(err, ErrFail):
		return ExitFail
	default:
		return ExitBroken
	}
}
