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

type sender int

const (
	local sender = iota
	remote
)

// alertOf finds the TLS alert in an error of a connection over TCP, and who
// sent it. There crypto/tls wraps an unexported alert type in a *net.OpError,
// so the alert is recognised by the type's package and kind, and its sender by
// the operation's name.
func alertOf(err error) (*Alert, sender, bool) {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Err == nil {
		return nil, local, false
	}
	value := reflect.ValueOf(op.Err)
	if !isAlert(value.Type()) {
		return nil, local, false
	}
	if op.Op == "remote error" {
		return newAlert(value), remote, true
	}
	return newAlert(value), local, true
}

func isAlert(t reflect.Type) bool {
	return t.Kind() == reflect.Uint8 && t.PkgPath() == reflect.TypeFor[tls.AlertError]().PkgPath()
}

func newAlert(value reflect.Value) *Alert {
	code := uint8(value.Uint()) //nolint:gosec // its kind is Uint8
	return &Alert{Code: code, Name: tls.AlertError(code).Error()}
}
