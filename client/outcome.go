package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

var (
	errLifetime  = errors.New("the process reached its -lifetime")
	errNoMessage = errors.New("no message: standard input is empty")
	errUnasked   = &wire.Refusal{Reason: wire.BadReceipt, Err: errors.New("an answer to nothing")}
)

func digest(message string) *wire.Digest {
	d := wire.DigestOf(message)
	return &d
}

// reasonOf is the reason of a message that cannot be sent, if it has one.
func reasonOf(err error) wire.Reason {
	if refusal, ok := errors.AsType[*wire.Refusal](err); ok {
		return refusal.Reason
	}
	return ""
}

func failed(reason wire.Reason, err error) wire.Outcome {
	return wire.Outcome{Kind: wire.Failed, Reason: reason, Detail: err.Error()}
}

// stopped is the outcome of a client that was told to end, or had to, before
// it had a connection.
func stopped(ctx context.Context, doing string) wire.Outcome {
	if cause := context.Cause(ctx); errors.Is(cause, errLifetime) {
		return failed(wire.Timeout, fmt.Errorf("%s: %w", doing, cause))
	}
	return failed("", fmt.Errorf("%s: interrupted", doing))
}

// end completes the outcome.
func (x *exchange) end(kind wire.Kind, reason wire.Reason, err error) wire.Outcome {
	x.outcome.Kind, x.outcome.Reason = kind, reason
	if err != nil {
		x.outcome.Detail = err.Error()
	}
	return x.outcome
}

func (x *exchange) unreachable(ctx context.Context, err error) wire.Outcome {
	x.outcome.Remote = x.cfg.connect
	netErr, ok := errors.AsType[net.Error](err)
	switch {
	case interrupted(ctx):
		return x.end(wire.Failed, "", errors.New("interrupted while connecting"))
	case ctx.Err() != nil:
		return x.end(wire.Unreachable, wire.Timeout, context.Cause(ctx))
	case ok && netErr.Timeout():
		return x.end(wire.Unreachable, wire.Timeout, err)
	}
	return x.end(wire.Unreachable, "", err)
}

func interrupted(ctx context.Context) bool {
	return ctx.Err() != nil && !errors.Is(context.Cause(ctx), errLifetime)
}

// ended is the outcome of a connection that came to an end too early: refused
// by either side, or, where nobody refused anybody, without a receipt.
func (x *exchange) ended(ctx context.Context, conn *tls.Conn, err error) wire.Outcome {
	account := wire.Explain(err, nil, conn.ConnectionState(), x.minVersion(), time.Now())
	switch {
	case account.Reason == wire.BadReceipt || badAnswer(account.Reason):
		return x.end(wire.NoReceipt, wire.BadReceipt, x.unacknowledged(err))
	case account.Kind == wire.RefusedByPeer:
		x.outcome.Alert = account.Alert
		return x.end(wire.RefusedByPeer, "", err)
	case account.Kind == wire.Refused:
		return x.end(wire.Refused, account.Reason, err)
	case interrupted(ctx):
		return x.end(wire.Failed, "", errors.New("interrupted before the receipt"))
	case ctx.Err() != nil:
		return x.end(wire.NoReceipt, wire.Timeout, context.Cause(ctx))
	case errors.Is(err, io.EOF):
		err = errors.New("the server ended the connection")
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("the connection was cut short")
	}
	return x.end(wire.NoReceipt, account.Reason, err)
}

// badAnswer tells that an answer was too long or no text, which says no more
// than that it was no receipt.
func badAnswer(reason wire.Reason) bool {
	return reason == wire.MessageTooLong || reason == wire.NotUTF8
}

// unacknowledged adds why a server could not have made a good receipt.
func (x *exchange) unacknowledged(err error) error {
	if x.asked {
		return err
	}
	return fmt.Errorf("%w; the server never asked for this client's certificate", err)
}

func (x *exchange) minVersion() uint16 {
	return wire.Policy{MinVersion: x.cfg.minVersion}.Min()
}
