package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"reflect"
)

// HandshakeError is a handshake that this side ended, with the alert it sent.
type HandshakeError struct {
	Sent Alert
	Err  error // as crypto/tls returned it
}

func (e *HandshakeError) Error() string { return e.Err.Error() }
func (e *HandshakeError) Unwrap() error { return e.Err }

// Handshake runs the handshake of conn. Where this side ends it with an alert
// the error is a *HandshakeError, from which [Explain] can tell apart what
// crypto/tls reports without a type: no certificate and one that cannot be
// parsed, a bad signature and a breach of protocol. The alert itself is the
// evidence, and in TLS 1.3 it leaves encrypted, so it cannot be read off the
// transport.
func Handshake(ctx context.Context, conn *tls.Conn) error {
	err := conn.HandshakeContext(ctx)
	if err == nil {
		return nil
	}
	if alert, ok := sentAlert(conn); ok {
		return &HandshakeError{Sent: alert, Err: err}
	}
	return err
}

// sentAlert reads the alert that ended the sending half of conn out of
// crypto/tls's own record of it. Over TCP there is no exported way to it (over
// QUIC there is: the handshake error wraps a tls.AlertError). Should a release
// of Go keep it elsewhere, none is found, Explain falls back on how far the
// handshake came, and TestHandshakeNamesTheAlertSent fails.
func sentAlert(conn *tls.Conn) (Alert, bool) {
	v := reflect.ValueOf(conn).Elem().FieldByName("out")
	for v.IsValid() {
		switch {
		case v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer:
			v = v.Elem()
		case isAlert(v.Type()):
			return newAlert(v), true
		case v.Type() == reflect.TypeFor[net.OpError]():
			v = v.FieldByName("Err")
		case v.Kind() == reflect.Struct:
			v = v.FieldByName("err")
		default:
			return Alert{}, false
		}
	}
	return Alert{}, false
}

// sentIn finds the alert that this side sent in an error of [Handshake].
func sentIn(err error) (Alert, bool) {
	if handshake, ok := errors.AsType[*HandshakeError](err); ok {
		return handshake.Sent, true
	}
	return Alert{}, false
}
