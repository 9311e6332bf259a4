//go:build unix

// Command init is the first process of a container of the lab's whose image does not end
// by itself: somebody else's, or one of ours that is to be used again and again. It runs
// programs as its standard input tells it, the image's own or others, and says what lives in
// the container. It ends with all of them when its lifetime does, or its standard input, so that
// nothing outlives a lab that was killed.
//
// It exists because other people's programs do not end by themselves, and because a new
// process is far cheaper than a new container. It judges nothing and changes nothing: what
// it runs gets the image's own user, environment and directory.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	lifetime := flag.Duration("lifetime", 10*time.Minute, "`time` after which it stops by itself, and what it runs")
	flag.Parse()
	if *lifetime <= 0 {
		fmt.Fprintln(os.Stderr, "init: -lifetime: want more than none")
		os.Exit(2) // usage
	}
	ctx, cancel := context.WithTimeout(context.Background(), *lifetime)
	serve(ctx, os.Stdin, os.Stdout)
	cancel()
}

// grace is how long a program that was told to stop has to do so.
const grace = 2 * time.Second

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
