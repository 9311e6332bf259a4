package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// exchangeLimit is longer than the adversary's.
const exchangeLimit = 10 * time.Second

// client is a client and what is wrong with it.
type client struct {
	fault            fault
	address, message string
	tls              *tls.Config
	own              *x509.Certificate

	late    func(tls.ConnectionState) error // a verification that comes too late
	plain   bool                            // no TLS any more
	outcome wire.Outcome
}

// run dials once, or once more if it is broken in that way.
func (c *client) run() wire.Outcome {
	digest := wire.DigestOf(c.message)
	c.outcome.Message = &digest
	for {
		outcome, again := c.exchange()
		if !again {
			return outcome
		}
	}
}

func (c *client) exchange() (outcome wire.Outcome, again bool) {
	raw, err := net.DialTimeout("tcp", c.address, exchangeLimit)
	if err != nil {
		return c.end(wire.Unreachable, "", err), false
	}
	defer raw.Close()
	_ = raw.SetDeadline(time.Now().Add(exchangeLimit))
	c.outcome.Local, c.outcome.Remote = raw.LocalAddr().String(), raw.RemoteAddr().String()
	transport := &wire.Transport{Conn: raw}
	if c.plain {
		return c.talk(transport, transport, tls.ConnectionState{}), false
	}
	conn := tls.Client(transport, c.tls)
	if err := wire.Handshake(context.Background(), conn); err != nil {
		account := wire.Explain(err, nil, conn.ConnectionState(), tls.VersionTLS12, time.Now())
		if account.Kind == wire.Refused && c.fault.failed != nil && c.fault.failed(c, err) {
			return wire.Outcome{}, true
		}
		return c.explain(account, err), false
	}
	state := conn.ConnectionState()
	peer, negotiated := wire.IdentityOf(state.PeerCertificates[0]), wire.NegotiatedOf(state)
	c.outcome.Peer, c.outcome.TLS = &peer, &negotiated
	outcome = c.talk(conn, transport, state)
	_ = conn.Close()
	return outcome, false
}

// talk sends the message, and reads its receipt.
func (c *client) talk(conn io.ReadWriter, transport *wire.Transport, state tls.ConnectionState) wire.Outcome {
	if c.fault.greets {
		if err := c.greet(conn, state); err != nil {
			return c.explain(wire.Explain(err, nil, state, tls.VersionTLS12, time.Now()), err)
		}
	}
	_, writeErr := io.WriteString(conn, c.message+"\n")
	if c.fault.believes && writeErr == nil {
		return c.end(wire.Delivered, "", nil)
	}
	ended := transport.Ended
	if c.fault.halves {
		ended = nil
	}
	line, err := wire.NewMessageReader(conn, wire.MaxReceipt, ended).Next()
	if err != nil {
		return c.explain(wire.Explain(err, nil, state, tls.VersionTLS12, time.Now()), err)
	}
	receipt, err := wire.ParseReceipt([]byte(line))
	if err == nil && !c.fault.anyReceipt {
		err = receipt.Check(c.message, c.own)
	}
	if err != nil {
		return c.end(wire.NoReceipt, wire.BadReceipt, err)
	}
	c.outcome.Receipt = &receipt
	return c.end(wire.Delivered, "", nil)
}

// greet hears the answer to the greeting before it verifies.
func (c *client) greet(conn io.ReadWriter, state tls.ConnectionState) error {
	if _, err := io.WriteString(conn, "this is the client\n"); err != nil {
		return err
	}
	answer := make([]byte, 1)
	for answer[0] != '\n' {
		if _, err := conn.Read(answer); err != nil {
			return err
		}
	}
	return c.late(state)
}

func (c *client) explain(account wire.Account, err error) wire.Outcome {
	switch account.Kind {
	case wire.Refused:
	case wire.RefusedByPeer:
		c.outcome.Alert = account.Alert
	default:
		account.Kind = wire.NoReceipt
	}
	return c.end(account.Kind, account.Reason, err)
}

func (c *client) end(kind wire.Kind, reason wire.Reason, err error) wire.Outcome {
	c.outcome.Kind, c.outcome.Reason = kind, reason
	if err != nil {
		c.outcome.Detail = err.Error()
	}
	return c.outcome
}
