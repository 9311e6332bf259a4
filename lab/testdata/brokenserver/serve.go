package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// connectionLimit is longer than the adversary's.
const connectionLimit = 10 * time.Second

type connection struct {
	*server
	raw       net.Conn
	ahead     *bufio.Reader // of raw
	transport *wire.Transport
	tls       *tls.Conn
	out       io.Writer // where receipts go
	hello     *tls.ClientHelloInfo
	peer      wire.Identity
	pending   string // a message that came before its time
}

// looked is a connection of which the beginning can be looked at.
type looked struct {
	net.Conn
	ahead *bufio.Reader
}

func (l looked) Read(p []byte) (int, error) { return l.ahead.Read(p) }

func (s *server) serve(raw net.Conn) {
	defer raw.Close()
	_ = raw.SetDeadline(time.Now().Add(connectionLimit))
	c := &connection{server: s, raw: raw, ahead: bufio.NewReader(raw)}
	c.transport = &wire.Transport{Conn: looked{raw, c.ahead}}
	c.tls = tls.Server(c.transport, &tls.Config{
		MinVersion: s.tls.MinVersion,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			c.hello = hello
			return s.tls, nil
		},
	})
	c.out = c.tls
	if s.fault.open != nil && s.fault.open(c) {
		return
	}
	if err := c.converse(); err != nil {
		c.end(err)
	}
	c.part()
}

func (c *connection) speaksTLS() bool {
	const recordHandshake = 22
	first, err := c.ahead.Peek(1)
	return err == nil && first[0] == recordHandshake
}

// converse returns nil when the client is done.
func (c *connection) converse() error {
	if err := wire.Handshake(context.Background(), c.tls); err != nil {
		return err
	}
	state := c.tls.ConnectionState()
	if len(state.PeerCertificates) > 0 {
		c.peer = wire.IdentityOf(state.PeerCertificates[0])
	}
	if c.pending != "" {
		c.take(c.pending)
	}
	ended := c.transport.Ended
	if c.fault.halves {
		ended = nil
	}
	reader := wire.NewMessageReader(c.tls, wire.MaxMessage, ended)
	for {
		message, err := reader.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case c.fault.late != nil:
			err = c.verify(state)
			c.fault.late(c, message, err)
			if err != nil {
				return err
			}
		default:
			c.take(message)
		}
	}
}

// take is what becomes of a message of a verified client.
func (c *connection) take(message string) {
	account, digest := c.account(), wire.DigestOf(message)
	account.Kind, account.Peer, account.Message = wire.Received, &c.peer, &digest
	_ = c.journal.Write(account)
	c.acknowledge(message)
}

func (c *connection) acknowledge(message string) {
	receipt := wire.Receipt{
		SHA256: wire.DigestOf(message).SHA256,
		Client: c.peer,
		TLS:    wire.NegotiatedOf(c.tls.ConnectionState()),
	}
	line, err := json.Marshal(receipt)
	if err != nil {
		panic(err) // not of strings
	}
	_, _ = c.out.Write(append(line, '\n')) // the client is told, or has gone
}

// end gives the account of a connection that came to nothing.
func (c *connection) end(err error) {
	explained := wire.Explain(err, c.hello, c.tls.ConnectionState(), tls.VersionTLS12, time.Now())
	if explained.Kind == wire.Refused && c.fault.failed != nil {
		c.fault.failed(explained.Reason)
	}
	if explained.Kind == wire.Refused && c.fault.refused != nil && c.fault.refused(c) {
		return
	}
	account := c.account()
	account.Kind, account.Reason, account.Alert = explained.Kind, explained.Reason, explained.Alert
	account.Detail = err.Error()
	_ = c.journal.Write(account)
}

func (c *connection) account() wire.Outcome {
	return wire.Outcome{Local: c.raw.LocalAddr().String(), Remote: c.raw.RemoteAddr().String()}
}

// part leaves without losing its last word to a reset.
func (c *connection) part() {
	_ = c.tls.CloseWrite()
	half, ok := c.raw.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	_ = c.raw.SetReadDeadline(time.Now().Add(time.Second))
	_, _ = io.Copy(io.Discard, c.raw)
}
