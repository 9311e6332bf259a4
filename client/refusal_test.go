//go:build unix

package main

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// closers are ways in which a server parts from a client that it refused. The
// first is what a server should do: it alone also survives a network that
// loses segments. The client must read the alert of all.
var closers = []struct {
	name string
	part func(*net.TCPConn)
}{
	{"half-closes and drains", func(conn *net.TCPConn) {
		_ = conn.CloseWrite()
		_, _ = io.Copy(io.Discard, conn)
		_ = conn.Close()
	}},
	{"closes", func(conn *net.TCPConn) { _ = conn.Close() }},
	{"closes on an unread message", func(conn *net.TCPConn) {
		awaitUnread(conn)
		_ = conn.Close()
	}},
	{"resets", func(conn *net.TCPConn) {
		_ = conn.SetLinger(0)
		_ = conn.Close()
	}},
}

// awaitUnread returns once there is something to read, and leaves it there:
// closing then sends a reset.
func awaitUnread(conn *net.TCPConn) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Read(func(fd uintptr) bool {
		_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK)
		return err != syscall.EAGAIN
	})
}

// A refusal that the server sent is reported as one, however the server closes
// and however much it left unread. MTLSLAB_TEST_REFUSALS sets how often each
// way is tried.
func TestRefusalOutrunsReset(t *testing.T) {
	p, other := newPair(t), newPair(t)
	refused := materialDir(t, other.client.Material(p.authority))
	config := wire.ServerConfig(credentials(t, p.server.Material(p.authority)), wire.Policy{})
	for _, closer := range closers {
		for _, sent := range []struct{ name, version, message string }{
			{"TLS 1.2", "1.2", hello},
			{"TLS 1.3", "1.3", hello},
			{"TLS 1.3, 64 KiB", "1.3", strings.Repeat("x", wire.MaxMessage)},
		} {
			t.Run(closer.name+", "+sent.name, func(t *testing.T) {
				t.Parallel()
				address := listen(t, func(raw net.Conn) {
					if err := tls.Server(raw, config).Handshake(); err == nil {
						t.Error("the server let the client in")
					}
					closer.part(raw.(*net.TCPConn))
				})
				if lost := countLost(t, address, refused, sent.version, sent.message); lost > 0 {
					t.Errorf("%d of %d refusals were not reported", lost, attempts())
				}
			})
		}
	}
}

func attempts() int {
	if n, err := strconv.Atoi(os.Getenv("MTLSLAB_TEST_REFUSALS")); err == nil {
		return n
	}
	return 50
}

func countLost(t *testing.T, address, material, version, message string) int32 {
	var lost atomic.Int32
	var workers sync.WaitGroup
	work := make(chan struct{})
	for range 4 {
		workers.Go(func() {
			for range work {
				code := run(context.Background(), nil, []string{
					"-connect", address, "-server-name", serverName, "-material", material,
					"-min-version", version, "-max-version", version, message}, noEnvironment, stdio{nil, io.Discard, io.Discard})
				if code != wire.ExitRefusedByPeer {
					lost.Add(1)
					t.Logf("exit code %d", code)
				}
			}
		})
	}
	for range attempts() {
		work <- struct{}{}
	}
	close(work)
	workers.Wait()
	return lost.Load()
}
