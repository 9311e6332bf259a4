package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

const (
	serverName = "server"
	hello      = "Hello, server!"
	patience   = 30 * time.Second // of tests; longer than anything that passes takes
)

// Variables that make the test binary the server, so that tests can send
// signals to it and look at its memory.
const (
	asServer    = "TEST_AS_SERVER"
	noFileLimit = "TEST_NOFILE"
)

// TestMain is the server, where that is asked for.
func TestMain(m *testing.M) {
	if os.Getenv(asServer) == "" {
		os.Exit(m.Run())
	}
	var files uint64
	if _, err := fmt.Sscan(os.Getenv(noFileLimit), &files); err == nil {
		limitFiles(files)
	}
	go countGoroutines()
	main()
}

// pair is an authority with a good server and a good client.
type pair struct {
	authority      *pki.Authority
	server, client *pki.Identity
}

func newPair(t testing.TB) pair {
	t.Helper()
	authority, err := pki.New(pki.Config{})
	try(t, err)
	p := pair{authority: authority}
	p.server = p.issue(t, pki.Request{Role: wire.Server, Name: "server", DNS: []string{serverName}})
	p.client = p.issue(t, pki.Request{Role: wire.Client, Name: "client"})
	return p
}

func (p pair) issue(t testing.TB, r pki.Request) *pki.Identity {
	t.Helper()
	id, err := p.authority.Issue(r)
	try(t, err)
	return id
}

// dir is the server's good material in a directory.
func (p pair) dir(t testing.TB) string {
	t.Helper()
	return materialDir(t, p.server.Material(p.authority))
}

func credentials(t testing.TB, m wire.Material) *wire.Credentials {
	t.Helper()
	creds, err := m.Parse()
	try(t, err)
	return creds
}

func materialDir(t testing.TB, m wire.Material) string {
	t.Helper()
	dir := t.TempDir()
	try(t, m.WriteDir(dir))
	return dir
}

// instance is a running server, in this process or in one of its own.
type instance struct {
	address  string
	out, err *transcript
	hangup   func()
	stop     func()               // as SIGTERM does
	code     chan int             // once it has ended
	want     int                  // the code with which it is to end
	signal   func(os.Signal)      // of a process
	state    func(key string) int // of a process: a figure of /proc/PID/status, in KiB
}

// start runs a server on a free port of the loopback interface, and gives its
// account as JSON unless the flags say otherwise. It must end well, at the end
// of the test if not before.
func start(t testing.TB, dir string, flags ...string) *instance {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	hangup := make(chan os.Signal, 1)
	i := newInstance()
	i.stop, i.hangup = stop, func() { hangup <- syscall.SIGHUP }
	go func() {
		i.code <- run(ctx, hangup, serverArgs(dir, flags), noEnvironment, stdio{strings.NewReader(""), i.out, i.err})
	}()
	i.begin(t)
	return i
}

// startProcess is start in a process of its own.
func startProcess(t testing.TB, environment []string, dir string, flags ...string) *instance {
	t.Helper()
	i := newInstance()
	args := append(serverArgs(dir, flags), "-lifetime", "5m") // should the test end before its cleanup
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append([]string{asServer + "=1"}, environment...)
	cmd.Stdout, cmd.Stderr = i.out, i.err
	try(t, cmd.Start())
	go func() {
		_ = cmd.Wait() // the exit code is read from ProcessState
		i.code <- cmd.ProcessState.ExitCode()
	}()
	i.signal = func(s os.Signal) { _ = cmd.Process.Signal(s) } // it may have ended
	i.stop, i.hangup = func() { i.signal(syscall.SIGTERM) }, func() { i.signal(syscall.SIGHUP) }
	i.state = func(key string) int { return procStatus(t, cmd.Process.Pid, key) }
	i.begin(t)
	return i
}

func newInstance() *instance {
	return &instance{out: newTranscript(), err: newTranscript(), code: make(chan int, 1)}
}

func serverArgs(dir string, flags []string) []string {
	return append([]string{"-listen", "127.0.0.1:0", "-log", "json", "-material", dir}, flags...)
}

func (i *instance) begin(t testing.TB) {
	t.Helper()
	t.Cleanup(func() {
		i.stop()
		if code := i.wait(t); code != i.want {
			t.Errorf("the server ended with %d, want %d:\n%s", code, i.want, i.err)
		}
	})
	line := i.out.await(t, "the server listens", func(line string) bool {
		return strings.HasPrefix(line, "Server is listening on ") || parse(line).Kind == wire.Listening
	})
	if i.address = parse(line).Local; i.address == "" {
		i.address = strings.Fields(line)[4]
	}
}

// startServer runs a server whose insides the test can reach.
func startServer(t testing.TB, creds *wire.Credentials, out io.Writer) (s *server, address string) {
	t.Helper()
	s = insides(t, creds, out)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	try(t, err)
	t.Cleanup(serveOn(s, listener))
	return s, listener.Addr().String()
}

