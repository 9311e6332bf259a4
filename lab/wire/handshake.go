package wire

import (
	"context"
	"crypto/tls"
	"net"
	"reflect"
)

// HandshakeError is a handshake that came to nothing.
type HandshakeError struct {
	Sent *Alert // by this side; nil if it sent none
	Err  error  // as crypto/tls returned it
}

func (e *HandshakeError) Error() string { return e.Err.Error() }
func (e *HandshakeError) Unwrap() error { return e.Err }

// Handshake runs the handshake of conn. Its error is a *HandshakeError, from
// which [Explain] can tell apart what crypto/tls reports without a type: no
// certificate and one that cannot be parsed, a bad signature and a breach of
// protocol. The alert that this side sent is the evidence, and in TLS 1.3 it
// leaves encrypted, so it cannot be read off the transport.
func Handshake(ctx context.Context, conn *tls.Conn) error {
	err := conn.HandshakeContext(ctx)
	if err == nil {
		return nil
	}
	alert, known := sentAlert(conn)
	if !known {
		return err
	}
	return &HandshakeError{Sent: alert, Err: err}
}

// sentAlert reads the alert that ended the sending half of conn out of
// crypto/tls's own record of it. Over TCP there is no exported way to it (over
// QUIC there is: the handshake error wraps a tls.AlertError). Should a release
// of Go keep it elsewhere, it is not known, Explain falls back on how far the
// handshake came, and TestHandshakeNamesTheAlertSent fails.
func sentAlert(conn *tls.Conn) (alert *Alert, known bool) {
	v := reflect.ValueOf(conn).Elem().FieldByName("out")
	for v.IsValid() {
		switch {
		case v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer:
			if v.IsNil() {
				return nil, true
			}
			v = v.Elem()
		case isAlert(v.Type()):
			return newAlert(v), true
		case v.Type() == reflect.TypeFor[net.OpError]():
			v = v.FieldByName("Err")
		case v.Kind() == reflect.Struct:
			v = v.FieldByName("err")
		default:
			return nil, false
		}
	}
	return nil, false
}
