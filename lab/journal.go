package lab

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
)

// maxLine bounds one line of a peer's account, in bytes.
const maxLine = 128 << 10

// errSilent says that a peer's account ended without what was waited for.
var errSilent = errors.New("the peer's account ended")

// journal collects the lines of one peer's account as they arrive. It keeps them
// all, so that nobody who waits can come too late.
type journal[T any] struct {
	mu      sync.Mutex
	entries []T
	ended   error         // nil while the account goes on
	changed chan struct{} // closed, and replaced, at every change
}

func newJournal[T any]() *journal[T] { return &journal[T]{changed: make(chan struct{})} }

// read takes lines until r ends. A line that cannot be parsed ends the account:
// what comes after it cannot be trusted.
func (j *journal[T]) read(r io.Reader, parse func([]byte) (T, error)) {
	j.end(eachLine(r, maxLine, func(line []byte) error {
		entry, err := parse(line)
		if err == nil {
			j.add(entry)
		}
		return err
	}))
	_, _ = io.Copy(io.Discard, r) // the peer must not block on a full pipe
}

// readText takes lines of a program that knows no limits until r ends. One that is
// longer than maxLine comes in parts.
func readText(j *journal[string], r io.Reader) {
	lines := bufio.NewReaderSize(r, maxLine)
	for {
		line, _, err := lines.ReadLine()
		if err != nil {
			j.end(errSilent)
			return
		}
		j.add(string(line))
	}
}

// eachLine calls f for every line of r, none of which is longer than limit, in bytes.
// It returns the first error of either, or errSilent at the end.
func eachLine(r io.Reader, limit int, f func(line []byte) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, limit)
	for lines.Scan() {
		if err := f(lines.Bytes()); err != nil {
			return err
		}
	}
	return cmp.Or(lines.Err(), errSilent)
}

func (j *journal[T]) add(entry T)   { j.change(func() { j.entries = append(j.entries, entry) }) }
func (j *journal[T]) end(err error) { j.change(func() { j.ended = err }) }

func (j *journal[T]) change(f func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f()
	close(j.changed)
	j.changed = make(chan struct{})
}

// await returns the first entry that matches, past or to come.
func (j *journal[T]) await(ctx context.Context, match func(T) bool) (T, error) {
	for next := 0; ; {
		j.mu.Lock()
		entries, ended, changed := j.entries[next:], j.ended, j.changed
		j.mu.Unlock()
		for _, entry := range entries {
			if match(entry) {
				return entry, nil
			}
		}
		next += len(entries)
		var none T
		if ended != nil {
			return none, ended
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return none, context.Cause(ctx)
		}
	}
}

// all returns the entries so far.
func (j *journal[T]) all() []T {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.entries)
}

// any says whether one of the entries so far matches.
func (j *journal[T]) any(match func(T) bool) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.ContainsFunc(j.entries, match)
}
