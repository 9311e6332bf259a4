//go:build unix

// Command init is the first process of a container of the lab's whose image does not end
// by itself: somebody else's, or one of ours that is to be used again and again. It runs
// the image's own program once, or other programs again and again as its standard input
// tells it. It ends with all of them when its lifetime does, or its standard input, so that
// nothing outlives a lab that was killed.
//
// It exists because other people's programs do not end by themselves, and because a new
// process is far cheaper than a new container. It judges nothing and changes nothing: what
// it runs gets the image's own user, environment and directory.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// Exit codes of init itself; a program's own is passed on.
const (
	exitUsage     = 2
	exitCannotRun = 127 // as a shell says it
	exitSignalled = 128 // to which the signal's number is added
)

func main() {
	lifetime := flag.Duration("lifetime", 10*time.Minute, "`time` after which it stops by itself, and what it runs")
	flag.Parse()
	if *lifetime <= 0 {
		fmt.Fprintln(os.Stderr, "init: -lifetime: want more than none")
		os.Exit(exitUsage)
	}
	ctx, cancel := context.WithTimeout(context.Background(), *lifetime)
	var code int
	if flag.NArg() > 0 {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin) // it ends when the lab is gone
			cancel()
		}()
		code = runOne(ctx, flag.Args())
	} else {
		serve(ctx, os.Stdin, os.Stdout)
	}
	cancel()
	os.Exit(code)
}

// grace is how long a program that was told to stop has to do so.
const grace = 2 * time.Second

// runOne runs the image's own program, with the output of init and no input, hands on the
// signals that init is sent, and returns the program's exit code.
func runOne(ctx context.Context, argv []string) int {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // the image's own
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = grace
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "init:", err)
		return exitCannotRun
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM,
		syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH)
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s) // it may have ended
		}
	}()
	return exitCode(cmd.Wait(), cmd.ProcessState)
}

func exitCode(err error, state *os.ProcessState) int {
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited && state == nil {
		return exitCannotRun
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return exitSignalled + int(status.Signal())
	}
	return state.ExitCode()
}

// serve keeps the container open, and runs the commands that it is told until its input
// ends, or ctx, or a signal comes.
func serve(ctx context.Context, in io.Reader, out io.Writer) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		newRunner(out).read(ctx, in)
	}()
	select {
	case <-ended: // whatever still runs ends with the container
	case <-ctx.Done():
	}
}
