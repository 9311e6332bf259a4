package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync/atomic"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// refusals is how many there were, of whomever, and when the last was.
var (
	refusals atomic.Int32
	last     atomic.Int64 // in nanoseconds of Unix
)

// locked is how long nobody is served after too many refusals.
const locked = 4 * time.Second

// fickle are servers that are right about each certificate, and change meanwhile; or seem to.
var fickle = []fault{
	{name: "locks-out", open: lockedAfter(5), failed: counted},
	{name: "locks-out-at-once", open: lockedAfter(1), failed: counted},
	{name: "ends-when-expired", config: func(s *server) {
		s.tls.VerifyConnection = func(state tls.ConnectionState) error {
			err := s.verify(state)
			if wire.Explain(err, nil, state, tls.VersionTLS12, time.Now()).Reason == wire.Expired {
				os.Exit(1)
			}
			return err
		}
	}},
	{name: "slow", open: func(*connection) bool {
		time.Sleep(200 * time.Millisecond)
		return false
	}},
	{name: "behind", policy: at(-10 * time.Minute)},
	{name: "ahead", policy: at(4 * time.Minute)},
}

func lockedAfter(n int32) func(*connection) bool {
	return func(*connection) bool {
		if time.Since(time.Unix(0, last.Load())) > locked {
			refusals.Store(0)
		}
		return refusals.Load() >= n
	}
}

func counted(wire.Reason) {
	last.Store(time.Now().UnixNano())
	refusals.Add(1)
}

func at(apart time.Duration) func(*wire.Policy) {
	return func(p *wire.Policy) { p.Now = func() time.Time { return time.Now().Add(apart) } }
}

// supervise starts this program again and again, without the flag that says so, or as many at
// once, which share a socket, and never ends by itself.
func supervise(workers int, listen string) error {
	args := slices.DeleteFunc(slices.Clone(os.Args[1:]), func(arg string) bool {
		return arg == "-supervised" || arg == "-workers=4"
	})
	var shared *os.File
	if workers > 0 {
		listener, err := net.Listen("tcp", listen)
		if err != nil {
			return err
		}
		if shared, err = listener.(*net.TCPListener).File(); err != nil {
			return err
		}
		args = append([]string{"-shared"}, args...)
	}
	for range max(1, workers) {
		go func() {
			for {
				cmd := exec.Command(os.Args[0], args...) //nolint:gosec // itself
				cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
				if shared != nil {
					cmd.ExtraFiles = []*os.File{shared}
				}
				_ = cmd.Run()
			}
		}()
	}
	select {}
}

// listener is a new one, or that which is shared with others of this program.
func listener(cfg config) (net.Listener, error) {
	if !cfg.shared {
		return net.Listen("tcp", cfg.listen)
	}
	const first = 3 // of those that are handed on; see exec.Cmd.ExtraFiles
	file := os.NewFile(first, "shared")
	if file == nil {
		return nil, fmt.Errorf("no file %d", first)
	}
	return net.FileListener(file)
}
