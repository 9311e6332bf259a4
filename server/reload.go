package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// settle is how long a directory must have been left alone before it is read:
// a bundle is several files, and nobody replaces them all at once.
const settle = 100 * time.Millisecond

// watcher reloads the material when its directory changes, and on SIGHUP; or,
// where it came by standard input, when another tar follows there.
type watcher struct {
	server *server
	dir    string
	files  *fsnotify.Watcher // nil where the material came by standard input
	tars   chan loaded
	inUse  *wire.Credentials
	done   chan struct{}
}

// loaded is material that was read, or why it cannot be used.
type loaded struct {
	creds *wire.Credentials
	err   error
}

func watch(
	ctx context.Context,
	cfg config,
	hangup <-chan os.Signal,
	s *server,
	creds *wire.Credentials,
	stdin io.Reader,
) (*watcher, error) {
	w := &watcher{server: s, inUse: creds, dir: cfg.material, tars: make(chan loaded), done: make(chan struct{})}
	if cfg.material == wire.Stdin {
		go w.readTars(ctx, bufio.NewReader(stdin))
	} else {
		var err error
		if w.files, err = fsnotify.NewWatcher(); err != nil {
			return nil, err
		}
		// The directory and not its files: they are replaced, not written to,
		// and in Kubernetes they are links through a link that is replaced.
		if err := w.files.Add(cfg.material); err != nil {
			_ = w.files.Close()
			return nil, err
		}
	}
	go w.run(ctx, hangup)
	return w, nil
}

func (w *watcher) run(ctx context.Context, hangup <-chan os.Signal) {
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
				w.reload(false)
			}
		case <-hangup:
			w.reload(true)
		case next := <-w.tars:
			w.use(next, true)
		case err := <-faults: // events may have been lost
			w.server.say.warn("watching " + w.dir + ": " + err.Error())
			settled.Reset(settle)
		}
	}
}

// reload takes what is in the directory now. What is the same as before is no
// news, unless somebody asked.
func (w *watcher) reload(asked bool) {
	if w.files == nil {
		w.server.say.warn("material from standard input is reloaded by sending another tar, not by a signal")
		return
	}
	_ = w.files.Add(w.dir) // it may be another directory by now; loading tells what is wrong with it
	creds, err := wire.LoadCredentials(w.dir, nil)
	w.use(loaded{creds, err}, asked)
}

func (w *watcher) use(next loaded, asked bool) {
	if next.err != nil {
		w.server.say.reloadFailed(next.err)
		return
	}
	if !asked && next.creds.Equal(w.inUse) {
		return
	}
	w.inUse = next.creds
	w.server.use(next.creds)
	w.server.say.reloaded(next.creds)
}

// readTars reads what follows the first tar on standard input. Tars may be
// padded with zeros. One that cannot be read is the last: where the next would
// begin is not known.
func (w *watcher) readTars(ctx context.Context, stdin *bufio.Reader) {
	for {
		first, err := stdin.Peek(1)
		if err != nil {
			return
		}
		if first[0] == 0 {
			_, _ = stdin.Discard(1) // it is there
			continue
		}
		creds, err := wire.LoadCredentials(wire.Stdin, stdin)
		select {
		case w.tars <- loaded{creds, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			_, _ = io.Copy(io.Discard, stdin) // its end may end the server
			return
		}
	}
}

// close waits until no reload is under way.
func (w *watcher) close() { <-w.done }
