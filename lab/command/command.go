// Package command is what the init process of a container is told to run, what it answers,
// and the lines of JSON between it and the lab.
//
// It exists so that both ends mean the same by every word. It does not know what is run,
// and what an exit code means is for others to say.
package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// Command is one program that is to be run in a container that is kept open, one JSON
// line. Clients are run so again and again.
type Command struct {
	ID   string   `json:"id"`
	Argv []string `json:"argv"`
	// Worker is a program that stays up and carries out one command after the other; Argv are the
	// words that it is given for this one.
	Worker []string `json:"worker,omitempty"`
	Env    []string `json:"env,omitempty"` // NAME=value, besides what the container has
	Stdin  []byte   `json:"stdin,omitempty"`
	// Limit is how long it may take. Then it is killed, with all that it started, as soon as it
	// rests, or after Slack times as long.
	Limit time.Duration `json:"limit_ns"`

	// Hangup is RE2: standard input is closed once standard output matches it,
	// or at once if it is empty and not Open.
	Hangup string `json:"hangup,omitempty"`
	// Open: standard input goes on with what later lines bring, until one shuts it.
	Open bool `json:"open,omitempty"`

	// Lines: what it says on either stream is told as it comes, for a server that
	// goes on until it is ended.
	Lines bool `json:"lines,omitempty"`
	// Apart: of the Lines those of standard error are none. They come with the result.
	Apart bool `json:"apart,omitempty"`
	// Alone: no other command is under way, so that whatever is left when it has ended
	// is its own, and is killed.
	Alone bool `json:"alone,omitempty"`
	// End, in a later line with the ID of a command, ends that, and Signal sends it
	// one, as kill(1) names them: "HUP". Feed is more of its standard input, and Shut the
	// end of that. Nothing else is read from such a line.
	End    bool   `json:"end,omitempty"`
	Signal string `json:"signal,omitempty"`
	Feed   []byte `json:"feed,omitempty"`
	Shut   bool   `json:"shut,omitempty"`
	// Look asks what lives in the container by now. Nothing else but the ID is read from
	// such a line.
	Look bool `json:"look,omitempty"`
	// Put are files that are to be put into the container, as far as init may. Likewise.
	Put []File `json:"put,omitempty"`
}

// File is a file as it is to be, or a directory if its mode says so.
type File struct {
	Path        string      `json:"path"` // absolute
	Data        []byte      `json:"data,omitempty"`
	Mode        fs.FileMode `json:"mode"`
	User, Group int         // who owns it
}

// Life is what lives in a container at one moment.
type Life struct {
	// Listening are the inodes of the sockets that listen, by port (proc_pid_net(5)): a
	// socket that was closed and opened again has another.
	Listening map[int][]string `json:"listening,omitempty"`
	// Processes are when each began, by number, in clock ticks since the boot
	// (proc_pid_stat(5), field 22).
	Processes map[int]string `json:"processes,omitempty"`
}

// Slack is how many times its limit a program may take that is not at rest: on a busy machine
// it is slow, and has not hung.
const Slack = 3

// MaxOutput is how much is kept of either stream of one, in bytes: its end. MaxLine is how
// much of one line is told as it comes: its beginning.
const (
	MaxOutput = 8 << 10
	MaxLine   = 128 << 10
)

// Result is what came of a command, one JSON line; before that, of one whose
// Lines are told, a line of what it says.
type Result struct {
	ID       string `json:"id"`
	Says     string `json:"says,omitempty"`
	Exit     int    `json:"exit"` // -1 if a signal ended it
	Out      string `json:"out,omitempty"`
	Err      string `json:"err,omitempty"` // its standard error
	TimedOut bool   `json:"timed_out,omitempty"`
	Fault    string `json:"fault,omitempty"` // it could not be run at all
	Life     *Life  `json:"life,omitempty"`  // to one who looks
}

// Parse reads one line.
func Parse(line []byte) (Command, error) {
	var e Command
	if err := json.Unmarshal(line, &e); err != nil {
		return e, fmt.Errorf("reading command: %w", err)
	}
	if e.ID != "" && (e.Later() || e.Look || len(e.Put) > 0) {
		return e, nil
	}
	program := e.Argv
	if len(e.Worker) > 0 {
		program = e.Worker
	}
	if e.ID == "" || len(program) == 0 || program[0] == "" || e.Limit <= 0 {
		return e, errors.New("reading command: want an id, a program and a limit")
	}
	return e, nil
}

// Later says whether a line is about a command that was given before.
func (c Command) Later() bool { return c.End || c.Signal != "" || len(c.Feed) > 0 || c.Shut }

// ParseResult reads one line.
func ParseResult(line []byte) (Result, error) {
	var r Result
	if err := json.Unmarshal(line, &r); err != nil {
		return r, fmt.Errorf("reading result: %w", err)
	}
	if r.ID == "" {
		return r, errors.New("reading result: want an id")
	}
	return r, nil
}
