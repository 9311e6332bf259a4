package wire

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
)

func TestReachOf(t *testing.T) {
	t.Parallel()
	dial := func(errno syscall.Errno) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", errno)}
	}
	resolve := func(e net.DNSError) error { return &net.OpError{Op: "dial", Net: "tcp", Err: &e} }
	for name, test := range map[string]struct {
		err  error
		want Reach
		out  bool
	}{
		"connected":             {nil, ReachConnected, true},
		"refused":               {dial(syscall.ECONNREFUSED), ReachRefused, true},
		"reset":                 {dial(syscall.ECONNRESET), ReachRefused, true},
		"no network":            {dial(syscall.ENETUNREACH), ReachNoRoute, false},
		"nobody on the network": {dial(syscall.EHOSTUNREACH), ReachNoRoute, false},
		"no address":            {dial(syscall.EADDRNOTAVAIL), ReachNoRoute, false},
		"not allowed":           {dial(syscall.EACCES), ReachFailed, false},
		"too many files":        {dial(syscall.EMFILE), ReachFailed, false},
		"timeout of TCP":        {dial(syscall.ETIMEDOUT), ReachNoAnswer, false},
		"deadline":              {&net.OpError{Op: "dial", Err: context.DeadlineExceeded}, ReachNoAnswer, false},
		"unknown name":          {resolve(net.DNSError{IsNotFound: true}), ReachUnknownName, false},
		"silent resolver":       {resolve(net.DNSError{IsTimeout: true}), ReachNoAnswer, false},
		"resolver cut off":      {resolve(net.DNSError{IsTemporary: true}), ReachNoAnswer, false},
		"something else":        {errors.New("connection refused"), ReachFailed, false},
	} {
		if got := reachOf(test.err); got != test.want || got.Out() != test.out {
			t.Errorf("%s: got %s, out %v; want %s, %v", name, got, got.Out(), test.want, test.out)
		}
	}
}

func TestTryToReach(t *testing.T) {
	t.Parallel()
	open, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close() //nolint:errcheck // has served
	shut, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = shut.Close()
	tries := TryToReach(t.Context(), []string{open.Addr().String(), shut.Addr().String()})
	want := []Try{{open.Addr().String(), ReachConnected}, {shut.Addr().String(), ReachRefused}}
	for i := range want {
		if tries[i] != want[i] {
			t.Errorf("got %v, want %v", tries[i], want[i])
		}
	}
}
