package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// contact is one connection and what is seen of it.
type contact struct {
	seen      attack.Connection
	transport *wire.Transport
	heard     bytes.Buffer // the first attack.MaxHeard bytes
	hold      func()       // waits until the attack is told to go on
}

func newContact(raw net.Conn, began time.Time) *contact {
	c := &contact{transport: &wire.Transport{Conn: raw}, hold: func() {}}
	c.seen.Began = began
	c.seen.Local, c.seen.Remote = raw.LocalAddr().String(), raw.RemoteAddr().String()
	return c
}

// shake runs the handshake. What the other side presented is seen even if it
// fails.
func (c *contact) shake(ctx context.Context, conn *tls.Conn) error {
	err := wire.Handshake(ctx, conn)
	state := conn.ConnectionState()
	if len(state.PeerCertificates) > 0 {
		peer := wire.IdentityOf(state.PeerCertificates[0])
		c.seen.Peer = &peer
	}
	if err != nil {
		return err
	}
	negotiated := wire.NegotiatedOf(state)
	c.seen.Handshake, c.seen.TLS, c.seen.ALPN = true, &negotiated, state.NegotiatedProtocol
	c.seen.Shaken = time.Since(c.seen.Began)
	return nil
}

// keyLog takes the session's secrets, if they are wanted.
func (c *contact) keyLog(a attack.Attack) io.Writer {
	if !a.KeyLog {
		return nil
	}
	return secrets{c}
}

type secrets struct{ *contact }

func (s secrets) Write(line []byte) (int, error) {
	s.seen.Secrets += string(line)
	return len(line), nil
}

// listener notes what is read through it as heard.
type listener struct {
	*contact
	from io.Reader
}

func (l listener) Read(p []byte) (int, error) {
	n, err := l.from.Read(p)
	l.seen.HeardBytes += n
	l.heard.Write(p[:min(n, attack.MaxHeard-l.heard.Len())])
	return n, err
}

// say writes to the other side, and notes whether that went well. An error is no
// more than a hint: what the other side has to say comes by reading.
func (c *contact) say(to io.Writer, words string) {
	_, err := io.WriteString(to, words)
	c.seen.Sent = err == nil
}

// closeWrite ends this half of the connection, below TLS.
func (c *contact) closeWrite() error {
	half, ok := c.underlying().(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

func (c *contact) underlying() net.Conn {
	if opened, ok := c.transport.Conn.(*opening); ok {
		return opened.Conn
	}
	return c.transport.Conn
}

// lingerTimeout is how long the other side is still listened to when all is
// over. Closing with its bytes unread would make the kernel reset the
// connection, and the last word on the way to it might be lost.
const lingerTimeout = time.Second

// part leaves, with close_notify if conn is not nil.
func (c *contact) part(conn *tls.Conn) {
	if conn != nil {
		_ = conn.CloseWrite()
	}
	if c.closeWrite() != nil {
		return
	}
	_ = c.transport.SetReadDeadline(time.Now().Add(lingerTimeout))
	_, _ = io.Copy(io.Discard, c.transport)
}

// ended notes how the connection came to its end, and returns all that was seen.
func (c *contact) ended(err error) attack.Connection {
	if c.seen.End == "" {
		c.seen.End, c.seen.Alert, c.seen.AlertSent = attack.EndingOf(err, c.transport.Ended())
		c.seen.Detail = err.Error()
	}
	heard := c.heard.Bytes()
	if c.seen.Plain {
		if alert, rest, ok := attack.ParseAlertRecord(heard); ok {
			c.seen.End, c.seen.Alert, heard = attack.EndAlert, alert, rest
		}
	}
	c.seen.Heard = words(heard)
	c.seen.Took = time.Since(c.seen.Began)
	return c.seen
}

// words are bytes as text.
func words(heard []byte) string { return strings.ToValidUTF8(string(heard), "\uFFFD") }
