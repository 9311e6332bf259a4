// Command client sends messages to a server, over TLS in which each side
// verifies the other, and prints the receipts.
//
// It exists to be one end of an exchange and to give its own account of it: to
// a person as text, to the lab as one JSON line and an exit code. It must not
// send a message to a server it has not verified, and must not report success
// before a receipt: in TLS 1.3 the client's handshake ends before the server
// has judged the client (RFC 8446, figure 1).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/mtlslab/mtlslab/lab/wire"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // who signals again does not want to wait
	hangup := make(chan os.Signal, 1)
	code := run(ctx, hangup, os.Args[1:], os.LookupEnv, stdio{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// run is the whole client but for the process around it. It returns one of
// wire's exit codes.
func run(ctx context.Context, hangup chan os.Signal, args []string, getenv func(string) (string, bool), std stdio) int {
	cfg, flags, err := parseFlags(args, getenv)
	r := &reporter{std: std, json: cfg.json}
	switch {
	case errors.Is(err, flag.ErrHelp):
		printHelp(std.out, flags)
		return wire.ExitDelivered
	case err != nil:
		r.complain("%s (see client -help)", err)
		return wire.ExitUsage
	case cfg.version:
		r.say("client %s %s", moduleVersion(), runtime.Version())
		return wire.ExitDelivered
	}
	if cfg.lifetime > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, cfg.lifetime, errLifetime)
		defer cancel()
	}
	creds, halt := load(ctx, cfg, r)
	switch {
	case creds == nil:
		return r.finish(halt)
	case cfg.every > 0:
		signal.Notify(hangup, syscall.SIGHUP) // which ends a client of one exchange
		return streamed(ctx, cfg, hangup, creds, r)
	}
	x := &exchange{cfg: cfg, creds: creds, report: r, messages: newSource(cfg.messages, r.std.in)}
	return r.finish(x.run(ctx))
}

// load loads the material, which where it comes by standard input is also the sign to start.
// Without any the outcome says why.
func load(ctx context.Context, cfg config, r *reporter) (*wire.Credentials, wire.Outcome) {
	type loaded struct {
		creds *wire.Credentials
		err   error
	}
	done := make(chan loaded, 1)
	go func() {
		creds, err := wire.LoadCredentials(cfg.material, r.std.in)
		done <- loaded{creds, err}
	}()
	select {
	case <-ctx.Done():
		return nil, stopped(ctx, "waiting for the material")
	case material := <-done:
		if material.err != nil {
			return nil, failed("", fmt.Errorf("-material: %w", material.err))
		}
		r.warnOfDates(material.creds)
		return material.creds, wire.Outcome{}
	}
}

func moduleVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
