// Command hold does nothing until it is told to stop. It holds a container open
// in which other programs are run, whatever image that is made from.
package main

import (
	"context"
	"flag"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	lifetime := flag.Duration("lifetime", 10*time.Minute, "`time` after which it stops by itself")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *lifetime)
	defer cancel()
	<-ctx.Done()
}
