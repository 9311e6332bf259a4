// Package renewal tells a running program of new material, however it comes: its directory
// changes, somebody sends SIGHUP, or another tar follows on standard input.
//
// It exists because a server and a client have to notice the same things, and neither must go on
// with half of a bundle. It decides nothing: what is done with new material, and with material
// that cannot be used, is the program's.
package renewal

import (
	"bufio"
	"context"
	"io"
	"os"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// settle is how long a directory must have been left alone before it is read: a bundle is
// several files, and nobody replaces them all at once.
const settle = 100 * time.Millisecond

// Watcher watches one program's material. Its functions are called by one goroutine, one after
// the other.
type Watcher struct {
	From   string    // the directory, or [wire.Stdin]
	Stdin  io.Reader // what follows the first tar there
	Hangup <-chan os.Signal
	InUse  *wire.Credentials // from the beginning

	Use    func(*wire.Credentials) // is told of other material, or of the same where somebody asked
	Failed func(error)             // is told why the new material cannot be used
	Warn   func(string)            // is told what a person should know
	Ended  func()                  // is told that standard input has ended; may be nil

	files *fsnotify.Watcher // nil where the material came by standard input
	tars  chan loaded
	done  chan struct{}
}

// loaded is material that was read, or why it cannot be used.
type loaded struct {
	creds *wire.Credentials
	err   error
}

// Start watches until ctx is done. Its error says that the directory cannot be watched.
func (w *Watcher) Start(ctx context.Context) error {
	w.tars, w.done = make(chan loaded), make(chan struct{})
	if w.From == wire.Stdin {
		go w.readTars(ctx, bufio.NewReader(w.Stdin))
	} else {
		var err error
		if w.files, err = fsnotify.NewWatcher(); err != nil {
			return err
		}
		// The directory and not its files: they are replaced, not written to, and in
		// Kubernetes they are links through a link that is replaced.
		if err := w.files.Add(w.From); err != nil {
			_ = w.files.Close()
			return err
		}
	}
	go w.run(ctx)
	return nil
}

// Wait returns when ctx is done and no renewal is under way.
func (w *Watcher) Wait() { <-w.done }

func (w *Watcher) run(ctx context.Context) {
	defer close(w.done)
	var events <-chan fsnotify.Event
	var faults <-chan error
	if w.files != nil {
		defer w.files.Close() //nolint:errcheck // nothing is left to be lost
		events, faults = w.files.Events, w.files.Errors
	}
	settled := time.NewTimer(settle) // for a change from before the watch began
	defer settled.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-events:
			settled.Reset(settle)
		case <-settled.C:
			if w.files != nil {
				w.read(false)
			}
		case <-w.Hangup:
			w.read(true)
		case next := <-w.tars:
			w.take(next, true)
		case err := <-faults: // events may have been lost
			w.Warn("watching " + w.From + ": " + err.Error())
			settled.Reset(settle)
		}
	}
}

// read takes what is in the directory now. What is the same as before is no news, unless
// somebody asked.
func (w *Watcher) read(asked bool) {
	if w.files == nil {
		w.Warn("material from standard input is reloaded by sending another tar, not by a signal")
		return
	}
	_ = w.files.Add(w.From) // it may be another directory by now; loading tells what is wrong with it
	creds, err := wire.LoadCredentials(w.From, nil)
	w.take(loaded{creds, err}, asked)
}

func (w *Watcher) take(next loaded, asked bool) {
	if next.err != nil {
		w.Failed(next.err)
		return
	}
	if !asked && next.creds.Equal(w.InUse) {
		return
	}
	w.InUse = next.creds
	w.Use(next.creds)
}

// readTars reads what follows the first tar on standard input. Tars may be padded with zeros.
// One that cannot be read is the last: where the next would begin is not known.
func (w *Watcher) readTars(ctx context.Context, stdin *bufio.Reader) {
	defer func() {
		if w.Ended != nil {
			w.Ended()
		}
	}()
	for {
		first, err := stdin.Peek(1)
		if err != nil {
			return
		}
		if first[0] == 0 {
			_, _ = stdin.Discard(1) // it is there
			continue
		}
		m, err := wire.LoadMaterial(wire.Stdin, stdin)
		next := loaded{err: err}
		if err == nil {
			next.creds, next.err = m.Parse()
		}
		select {
		case w.tars <- next:
		case <-ctx.Done():
			return
		}
		if err != nil {
			_, _ = io.Copy(io.Discard, stdin) // its end may end the program
			return
		}
	}
}
