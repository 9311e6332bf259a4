//go:debug rsa1024min=0

// Command adversary is the hostile peer of every case. It plays the bad client
// or the bad server, as each line of its standard input tells it, and says on
// standard output what it saw.
//
// It exists because an honest TLS program will not do what an attacker does: it
// presents what it is given, whatever the other side asked for, and goes on
// where an honest peer would stop. It judges nothing, and accepts any other
// side: whether it was right to talk to it is for the lab to say.
//
// The directive is for keys that crypto/rsa finds too weak: they are something
// to attack with.
package main

import (
	"cmp"
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
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// Exit codes.
const (
	exitDone   = 0 // the input ended, or the lifetime did, or it was told to stop
	exitFailed = 1 // the input cannot be read, or the output not written
	exitUsage  = 2
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

type config struct {
	lifetime time.Duration // zero: none
	version  bool
}

func (c *config) flagSet() *flag.FlagSet {
	fs := flag.NewFlagSet("adversary", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	fs.DurationVar(&c.lifetime, "lifetime", 0, "longest `time` that the process may live; 0 is for ever")
	fs.BoolVar(&c.version, wire.VersionFlag, false, "print the version and exit")
	return fs
}

func parseFlags(args []string, lookup func(string) (string, bool)) (config, *flag.FlagSet, error) {
	var c config
	fs := c.flagSet()
	if err := fs.Parse(args); err != nil || c.version {
		return c, fs, err
	}
	switch err := wire.SetFromEnvironment(fs, lookup); {
	case err != nil:
		return c, fs, err
	case fs.NArg() > 0:
		return c, fs, fmt.Errorf("argument %q: the adversary takes flags only", fs.Arg(0))
	case c.lifetime < 0:
		return c, fs, fmt.Errorf("-lifetime %v is negative", c.lifetime)
	}
	return c, fs, nil
}

// run is the whole program but for the process around it.
func run(ctx context.Context, args []string, lookup func(string) (string, bool), std stdio) int {
	cfg, flags, err := parseFlags(args, lookup)
	switch {
	case errors.Is(err, flag.ErrHelp):
		printHelp(std.out, flags)
		return exitDone
	case err != nil:
		complain(std.err, err.Error()+" (see adversary -help)")
		return exitUsage
	case cfg.version:
		_, _ = fmt.Fprintf(std.out, "adversary %s %s\n", moduleVersion(), runtime.Version())
		return exitDone
	}
	if cfg.lifetime > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, cfg.lifetime)
		defer cancel()
	}
	if err := newField(std.out).serve(ctx, std.in); err != nil {
		complain(std.err, err.Error())
		return exitFailed
	}
	return exitDone
}

func complain(w io.Writer, text string) {
	_, _ = fmt.Fprintln(w, "adversary: "+wire.Printable(text))
}

func printHelp(w io.Writer, fs *flag.FlagSet) {
	_, _ = io.WriteString(w, "adversary attacks as each line of standard input tells it, as a client or as a\n"+
		"server, and says on standard output what it saw. It judges nothing. It is no\n"+
		"use without package lab, which makes the lines.\n\n"+
		"    adversary [flags]\n\n"+
		"When the input ends, so do the attacks as a server; those as a client have\n"+
		"until their limits, and then the process ends.\n\n"+
		"Flags, each with the variable that is read where the flag is not given:\n"+
		wire.DescribeFlags(fs)+
		"\nExit codes: 0 stopped, 1 input or output is broken, 2 usage.\n")
}

func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(devel)"
	}
	return cmp.Or(info.Main.Version, "(devel)")
}
