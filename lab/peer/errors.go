package peer

import (
	"fmt"
	"strings"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// UnusableError says that a peer could not be put to the test: either it or what is said
// of it, by its adapter for example, is wrong, and no verdict can be had.
type UnusableError struct {
	Peer string
	What string   // went wrong
	Look string   // at which keys of its adapter, to mend it; empty of our own
	Log  []string // the peer's last lines

	// Ended is how it ended, if it has.
	Ended *wire.Outcome
}

func (e *UnusableError) Error() string {
	text := fmt.Sprintf("%s: %s", e.Peer, e.What)
	if e.Look == "" {
		return text
	}
	text += "\n  look at: " + e.Look
	if len(e.Log) == 0 {
		return text + "\n  it wrote nothing"
	}
	return text + "\n  it wrote last:\n    " + strings.Join(e.Log, "\n    ")
}

// CannotError says that a peer cannot be put into what a case wants of it.
type CannotError struct{ Why string }

func (e *CannotError) Error() string { return e.Why }

// Ended is the account of a program that has exited, by its exit code: 126, 127 and 128
// with a signal's number are what shells and engines make of a program that could not
// be run, or that a signal ended. A program that refuses ends by itself.
func Ended(role wire.Role, code int, said string) *wire.Outcome {
	o := &wire.Outcome{
		Role:   role,
		Kind:   wire.Failed,
		Reason: wire.Ended,
		Detail: fmt.Sprintf("exit code %d%s", code, said),
	}
	switch {
	case code == 0:
		o.Kind, o.Reason = wire.Stopped, ""
	case Crashed(code):
		o.Reason = wire.Crashed
	}
	return o
}

// Crashed says whether a program that exited so did not end by itself.
func Crashed(code int) bool { return code < 0 || code >= 126 && code <= 128+64 }
