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
	code := run(ctx, os.Args[1:], os.LookupEnv, stdio{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// run is the whole client but for the process around it. It returns one of
// wire's exit codes.
func run(ctx context.Context, args []string, getenv func(string) (string, bool), std stdio) int {
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
	return r.finish(perform(ctx, cfg, r))
}

// perform loads the material, which where it comes by standard input is also
// the sign to start, and then runs the exchange.
func perform(ctx context.Context, cfg config, r *reporter) wire.Outcome {
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
		return stopped(ctx, "waiting for the material")
	case material := <-done:
		if material.err != nil {
			return failed("", fmt.Errorf("-material: %w", material.err))
		}
		r.warnOfDates(material.creds)
		x := &exchange{cfg: cfg, creds: material.creds, report: r, messages: newSource(cfg.messages, r.std.in)}
		return x.run(ctx)
	}
}

func moduleVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
