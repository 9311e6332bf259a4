package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/mtlslab/mtlslab/lab/command"
)

// errands is a container that hold keeps open, and in which programs are run
// side by side: a new process costs a tenth of a new container, or of an exec by
// the engine.
type errands struct {
	*process
	name string

	telling sync.Mutex // of standard input

	mu   sync.Mutex
	sent map[string]*errand
	over error // why nothing returns any more
}

// errand is one program there.
type errand struct {
	id    string
	says  *journal[string] // its lines, if they are told
	ended chan struct{}    // closed once back or err is set
	back  command.Result
	err   error
}

// sentOn is a container, just started, that takes errands.
func sentOn(name string, p *process) *errands {
	c := &errands{process: p, name: name, sent: make(map[string]*errand)}
	go func() {
		err := eachLine(p.stdout, maxLine, func(line []byte) error {
			back, err := command.ParseResult(line)
			if err == nil {
				c.take(back)
			}
			return err
		})
		c.end(err)
		_, _ = io.Copy(io.Discard, p.stdout)
	}()
	return c
}

// take hands a line of the container to the errand that it is of.
func (c *errands) take(back command.Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.sent[back.ID]
	switch {
	case e == nil:
	case back.Says != "":
		e.says.add(back.Says)
	default:
		delete(c.sent, back.ID)
		e.back = back
		e.finish()
	}
}

// end breaks off whatever has not returned.
func (c *errands) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = fmt.Errorf("%s: %w%s", c.name, err, c.stderr.said())
	for id, e := range c.sent {
		delete(c.sent, id)
		e.err = c.over
		e.finish()
	}
}

func (e *errand) finish() {
	e.says.end(errSilent)
	close(e.ended)
}

// send sends the container on an errand. It does not wait; see [errand.wait].
func (c *errands) send(what command.Command) (*errand, error) {
	e := &errand{id: what.ID, says: newJournal[string](), ended: make(chan struct{})}
	c.mu.Lock()
	over := c.over
	if over == nil {
		c.sent[what.ID] = e
	}
	c.mu.Unlock()
	if over != nil {
		return nil, over
	}
	return e, c.tell(what)
}

// stopErrand has hold end an errand, which returns as any other does.
func (c *errands) stopErrand(e *errand) error { return c.tell(command.Command{ID: e.id, End: true}) }

func (c *errands) tell(what command.Command) error {
	line, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	c.telling.Lock()
	defer c.telling.Unlock()
	if _, err := c.stdin.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("%s: sending it on its errand: %w%s", c.name, err, c.stderr.said())
	}
	return nil
}

// wait returns what came of the errand.
func (e *errand) wait(ctx context.Context) (command.Result, error) {
	select {
	case <-e.ended:
		return e.back, e.err
	case <-ctx.Done():
		return command.Result{}, context.Cause(ctx)
	}
}
