// Command server takes messages from clients that it has verified, and from
// nobody else. It prints each, and answers it with a receipt.
//
// It exists to be one end of an exchange and to give its own account of it: to
// a person as text, to the lab as JSON lines. It must not listen without
// demanding certificates, whatever it is given: trust that is missing, empty or
// unreadable is a server that does not start.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/mtlslab/mtlslab/lab/metrics"
	"github.com/mtlslab/mtlslab/lab/renewal"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Exit codes.
const (
	exitStopped = 0 // told to stop, or at the end of its lifetime
	exitFailed  = 1 // bad material, or an address that cannot be had
	exitUsage   = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // who signals again does not want to wait
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	os.Exit(run(ctx, hangup, os.Args[1:], os.LookupEnv, stdio{os.Stdin, os.Stdout, os.Stderr}))
}

type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// run is the whole server but for the process around it.
func run(
	ctx context.Context,
	hangup <-chan os.Signal,
	args []string,
	lookup func(string) (string, bool),
	std stdio,
) int {
	cfg, flags, err := parseFlags(args, lookup)
	switch {
	case errors.Is(err, flag.ErrHelp):
		printHelp(std.out, flags)
		return exitStopped
	case err != nil:
		complain(std.err, err.Error()+" (see server -help)")
		return exitUsage
	case cfg.version:
		fmt.Fprintf(std.out, "server %s %s\n", moduleVersion(), runtime.Version())
		return exitStopped
	}
	if cfg.lifetime > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, cfg.lifetime)
		defer cancel()
	}
	if cfg.untilEOF {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		std.in = lease{std.in, cancel}
	}
	if cfg.probe {
		err = probe(ctx, cfg.listen)
	} else {
		err = listenAndServe(ctx, hangup, cfg, std)
	}
	if err != nil {
		complain(std.err, err.Error())
		return exitFailed
	}
	return exitStopped
}

// complain says in one line why there is no server.
func complain(w io.Writer, text string) {
	_, _ = fmt.Fprintln(w, "server: "+wire.Printable(text))
}

func listenAndServe(ctx context.Context, hangup <-chan os.Signal, cfg config, std stdio) error {
	tried := make(chan []wire.Try, 1)
	go func() { tried <- wire.TryToReach(ctx, cfg.reach) }()
	creds, err := loadInTime(ctx, cfg, std.in)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil // told to stop before there was anything to serve with
	}
	if err != nil {
		return fmt.Errorf("-material: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.listen)
	if err != nil {
		return fmt.Errorf("-listen %s: %w", cfg.listen, listenFault(err))
	}
	say := newTeller(std, cfg.json)
	s := newServer(cfg, creds, say)
	answers, err := metrics.Listen(ctx, cfg.metrics, say.meter.read)
	if err != nil {
		_ = listener.Close()
		return fmt.Errorf("-metrics %s: %w", cfg.metrics, listenFault(err))
	}
	material := &renewal.Watcher{
		From: cfg.material, Stdin: std.in, Hangup: hangup, InUse: creds,
		Use: func(creds *wire.Credentials) {
			s.use(creds)
			say.reloaded(creds)
		},
		Failed: say.reloadFailed, Warn: say.warn,
	}
	if err := material.Start(ctx); err != nil {
		_ = listener.Close()
		return fmt.Errorf("watching -material %s: %w", cfg.material, err)
	}
	defer material.Wait()
	say.listening(listener.Addr(), answers, creds)
	if len(cfg.reach) > 0 {
		go func() { say.reached(<-tried) }()
	}
	s.serve(ctx, listener)
	say.stopped()
	return nil
}

// listenFault drops what -listen says already, and says what it may mean.
func listenFault(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w; is another server there already?", err)
	}
	return err
}

// loadInTime loads the material, which where it comes by standard input may
// take for ever.
func loadInTime(ctx context.Context, cfg config, stdin io.Reader) (*wire.Credentials, error) {
	type loaded struct {
		creds *wire.Credentials
		err   error
	}
	done := make(chan loaded, 1)
	go func() {
		creds, err := wire.LoadCredentials(cfg.material, stdin)
		done <- loaded{creds, err}
	}()
	select {
	case l := <-done:
		if l.err != nil && ctx.Err() != nil {
			return nil, ctx.Err() // it ended because standard input did
		}
		return l.creds, l.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func moduleVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
