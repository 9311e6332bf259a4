package wire

import (
	"crypto/tls"
	"errors"
	"net"
	"reflect"
)

// Alert is a TLS alert (RFC 8446, 6).
type Alert struct {
	Code uint8  `json:"code"`
	Name string `json:"name"` // as crypto/tls spells it, for people
}

// The alerts that tell why this side ended a handshake (RFC 8446, 6.2).
const (
	alertUnexpectedMessage      = 10
	alertHandshakeFailure       = 40
	alertBadCertificate         = 42
	alertUnsupportedCertificate = 43
	alertIllegalParameter       = 47
	alertDecodeError            = 50
	alertDecryptError           = 51
	alertProtocolVersion        = 70
	alertCertificateRequired    = 116
)

// NewAlert is the alert of that code, of which any number may be received.
func NewAlert(code uint8) *Alert { return &Alert{Code: code, Name: tls.AlertError(code).Error()} }

// AlertOf finds the TLS alert in an error of a connection over TCP. received says
// that the other side sent it. crypto/tls wraps an unexported alert type in a
// *net.OpError there, so the alert is recognised by the type's package and kind,
// and its sender by the operation's name.
func AlertOf(err error) (alert *Alert, received, ok bool) {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Err == nil {
		return nil, false, false
	}
	value := reflect.ValueOf(op.Err)
	if !isAlert(value.Type()) {
		return nil, false, false
	}
	return newAlert(value), op.Op == "remote error", true
}

func isAlert(t reflect.Type) bool {
	return t.Kind() == reflect.Uint8 && t.PkgPath() == reflect.TypeFor[tls.AlertError]().PkgPath()
}

func newAlert(value reflect.Value) *Alert {
	return NewAlert(uint8(value.Uint())) //nolint:gosec // its kind is Uint8
}
