package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// exchange is one connection and the messages sent on it.
type exchange struct {
	cfg      config
	creds    *wire.Credentials
	messages source
	report   *reporter
	sessions tls.ClientSessionCache // none if nil

	asked    bool // the server asked for a certificate
	deadline time.Time
	outcome  wire.Outcome // as far as it is known
}

// run dials once there is something to say, verifies, and sends. It returns
// the one outcome of this client.
func (x *exchange) run(ctx context.Context) wire.Outcome {
	select {
	case <-ctx.Done():
		return stopped(ctx, "waiting for a message")
	case first := <-x.messages.lines:
		if errors.Is(first.err, io.EOF) {
			return failed("", errNoMessage)
		} else if first.err != nil {
			return failed(reasonOf(first.err), first.err)
		}
		x.outcome.Message = digest(first.text)
		return x.connect(ctx, first.text)
	}
}

func (x *exchange) connect(ctx context.Context, first string) wire.Outcome {
	x.startClock()
	l, ok := x.dial(ctx)
	if !ok {
		return x.outcome
	}
	defer l.close()
	return x.talk(ctx, l, first)
}

// dial makes a connection to a server that is verified; or the outcome is that there is none.
func (x *exchange) dial(ctx context.Context) (*link, bool) {
	raw, err := (&net.Dialer{Deadline: x.deadline}).DialContext(ctx, "tcp", x.cfg.connect)
	if err != nil {
		x.unreachable(ctx, err)
		return nil, false
	}
	transport := &wire.Transport{Conn: raw}
	l := &link{local: raw.LocalAddr().String(), remote: raw.RemoteAddr().String()}
	x.outcome.Local, x.outcome.Remote = l.local, l.remote
	forget := context.AfterFunc(ctx, func() { _ = transport.Close() })
	l.conn = tls.Client(transport, x.tlsConfig())
	x.limit(l.conn)
	if err := wire.Handshake(context.Background(), l.conn); err != nil {
		x.ended(ctx, l.conn, err)
		forget()
		_ = transport.Close() // the outcome is settled
		return nil, false
	}
	l.answers = newAnswers(l.conn, transport)
	l.close = func() {
		forget()
		l.answers.stop()
		_ = transport.Close() // the outcome is settled by then
	}
	l.asked = x.asked
	l.verified(l.conn.ConnectionState())
	x.over(l)
	x.report.verified(l.peer, l.negotiated)
	return l, true
}

// over notes by which connection a message goes.
func (x *exchange) over(l *link) {
	x.asked = l.asked
	x.outcome.Local, x.outcome.Remote, x.outcome.Peer, x.outcome.TLS = l.local, l.remote, &l.peer, &l.negotiated
}

func (x *exchange) tlsConfig() *tls.Config {
	config := wire.ClientConfig(x.creds, wire.Policy{
		ServerName: x.cfg.serverName,
		MinVersion: x.cfg.minVersion,
		MaxVersion: x.cfg.maxVersion,
		Staple:     x.cfg.staple,
	})
	config.ClientSessionCache = x.sessions
	if x.cfg.keyLog {
		config.KeyLogWriter = keyLog{x.report}
	}
	certificate := config.GetClientCertificate
	config.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		x.asked = true
		if x.cfg.anonymous {
			return new(tls.Certificate), nil
		}
		return certificate(info)
	}
	return config
}

// talk sends the messages in turn, each after the receipt of the one before.
// While it waits for somebody to type a message it listens, so that a refusal is
// not left unread until then. Otherwise the next message, or that there is none,
// is known: a server that ends the connection after the last receipt has taken
// nothing back.
func (x *exchange) talk(ctx context.Context, l *link, message string) wire.Outcome {
	conn, answers := l.conn, l.answers
	var unasked <-chan line
	if x.messages.typed {
		unasked = answers.lines
	}
	for {
		if err := x.send(conn, answers, message); err != nil {
			return x.ended(ctx, conn, err)
		}
		if x.messages.typed {
			_ = conn.SetDeadline(time.Time{})
		}
		select {
		case <-ctx.Done():
			halt := stopped(ctx, "waiting for a message")
			return x.end(halt.Kind, halt.Reason, errors.New(halt.Detail))
		case next := <-x.messages.lines:
			switch {
			case errors.Is(next.err, io.EOF):
				_ = conn.Close()
				return x.end(wire.Delivered, "", nil)
			case next.err != nil:
				return x.end(wire.Failed, reasonOf(next.err), next.err)
			}
			message = next.text
		case answer := <-unasked:
			if answer.err == nil {
				answer.err = errUnasked
			}
			return x.ended(ctx, conn, answer.err)
		}
		if x.messages.typed {
			x.startClock()
			x.limit(conn)
		}
	}
}

// send delivers one message: it has its receipt, or there is an error. What
// the server has to say outranks a failed write: a server that refuses sends
// an alert and may close before it has read the message.
func (x *exchange) send(conn *tls.Conn, answers *answers, message string) error {
	x.outcome.Message = digest(message)
	_, writeErr := conn.Write(append([]byte(message), '\n'))
	if writeErr == nil {
		x.report.sent(message)
	}
	answer := <-answers.lines
	switch {
	case answer.err != nil:
		return answer.err
	case writeErr != nil:
		return writeErr
	}
	if x.cfg.echo && answer.text == message {
		return nil
	}
	receipt, err := wire.ParseReceipt([]byte(answer.text))
	if err != nil {
		return err
	}
	x.outcome.Receipt = &receipt
	if err := receipt.Check(message, x.creds.Own.Leaf); err != nil {
		return err
	}
	x.report.acknowledged(receipt)
	return nil
}

func (x *exchange) startClock() {
	if x.cfg.timeout > 0 {
		x.deadline = time.Now().Add(x.cfg.timeout)
	}
}

// limit puts the deadline on the connection. An error means that it is closed,
// which the next read or write says better.
func (x *exchange) limit(conn net.Conn) { _ = conn.SetDeadline(x.deadline) }
