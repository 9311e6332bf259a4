package command

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/mtlslab/mtlslab/lab/journal"
)

// Runner has commands run in one container that the init process keeps open. A new
// process costs a tenth of a new container, or of an exec by the engine. Its methods
// may be called by many goroutines at once. Make one with [NewRunner].
type Runner struct {
	name  string
	stdin io.Writer
	said  func() string

	telling sync.Mutex // of standard input

	mu      sync.Mutex
	running map[string]*Running
	ended   error // why no result comes any more
}

// Running is a command that was given to a [Runner].
type Running struct {
	ID    string
	Lines *journal.Journal[string] // what it says, if its Lines are asked for
	Ended <-chan struct{}          // closed when the result is known, or never will be

	ended  chan struct{}
	result Result
	err    error
}

// maxResult bounds one line of init's, in bytes: a line that it tells grows when it is quoted.
const maxResult = 8 * MaxLine

// NewRunner returns a runner of the container of that name, whose init process has
// these streams. said is the end of an error: the last that init complained of.
func NewRunner(name string, stdin io.Writer, stdout io.Reader, said func() string) *Runner {
	r := &Runner{name: name, stdin: stdin, said: said, running: make(map[string]*Running)}
	go func() {
		r.end(journal.EachLine(stdout, maxResult, func(line []byte) error {
			result, err := ParseResult(line)
			if err == nil {
				r.take(result)
			}
			return err
		}))
		_, _ = io.Copy(io.Discard, stdout) // init must not block on a full pipe
	}()
	return r
}

// take hands a line of the container to the command that it is of.
func (r *Runner) take(result Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.running[result.ID]
	switch {
	case c == nil:
	case result.Says != "":
		c.Lines.Add(result.Says)
	default:
		delete(r.running, result.ID)
		c.result = result
		c.finish()
	}
}

// end breaks off whatever has no result.
func (r *Runner) end(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = fmt.Errorf("%s: %w%s", r.name, err, r.said())
	for id, c := range r.running {
		delete(r.running, id)
		c.err = r.ended
		c.finish()
	}
}

func (c *Running) finish() {
	c.Lines.End(journal.ErrEnded)
	close(c.ended)
}

// Start has a command run, and does not wait for it.
func (r *Runner) Start(what Command) (*Running, error) {
	ended := make(chan struct{})
	c := &Running{ID: what.ID, Lines: journal.New[string](), Ended: ended, ended: ended}
	r.mu.Lock()
	over := r.ended
	if over == nil {
		r.running[what.ID] = c
	}
	r.mu.Unlock()
	if over != nil {
		return nil, over
	}
	return c, r.tell(what)
}

// Stop ends a command, which then has a result as any other does.
func (r *Runner) Stop(c *Running) error { return r.tell(Command{ID: c.ID, End: true}) }

// Signal sends a command a signal, as kill(1) names them: "HUP".
func (r *Runner) Signal(c *Running, name string) error {
	return r.tell(Command{ID: c.ID, Signal: name})
}

// Feed gives a command that is Open more of its standard input.
func (r *Runner) Feed(c *Running, input []byte) error { return r.tell(Command{ID: c.ID, Feed: input}) }

// Shut ends the standard input of a command that is Open.
func (r *Runner) Shut(c *Running) error { return r.tell(Command{ID: c.ID, Shut: true}) }

func (r *Runner) tell(what Command) error {
	line, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	r.telling.Lock()
	defer r.telling.Unlock()
	if _, err := r.stdin.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("%s: giving it a command: %w%s", r.name, err, r.said())
	}
	return nil
}

// Wait returns what came of the command. An error says that nobody knows.
func (c *Running) Wait(ctx context.Context) (Result, error) {
	select {
	case <-c.Ended:
		return c.result, c.err
	case <-ctx.Done():
		return Result{}, context.Cause(ctx)
	}
}

// Put puts files into the container. An error says that they may not all be as they are to be.
func (r *Runner) Put(ctx context.Context, id string, files []File) error {
	asked, err := r.Start(Command{ID: id, Put: files})
	if err != nil {
		return err
	}
	result, err := asked.Wait(ctx)
	if err == nil && result.Fault != "" {
		err = fmt.Errorf("%s: putting files into it: %s", r.name, result.Fault)
	}
	return err
}

// Look says what lives in the container. An error says that nobody knows: it may have ended.
func (r *Runner) Look(ctx context.Context, id string) (Life, error) {
	asked, err := r.Start(Command{ID: id, Look: true})
	if err != nil {
		return Life{}, err
	}
	switch result, err := asked.Wait(ctx); {
	case err != nil:
		return Life{}, err
	case result.Life == nil:
		return Life{}, fmt.Errorf("%s: looking what lives there: %s", r.name, result.Fault)
	default:
		return *result.Life, nil
	}
}