func insides(t testing.TB, creds *wire.Credentials, out io.Writer, flags ...string) *server {
	t.Helper()
	cfg, _, err := parseFlags(serverArgs("-", flags), noEnvironment)
	try(t, err)
	return newServer(cfg, creds, newTeller(stdio{nil, out, out}, true))
}

// serveOn serves until it is stopped, which it waits for.
func serveOn(s *server, listener net.Listener) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { s.serve(ctx, listener) })
	return func() { cancel(); serving.Wait() }
}

// wait waits for the end of the server, and returns its exit code.
func (i *instance) wait(t testing.TB) int {
	t.Helper()
	select {
	case code := <-i.code:
		i.code <- code // for whoever asks next
		return code
	case <-time.After(patience):
		t.Fatalf("the server did not end\n%s\n%s", i.out, i.err)
		return 0
	}
}

// outcome waits for an outcome of that kind about that client, and returns it.
func (i *instance) outcome(t testing.TB, client net.Conn, kinds ...wire.Kind) wire.Outcome {
	t.Helper()
	line := i.out.await(t, fmt.Sprintf("%v of %v", kinds, client.LocalAddr()), func(line string) bool {
		o := parse(line)
		for _, kind := range kinds {
			if o.Kind == kind && o.Remote == client.LocalAddr().String() {
				return true
			}
		}
		return false
	})
	return parse(line)
}

// said returns what kinds of outcome there are of that client so far.
func (i *instance) said(client net.Conn) (kinds []wire.Kind) {
	for _, line := range i.out.lines() {
		if o := parse(line); o.Remote == client.LocalAddr().String() {
			kinds = append(kinds, o.Kind)
		}
	}
	return kinds
}

// clientConfig is the configuration of a client that trusts the authority.
func (p pair) clientConfig(t testing.TB, id *pki.Identity) *tls.Config {
	t.Helper()
	return wire.ClientConfig(credentials(t, id.Material(p.authority)), wire.Policy{ServerName: serverName})
}

func (p pair) config(t testing.TB) *tls.Config { t.Helper(); return p.clientConfig(t, p.client) }

// client is a connection to the server, with its handshake done.
type client struct {
	*tls.Conn
	raw      *net.TCPConn
	receipts *wire.MessageReader
}

func dialRaw(t testing.TB, address string) *net.TCPConn {
	t.Helper()
	raw, err := net.Dial("tcp", address)
	try(t, err)
	t.Cleanup(func() { _ = raw.Close() })
	_ = raw.SetDeadline(time.Now().Add(patience))
	return raw.(*net.TCPConn)
}

func dial(t testing.TB, address string, config *tls.Config) *client {
	t.Helper()
	raw := dialRaw(t, address)
	conn := tls.Client(raw, config)
	if err := conn.Handshake(); err != nil {
		t.Fatalf("handshake: %v", err)
	}
	return &client{Conn: conn, raw: raw, receipts: wire.NewMessageReader(conn, wire.MaxReceipt, nil)}
}

func (c *client) send(t testing.TB, text string) {
	t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatalf("sending: %v", err)
	}
}

// receipt reads the receipt of a message of the good client.
func (c *client) receipt(t testing.TB, message string, own *pki.Identity) wire.Receipt {
	t.Helper()
	line, err := c.receipts.Next()
	if err != nil {
		t.Fatalf("reading a receipt: %v", err)
	}
	receipt, err := wire.ParseReceipt([]byte(line))
	try(t, err)
	try(t, receipt.Check(message, own.Certificate))
	return receipt
}

// deliver has one message delivered over a connection of its own.
func (p pair) deliver(t testing.TB, address string, config *tls.Config) wire.Receipt {
	t.Helper()
	c := dial(t, address, config)
	defer c.Close() //nolint:errcheck // has served
	c.send(t, hello+"\n")
	return c.receipt(t, hello, p.client)
}

// refusal is the alert with which the server refuses, on that connection.
func refusal(t testing.TB, address string, config *tls.Config) (*tls.Conn, *wire.Alert) {
	t.Helper()
	conn := tls.Client(dialRaw(t, address), config)
	err := conn.Handshake()
	if err == nil {
		_, _ = conn.Write([]byte(hello + "\n"))
		_, err = conn.Read(make([]byte, 1))
	}
	alert := alertIn(err, conn)
	if alert == nil {
		t.Fatalf("no alert, but %v", err)
	}
	return conn, alert
}

// alertIn is the alert in an error of a client's connection, if there is one.
func alertIn(err error, conn *tls.Conn) *wire.Alert {
	if err == nil {
		return nil
	}
	return wire.Explain(err, nil, conn.ConnectionState(), tls.VersionTLS12, time.Now()).Alert
}

func noEnvironment(string) (string, bool) { return "", false }

func try(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}
