//go:build unix

package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// limitFiles bounds how many files this process may have open.
func limitFiles(n uint64) {
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: n})
}

// countGoroutines says how many there are whenever it is asked by a signal.
func countGoroutines() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	for range asked {
		fmt.Fprintf(os.Stderr, "goroutines %d\n", runtime.NumGoroutine())
	}
}
