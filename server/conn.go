package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// lingerTimeout and lingerBytes bound how long, and for how much, a refused
// client is still listened to. Closing with its bytes unread would make the
// kernel reset the connection, and the alert that says why might never arrive.
const (
	lingerTimeout = time.Second
	lingerBytes   = 256 << 10
)

// conn is one connection, from accept to close.
type conn struct {
	server    *server
	transport *wire.Transport
	tls       *tls.Conn
	hello     *tls.ClientHelloInfo // what the client offered; nil before

	mu      sync.Mutex
	partial bool        // the last byte that came did not end a message
	stopped bool        // the server is draining
	cut     wire.Reason // why this side closed the transport, if it did
}

func newConn(s *server, accepted net.Conn) *conn {
	c := &conn{server: s, transport: &wire.Transport{Conn: accepted}}
	c.tls = tls.Server(c.transport, &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			c.hello = hello
			return s.current.Load(), nil
		},
	})
	return c
}

func (c *conn) serve(ctx context.Context) {
	defer c.transport.Close() //nolint:errcheck // nothing is left to be lost
	_ = c.transport.SetDeadline(time.Now().Add(c.server.cfg.handshakeTimeout))
	if err := wire.Handshake(context.WithoutCancel(ctx), c.tls); err != nil {
		c.end(err)
		c.linger()
		return
	}
	if !c.server.admit.authenticated(c) {
		c.end(net.ErrClosed)
		return
	}
	if err := c.messages(); err != nil {
		c.end(err)
		_ = c.tls.CloseWrite()
		c.linger()
		return
	}
	_ = c.tls.Close()
}

// messages takes messages until the client is done, or this side is.
func (c *conn) messages() error {
	state := c.tls.ConnectionState()
	peer, negotiated := wire.IdentityOf(state.PeerCertificates[0]), wire.NegotiatedOf(state)
	reader := wire.NewMessageReader(c, c.server.cfg.maxMessage, c.transport.Ended)
	for c.nextMayCome() {
		message, err := reader.Next()
		switch {
		case errors.Is(err, io.EOF), err != nil && c.wasStopped():
			return nil
		case err != nil:
			return err
		}
		digest := wire.DigestOf(message)
		c.server.say.received(c.outcome(wire.Outcome{
			Kind: wire.Received, Peer: &peer, TLS: &negotiated, Message: &digest,
		}), message)
		if err := c.acknowledge(wire.Receipt{SHA256: digest.SHA256, Client: peer, TLS: negotiated}); err != nil {
			return err
		}
	}
	return nil
}

// nextMayCome sets the time limit of the next message, and reports false if the
// server is draining and none has begun.
func (c *conn) nextMayCome() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped && !c.partial {
		return false
	}
	if !c.stopped {
		_ = c.transport.SetDeadline(time.Now().Add(c.server.cfg.idleTimeout))
	}
	return true
}

// Read reads what the client sends, and notes whether a message has begun.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.tls.Read(p)
	if n > 0 {
		c.mu.Lock()
		c.partial = p[n-1] != '\n'
		c.mu.Unlock()
	}
	return n, err
}

func (c *conn) acknowledge(receipt wire.Receipt) error {
	line, err := json.Marshal(receipt)
	if err != nil {
		return err
	}
	_, err = c.tls.Write(append(line, '\n'))
	return err
}

// stop lets a message that has begun come to its end, and ends what waits.
func (c *conn) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	if !c.partial {
		_ = c.transport.SetReadDeadline(time.Now())
	}
}

func (c *conn) wasStopped() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopped
}

// close ends the connection from outside, for a reason.
func (c *conn) close(reason wire.Reason) {
	c.mu.Lock()
	c.cut = reason
	c.mu.Unlock()
	_ = c.transport.Close()
}

// end accounts for a connection that came to nothing.
func (c *conn) end(err error) {
	c.mu.Lock()
	cut, stopped := c.cut, c.stopped
	c.mu.Unlock()
	account := wire.Explain(err, c.hello, c.tls.ConnectionState(), c.server.policy.Min(), time.Now())
	if cut != "" {
		account = wire.Account{Kind: wire.Failed, Reason: cut}
	} else if stopped && account.Reason == wire.Timeout {
		account = wire.Account{Kind: wire.Failed, Reason: wire.Disconnected}
	}
	c.server.say.ended(c.outcome(wire.Outcome{
		Kind: account.Kind, Reason: account.Reason, Alert: account.Alert, Detail: err.Error(),
	}), c.unremarkable(account))
}

// unremarkable connections are not worth a line to a person: one that was
// closed before it said anything, and a health check of this very machine.
func (c *conn) unremarkable(account wire.Account) bool {
	if c.hello == nil {
		return account.Reason == wire.Disconnected
	}
	remote, ok := c.transport.RemoteAddr().(*net.TCPAddr)
	return ok && remote.IP.IsLoopback() && slices.Contains(c.hello.SupportedProtos, probeProtocol)
}

func (c *conn) outcome(o wire.Outcome) wire.Outcome {
	o.Local, o.Remote = c.transport.LocalAddr().String(), c.transport.RemoteAddr().String()
	return o
}

// linger listens on after this side has said its last word; see lingerTimeout.
func (c *conn) linger() {
	if half, ok := c.transport.Conn.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		return
	}
	c.mu.Lock()
	stopped := c.stopped
	_ = c.transport.SetReadDeadline(time.Now().Add(lingerTimeout))
	c.mu.Unlock()
	if !stopped {
		_, _ = io.CopyN(io.Discard, c.transport, lingerBytes)
	}
}
