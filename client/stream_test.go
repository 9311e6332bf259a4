package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mtlslab/mtlslab/lab/wire"
)

func TestLinesOfStandardInput(t *testing.T) {
	p := newPair(t)
	address := p.listenTLS(t, nil, acknowledge(nil))
	dir := materialDir(t, p.client.Material(p.authority))
	for _, c := range []struct {
		name, input string
		want        wire.Kind
		reason      wire.Reason
		last        string // message of the outcome
	}{
		{"one line", "one\n", wire.Delivered, "", "one"},
		{"two lines, CR LF, the last without an end", "one\r\ntwo", wire.Delivered, "", "two"},
		{"an empty line is a message", "one\n\n", wire.Delivered, "", ""},
		{"nothing", "", wire.Failed, "", ""},
		{"a line that is no UTF-8", "\xff\n", wire.Failed, wire.NotUTF8, ""},
		{"a line that is too long", strings.Repeat("x", wire.MaxMessage+1) + "\n", wire.Failed, wire.MessageTooLong, ""},
		{"a line that ends in half a line end", "one\r\r\n", wire.Failed, wire.NotALine, ""},
		{"a good line and a bad one", "one\n\xff\n", wire.Failed, wire.NotUTF8, "one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := runClient(
				t,
				strings.NewReader(c.input),
				"-log",
				"json",
				"-connect",
				address,
				"-server-name",
				serverName,
				"-material",
				dir,
			).outcome(
				t,
			)
			if got.Kind != c.want || got.Reason != c.reason {
				t.Errorf("outcome is %s (%s), want %s (%s): %s", got.Kind, got.Reason, c.want, c.reason, got.Detail)
			}
			if got.Message != nil && got.Message.Text != c.last {
				t.Errorf("message is %q, want %q", got.Message.Text, c.last)
			}
		})
	}
}

// Each line has its receipt before the next is typed.
func TestLinesAreStreamed(t *testing.T) {
	p := newPair(t)
	address := p.listenTLS(t, nil, acknowledge(nil))
	stdin, typing := io.Pipe()
	reading, stdout := io.Pipe()
	args := []string{
		"-connect",
		address,
		"-server-name",
		serverName,
		"-material",
		materialDir(t, p.client.Material(p.authority)),
	}
	code := make(chan int, 1)
	go func() {
		code <- run(context.Background(), nil, args, noEnvironment, stdio{stdin, stdout, io.Discard})
		_ = stdout.Close()
	}()
	screen := bufio.NewScanner(reading)
	for _, message := range []string{"one", "two", "three"} {
		if _, err := io.WriteString(typing, message+"\n"); err != nil {
			t.Fatal(err)
		}
		for screen.Scan() && !strings.HasPrefix(screen.Text(), "Receipt: ") {
			if text, sent := strings.CutPrefix(screen.Text(), "Sent: "); sent && text != message {
				t.Errorf("sent %q, want %q", text, message)
			}
		}
	}
	_ = typing.Close()
	if screen.Scan() {
		t.Errorf("more output: %q", screen.Text())
	}
	if got := <-code; got != wire.ExitDelivered {
		t.Errorf("exit code %d, want %d", got, wire.ExitDelivered)
	}
}

// A connection that ends while nobody types is noticed then, not at the next
// line.
func TestEndIsNoticedBetweenLines(t *testing.T) {
	p := newPair(t)
	for _, c := range []struct {
		name   string
		end    func(*tls.Conn)
		reason wire.Reason
	}{
		{"the server closes", func(conn *tls.Conn) { _ = conn.CloseWrite(); hold(conn) }, wire.Disconnected},
		{
			"the server answers nothing",
			func(conn *tls.Conn) { _, _ = io.WriteString(conn, "{}\n"); hold(conn) }, wire.BadReceipt,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			address := p.listenTLS(t, nil, func(conn *tls.Conn) {
				_ = writeReceipt(conn, "one", nil)
				c.end(conn)
			})
			stdin, typing := io.Pipe()
			go func() { _, _ = io.WriteString(typing, "one\n") }()
			got := runClient(t, stdin, "-log", "json", "-lifetime", "30s", "-connect", address, "-server-name", serverName,
				"-material", materialDir(t, p.client.Material(p.authority))).outcome(t)
			if got.Kind != wire.NoReceipt || got.Reason != c.reason || got.Receipt == nil {
				t.Errorf("outcome is %+v, want no_receipt (%s) after a receipt", got, c.reason)
			}
		})
	}
}

