//go:build unix

package main

import (
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// honestBound is how long an honest client may take to get in. It takes
// milliseconds.
const honestBound = 5 * time.Second

// besiegers are more than the server takes at once.
func besiegers() int {
	if testing.Short() {
		return 1200
	}
	return 2000
}

// A server that is besieged and ill-treated lets honest clients in meanwhile,
// does not swell, and is afterwards what it was.
func TestAbuse(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	server := startProcess(t, nil, p.dir(t))
	p.deliver(t, server.address, p.config(t)) // whatever is made once is made
	goroutines, memory := server.goroutines(t), server.state("VmRSS")

	crowd := besiege(t, server.address)
	for range 50 {
		p.deliverInTime(t, server.address)
	}
	for _, c := range p.rudenesses(t) {
		for range 10 {
			c.commit(t, server.address)
		}
		p.deliverInTime(t, server.address)
	}
	crowd.disperse()
	server.settle(t, goroutines)
	p.deliverInTime(t, server.address)

	peak := server.state("VmHWM")
	t.Logf("memory: %d KiB before, %d at the peak, %d after", memory, peak, server.state("VmRSS"))
	if peak-memory > memoryBound {
		t.Errorf("the server grew from %d to %d KiB", memory, peak)
	}
	if text := server.out.String(); strings.Contains(text, "Mallory") {
		t.Error("the server took a message from somebody it should not have")
	}
}

func (p pair) deliverInTime(t *testing.T, address string) {
	t.Helper()
	began := time.Now()
	p.deliver(t, address, p.config(t))
	if took := time.Since(began); took > honestBound {
		t.Errorf("an honest client got in after %v", took)
	}
}

// crowd is many connections that never finish their handshake.
type crowd struct {
	conns []net.Conn
	quit  chan struct{}
	done  chan struct{}
}

// besiege sends nothing over half of its connections, and over the others a
// ClientHello, one byte a second.
func besiege(t *testing.T, address string) *crowd {
	t.Helper()
	c := &crowd{quit: make(chan struct{}), done: make(chan struct{})}
	for range besiegers() {
		c.conns = append(c.conns, dialRaw(t, address))
	}
	go c.dribble(clientHello(t, wire.Policy{}.Min()))
	t.Cleanup(c.disperse)
	return c
}

func (c *crowd) dribble(hello []byte) {
	defer close(c.done)
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for n := range hello {
		for _, conn := range c.conns[:len(c.conns)/2] {
			_, _ = conn.Write(hello[n : n+1]) // the server may have had enough
		}
		select {
		case <-second.C:
		case <-c.quit:
			return
		}
	}
}

func (c *crowd) disperse() {
	select {
	case <-c.done:
		return
	default:
	}
	close(c.quit)
	<-c.done
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}

// rudeness is one connection that ends badly.
type rudeness struct {
	name   string
	commit func(t *testing.T, address string)
}

func (p pair) rudenesses(t *testing.T) []rudeness {
	stranger := newPair(t)
	hello := clientHello(t, wire.Policy{}.Min())
	return []rudeness{
		{"close after connect", raw("", (*net.TCPConn).Close)},
		{"reset after connect", raw("", reset)},
		{"half a ClientHello", raw(string(hello[:len(hello)/2]), reset)},
		{"a ClientHello", raw(string(hello), reset)},
		{"HTTP", raw("GET /Mallory HTTP/1.1\r\n\r\n", drainAndClose)},
		{"garbage", raw(strings.Repeat("Mallory ", 10_000), drainAndClose)},
		{"a record of the greatest length", raw("\x16\x03\x01\xff\xff"+strings.Repeat("x", 0xffff), drainAndClose)},
		{"reset after the handshake", p.verified("", reset)},
		{"reset in mid-message", p.verified("Mallory", reset)},
		{"end in mid-message", p.verified("Mallory", (*net.TCPConn).CloseWrite)},
		{"reset before the receipt is read", p.verified("a message\n", reset)},
		{"a line too long", p.verified("Mallory"+strings.Repeat("x", wire.MaxMessage)+"\n", drainAndClose)},
		{"a line without end", p.endless("Mallory")},
		{"lines without end, and no receipt read", p.endless("\n")},
		{"invalid UTF-8", p.verified("Mallory\xc3\x28\n", drainAndClose)},
		{"a stranger with a message", func(t *testing.T, address string) {
			conn, _ := refusal(t, address, p.clientConfig(t, stranger.client))
			_, _ = conn.Write([]byte("Mallory\n"))
		}},
		{"a name that is no name", func(t *testing.T, address string) {
			config := p.clientConfig(t, p.issue(t, pki.Request{Role: wire.Client, Name: "client"}))
			config.NextProtos = []string{strings.Repeat("x", 255), "\x00"}
			_ = dial(t, address, config).raw.Close()
		}},
	}
}

func raw(text string, end func(*net.TCPConn) error) func(*testing.T, string) {
	return func(t *testing.T, address string) {
		conn := dialRaw(t, address)
		_, _ = io.WriteString(conn, text) // the server may have had enough
		_ = end(conn)
	}
}

func (p pair) verified(text string, end func(*net.TCPConn) error) func(*testing.T, string) {
	return func(t *testing.T, address string) {
		conn := dial(t, address, p.config(t))
		_, _ = conn.Write([]byte(text))
		_ = end(conn.raw)
	}
}

// endless sends until the server has had enough, or for a quarter of a second.
func (p pair) endless(text string) func(*testing.T, string) {
	return func(t *testing.T, address string) {
		conn := dial(t, address, p.config(t))
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second / 4))
		for err := error(nil); err == nil; {
			_, err = conn.Write([]byte(strings.Repeat(text, 8<<10)))
		}
		_ = conn.raw.Close()
	}
}

func reset(conn *net.TCPConn) error {
	_ = conn.SetLinger(0)
	return conn.Close()
}

func drainAndClose(conn *net.TCPConn) error {
	_, _ = io.Copy(io.Discard, conn)
	return conn.Close()
}

// goroutines asks the process how many it has.
func (i *instance) goroutines(t *testing.T) (n int) {
	t.Helper()
	seen := len(i.err.lines())
	i.signal(syscall.SIGUSR1)
	i.err.awaitAfter(t, seen, "the number of goroutines", func(line string) bool {
		_, err := fmt.Sscanf(line, "goroutines %d", &n)
		return err == nil
	})
	return n
}

// settle waits until the process has no more goroutines than that.
func (i *instance) settle(t *testing.T, want int) {
	t.Helper()
	limit, again := time.NewTimer(patience), time.NewTicker(20*time.Millisecond)
	defer limit.Stop()
	defer again.Stop()
	for {
		n := i.goroutines(t)
		if n <= want {
			return
		}
		select {
		case <-again.C:
		case <-limit.C:
			t.Fatalf("%d goroutines, want no more than %d", n, want)
		}
	}
}
