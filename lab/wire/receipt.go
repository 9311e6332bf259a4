package wire

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
)

// MaxReceipt bounds one receipt line, in bytes, its newline not counted.
const MaxReceipt = 64 << 10

// Receipt is the server's answer to one message: what arrived, from whom, over
// what. Only a receipt tells a client that it was let in, because a TLS 1.3
// client's handshake ends before the server has judged its certificate
// (RFC 8446, 4.4.2.4 and figure 1).
type Receipt struct {
	SHA256 string     `json:"sha256"`
	Client Identity   `json:"client"`
	TLS    Negotiated `json:"tls"`
}

// ParseReceipt reads one receipt line. Its error is a *Refusal with BadReceipt.
func ParseReceipt(line []byte) (Receipt, error) {
	var r Receipt
	if err := json.Unmarshal(line, &r); err != nil {
		return Receipt{}, &Refusal{Reason: BadReceipt, Err: fmt.Errorf("not a receipt: %w", err)}
	}
	return r, nil
}

// Check reports whether the receipt acknowledges this message from the holder
// of this certificate. A server that authenticates nobody can copy the message
// but knows neither key nor serial number, so it cannot make a receipt that
// passes. The error is a *Refusal with BadReceipt.
func (r Receipt) Check(message string, own *x509.Certificate) error {
	id := IdentityOf(own)
	switch {
	case r.SHA256 != DigestOf(message).SHA256:
		return refuse(BadReceipt, "a receipt for another message")
	case r.Client.Key == "" && r.Client.Serial == "":
		return refuse(BadReceipt, "a receipt that names no client")
	case r.Client.Key != id.Key || r.Client.Serial != id.Serial:
		return refuse(BadReceipt, "a receipt that names another client, %q", r.Client)
	}
	return nil
}