// The tar on standard input is the starting gun: nobody is dialled before it
// is complete.
func TestTarIsTheStartingGun(t *testing.T) {
	p := newPair(t)
	var complete atomic.Bool
	address := p.listenTLS(t, nil, func(conn *tls.Conn) {
		if !complete.Load() {
			t.Error("the client dialled before it had its material")
		}
		acknowledge(nil)(conn)
	})
	var archive bytes.Buffer
	if err := p.client.Material(p.authority).WriteTar(&archive); err != nil {
		t.Fatal(err)
	}
	stdin, gun := io.Pipe()
	go func() {
		last := archive.Len() - 512
		_, _ = gun.Write(archive.Bytes()[:last])
		complete.Store(true)
		_, _ = gun.Write(archive.Bytes()[last:])
		// The pipe stays open: the end mark is enough.
	}()
	got := runClient(
		t,
		stdin,
		"-log",
		"json",
		"-connect",
		address,
		"-server-name",
		serverName,
		"-material",
		"-",
		hello,
	).outcome(
		t,
	)
	if got.Kind != wire.Delivered {
		t.Errorf("outcome is %+v, want delivered", got)
	}
}

// A process that is told to end, or whose life is over, ends, whatever it is
// waiting for.
func TestStoppedBeforeConnecting(t *testing.T) {
	p := newPair(t)
	dir := materialDir(t, p.client.Material(p.authority))
	for _, c := range []struct {
		name string
		args []string
	}{
		{"waiting for material", []string{"-material", "-", hello}},
		{"waiting for a first line", []string{"-material", dir}},
	} {
		t.Run(c.name, func(t *testing.T) {
			stdin, typing := io.Pipe()
			defer typing.Close() //nolint:errcheck // never fails
			args := append([]string{"-log", "json", "-lifetime", "50ms", "-connect", closedPort(t)}, c.args...)
			got := runClient(t, stdin, args...).outcome(t)
			if got.Kind != wire.Failed || got.Reason != wire.Timeout {
				t.Errorf("outcome is %s (%s), want failed (timeout)", got.Kind, got.Reason)
			}
		})
	}
}

func TestStoppedOnceConnected(t *testing.T) {
	p := newPair(t)
	dir := materialDir(t, p.client.Material(p.authority))
	for _, c := range []struct {
		name  string
		cause error
		want  wire.Kind
	}{
		{"lifetime", errLifetime, wire.NoReceipt},
		{"interrupt", context.Canceled, wire.Failed},
	} {
		t.Run(c.name+" in the handshake", func(t *testing.T) {
			ctx, stop := context.WithCancelCause(t.Context())
			silent := listen(t, func(conn net.Conn) {
				_, _ = conn.Read(make([]byte, 1)) // the dial is over
				stop(c.cause)
				hold(conn)
			})
			checkStopped(ctx, t, c.want, nil, "-material", dir, "-connect", silent, hello)
		})
		t.Run(c.name+" before the receipt", func(t *testing.T) {
			ctx, stop := context.WithCancelCause(t.Context())
			silent := p.listenTLS(t, nil, func(conn *tls.Conn) { stop(c.cause); hold(conn) })
			checkStopped(ctx, t, c.want, nil, "-material", dir, "-connect", silent, hello)
		})
		t.Run(c.name+" between lines", func(t *testing.T) {
			ctx, stop := context.WithCancelCause(t.Context())
			stdin, typing := io.Pipe()
			go func() {
				_, _ = io.WriteString(typing, "one\ntwo\n") // the second is taken after the receipt of the first
				stop(c.cause)
			}()
			honest := p.listenTLS(t, nil, acknowledge(nil))
			checkStopped(ctx, t, "", stdin, "-material", dir, "-connect", honest)
		})
	}
}

// checkStopped runs a client that ctx stops; want is empty where more than one
// way to end is right.
func checkStopped(ctx context.Context, t *testing.T, want wire.Kind, stdin io.Reader, args ...string) {
	t.Helper()
	var stdout bytes.Buffer
	args = append([]string{"-log", "json", "-timeout", "0", "-server-name", serverName}, args...)
	code := run(ctx, nil, args, noEnvironment, stdio{stdin, &stdout, io.Discard})
	got := result{code: code, stdout: stdout.String()}.outcome(t)
	if got.Kind == wire.Delivered || want != "" && got.Kind != want {
		t.Errorf("outcome is %s (%s), want %s: %s", got.Kind, got.Reason, want, got.Detail)
	}
}
