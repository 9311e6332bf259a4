package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// lingerTimeout and lingerBytes bound how long, and for how much, a client is
// still listened to after this side's last word. Closing with its bytes unread
// would make the kernel reset the connection, and that word, an alert or a
// receipt, might never arrive.
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
	line      unfinished

	judgedBy  *material // by which the client was last found to be good
	goodUntil time.Time // as it was found, if nothing changes

	mu       sync.Mutex
	busy     bool        // with what stopping must wait for: a message that has begun, or the last word
	stopping bool        // the server is draining
	cut      wire.Reason // why this side closed the transport, if it did
}

func newConn(s *server, accepted net.Conn) *conn {
	c := &conn{server: s, transport: &wire.Transport{Conn: accepted}}
	c.tls = tls.Server(greeted{c.transport, c}, s.greets)
	return c
}

// greeted is a transport by which it is known whose it is when the client offers itself.
type greeted struct {
	*wire.Transport
	of *conn
}

// greet makes the handshake, and says whether the connection goes on. If not, it has ended.
func (c *conn) greet() bool {
	limit := time.Now().Add(c.server.cfg.handshakeTimeout)
	_ = c.transport.SetWriteDeadline(limit)
	c.await(limit, false)
	err := wire.Handshake(context.Background(), c.tls)
	switch {
	case err != nil && c.end(err) == wire.Refused:
		c.part()
	case err != nil:
	case c.server.admit.authenticated(c):
		state := c.tls.ConnectionState()
		c.goodUntil = c.judgedBy.goodFor(state)
		c.server.say.meter.takes(state.DidResume)
		return true
	default:
		c.close(wire.Evicted) // as whoever evicted it is about to
		c.end(net.ErrClosed)
	}
	_ = c.transport.Close() // nothing is left to be lost
	return false
}

// serve takes a connection that was greeted to its end.
func (c *conn) serve() {
	defer c.transport.Close() //nolint:errcheck // nothing is left to be lost
	if err := c.messages(); err != nil {
		c.end(err)
	}
	c.part()
}

// messages takes messages until the client is done, or this side is.
func (c *conn) messages() error {
	state := c.tls.ConnectionState()
	peer, negotiated := wire.IdentityOf(state.PeerCertificates[0]), wire.NegotiatedOf(state)
	reader := wire.NewMessageReader(c, c.server.cfg.maxMessage, c.transport.Ended)
	for {
		c.line.due = time.Now().Add(c.server.cfg.idleTimeout)
		message, err := reader.Next()
		switch {
		case errors.Is(err, io.EOF), c.drained(err):
			return nil
		case err != nil:
			return err
		}
		if err := c.judge(state); err != nil {
			return err
		}
		digest := wire.DigestOf(message)
		c.server.say.received(c.outcome(wire.Outcome{
			Kind: wire.Received, Peer: &peer, TLS: &negotiated, Message: &digest,
		}), message)
		if c.line.asked {
			continue // what has said its last word sends no receipts
		}
		if err := c.acknowledge(wire.Receipt{SHA256: digest.SHA256, Client: peer, TLS: negotiated}); err != nil {
			return err
		}
	}
}

// judge judges the client of an open connection by the material of the moment: who is let in is
// no more than that, and may have expired, or been revoked, or lost its authority since. As long as
// nothing can have changed it costs nothing.
func (c *conn) judge(state tls.ConnectionState) error {
	now := c.server.current.Load()
	if now == c.judgedBy && time.Now().Before(c.goodUntil) {
		return nil
	}
	state.VerifiedChains = nil // by trust that may have been withdrawn
	if err := now.config.VerifyConnection(state); err != nil {
		return err
	}
	c.judgedBy, c.goodUntil = now, now.goodFor(state)
	return nil
}

func (c *conn) acknowledge(receipt wire.Receipt) error {
	line, err := json.Marshal(receipt)
	if err != nil {
		return err
	}
	_ = c.transport.SetWriteDeadline(time.Now().Add(c.server.cfg.idleTimeout))
	_, err = c.tls.Write(append(line, '\n'))
	return err
}

// await sets until when the next bytes may take to come. If the server is
// draining, only a busy connection may wait at all.
func (c *conn) await(limit time.Time, busy bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy = busy
	if c.stopping && !busy {
		limit = longAgo
	}
	_ = c.transport.SetReadDeadline(limit)
}

var longAgo = time.Unix(1, 0)

// stop ends what waits for a client to begin something. What is busy goes on.
func (c *conn) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopping = true
	if !c.busy {
		_ = c.transport.SetReadDeadline(longAgo)
	}
}

// drained reports whether err is no more than stop ending an idle wait.
func (c *conn) drained(err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopping && !c.busy && errors.Is(err, os.ErrDeadlineExceeded)
}

// close ends the connection from outside, for a reason.
func (c *conn) close(reason wire.Reason) {
	c.mu.Lock()
	c.cut = reason
	c.mu.Unlock()
	_ = c.transport.Close()
}

// end accounts for a connection that came to nothing.
func (c *conn) end(err error) wire.Kind {
	account := c.explain(err)
	c.server.say.ended(c.outcome(wire.Outcome{
		Kind: account.Kind, Reason: account.Reason, Alert: account.Alert, Detail: err.Error(),
	}), c.unremarkable(account))
	return account.Kind
}

func (c *conn) explain(err error) wire.Account {
	c.mu.Lock()
	cut := c.cut
	c.mu.Unlock()
	switch {
	case cut != "":
		return wire.Account{Kind: wire.Failed, Reason: cut}
	case c.drained(err):
		return wire.Account{Kind: wire.Failed, Reason: wire.Disconnected}
	default:
		return wire.Explain(err, c.hello, c.tls.ConnectionState(), c.server.policy.Min(), time.Now())
	}
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

// part says that this side is done, unless an alert has said so already, and
// listens on until the client is done too; see lingerTimeout.
func (c *conn) part() {
	_ = c.tls.CloseWrite()
	if half, ok := c.transport.Conn.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		return
	}
	c.await(time.Now().Add(lingerTimeout), true)
	_, _ = io.CopyN(io.Discard, c.transport, lingerBytes)
}
