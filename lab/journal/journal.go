// Package journal reads what a running program says, line by line, and lets
// anybody wait for a line, whether it has come already or not.
//
// It exists because a program's lines come at any time and several wait for them:
// a log that is polled loses lines or time. It does not know what a line means,
// and it never throws one away.
package journal

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
)

// MaxLine bounds one line, in bytes.
const MaxLine = 128 << 10

// ErrEnded says that the lines ended without the one that was waited for.
var ErrEnded = errors.New("its output ended")

// Journal collects the lines of one program as they come. It keeps them all, so that
// nobody who waits can be too late. Its methods may be called by many goroutines at
// once. Make one with [New].
type Journal[T any] struct {
	mu      sync.Mutex
	entries []T
	ended   error         // nil while the account goes on
	changed chan struct{} // closed, and replaced, at every change
}

// New returns a journal without lines.
func New[T any]() *Journal[T] { return &Journal[T]{changed: make(chan struct{})} }

// Read takes lines until r ends. A line that cannot be parsed ends the journal with
// that error: what comes after it cannot be trusted.
func (j *Journal[T]) Read(r io.Reader, parse func([]byte) (T, error)) {
	j.End(EachLine(r, MaxLine, func(line []byte) error {
		entry, err := parse(line)
		if err == nil {
			j.Add(entry)
		}
		return err
	}))
	_, _ = io.Copy(io.Discard, r) // the program must not block on a full pipe
}

// ReadText takes lines of text until r ends. One that is longer than MaxLine comes in
// parts: it is of a program that nobody told of a limit.
func ReadText(j *Journal[string], r io.Reader) {
	lines := bufio.NewReaderSize(r, MaxLine)
	for {
		line, _, err := lines.ReadLine()
		if err != nil {
			j.End(ErrEnded)
			return
		}
		j.Add(string(line))
	}
}

// EachLine calls f for every line of r, none of which is longer than limit, in bytes.
// It returns the first error of either, or [ErrEnded] at the end.
func EachLine(r io.Reader, limit int, f func(line []byte) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, limit)
	for lines.Scan() {
		if err := f(lines.Bytes()); err != nil {
			return err
		}
	}
	return cmp.Or(lines.Err(), ErrEnded)
}

// Add takes one more entry.
func (j *Journal[T]) Add(entry T) { j.change(func() { j.entries = append(j.entries, entry) }) }

// End says that no more entries come, and why.
func (j *Journal[T]) End(err error) { j.change(func() { j.ended = err }) }

func (j *Journal[T]) change(f func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f()
	close(j.changed)
	j.changed = make(chan struct{})
}

// Await returns the first entry that matches, past or to come. Its error is that with
// which the journal ended, or the cause of ctx's end.
func (j *Journal[T]) Await(ctx context.Context, match func(T) bool) (T, error) {
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

// Follow calls f for every entry, past and to come, and returns the error with which the
// journal ended.
func (j *Journal[T]) Follow(f func(T)) error {
	_, err := j.Await(context.Background(), func(entry T) bool {
		f(entry)
		return false
	})
	return err
}

// All returns the entries so far.
func (j *Journal[T]) All() []T {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.entries)
}

// Any says whether one of the entries so far matches.
func (j *Journal[T]) Any(match func(T) bool) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.ContainsFunc(j.entries, match)
}
