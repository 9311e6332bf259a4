package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Errand is one program that is to be run in a container held open, one JSON
// line. It is how somebody else's client is run again and again: a new process
// costs a fraction of a new container, or of an exec by the engine.
type Errand struct {
	ID    string        `json:"id"`
	Argv  []string      `json:"argv"`
	Stdin string        `json:"stdin,omitempty"`
	Limit time.Duration `json:"limit_ns"` // then it is killed, with all that it started

	// Hangup is RE2: standard input is closed once standard output matches it,
	// or at once if it is empty.
	Hangup string `json:"hangup,omitempty"`
}

// MaxErrandOutput is how much is kept of either stream of one, in bytes: its end.
const MaxErrandOutput = 8 << 10

// Return is what came of an errand, one JSON line.
type Return struct {
	ID       string `json:"id"`
	Exit     int    `json:"exit"` // -1 if a signal ended it
	Out      string `json:"out,omitempty"`
	Err      string `json:"err,omitempty"` // its standard error
	TimedOut bool   `json:"timed_out,omitempty"`
	Fault    string `json:"fault,omitempty"` // it could not be run at all
}

// ParseErrand reads one line.
func ParseErrand(line []byte) (Errand, error) {
	var e Errand
	if err := json.Unmarshal(line, &e); err != nil {
		return e, fmt.Errorf("reading errand: %w", err)
	}
	if e.ID == "" || len(e.Argv) == 0 || e.Argv[0] == "" || e.Limit <= 0 {
		return e, errors.New("reading errand: want an id, a program and a limit")
	}
	return e, nil
}

// ParseReturn reads one line.
func ParseReturn(line []byte) (Return, error) {
	var r Return
	if err := json.Unmarshal(line, &r); err != nil {
		return r, fmt.Errorf("reading return: %w", err)
	}
	if r.ID == "" {
		return r, errors.New("reading return: want an id")
	}
	return r, nil
}
