package attack

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// Report is one line of the adversary's output. A server attack gives two: where
// it listens, and in the end its evidence; between them that a connection has ended, if it is told
// to. Two come of a client that holds: from where it called.
type Report struct {
	ID        string    `json:"id,omitempty"` // none where a line could not be read
	Listening string    `json:"listening,omitempty"`
	Served    bool      `json:"served,omitempty"`
	Evidence  *Evidence `json:"evidence,omitempty"`
	Error     string    `json:"error,omitempty"` // there was no attack, and there is no evidence
}

// Evidence is what the adversary saw. It judges nothing.
type Evidence struct {
	Role  wire.Role     `json:"role"`
	Began time.Time     `json:"began"`
	Took  time.Duration `json:"took_ns"`

	// Connections are in the order in which they came about. A client has one,
	// or two if it made its session first; the last is the attack. A server has
	// as many as came, up to MaxConnections.
	Connections []Connection `json:"connections"`
	Dropped     int          `json:"dropped,omitempty"` // connections over MaxConnections
}

// MaxConnections is how many connections one server attack takes.
const MaxConnections = 32

// Connection is what the adversary saw of one connection.
type Connection struct {
	Local     string        `json:"local,omitempty"`
	Remote    string        `json:"remote,omitempty"`
	Began     time.Time     `json:"began"`
	Connected time.Duration `json:"connect_ns,omitempty"`   // of a client: until TCP stood
	Shaken    time.Duration `json:"handshake_ns,omitempty"` // until the handshake was complete
	Took      time.Duration `json:"took_ns"`

	// Handshake says that the adversary's own half is complete, which in
	// TLS 1.3 proves nothing to a client.
	Handshake bool             `json:"handshake"`
	Plain     bool             `json:"plain,omitempty"` // the other side did not speak TLS, or was not let
	SNI       string           `json:"sni,omitempty"`   // of a server: what it was asked for
	TLS       *wire.Negotiated `json:"tls,omitempty"`
	ALPN      string           `json:"alpn,omitempty"`

	Asked       bool           `json:"asked,omitempty"`       // of a client: for a certificate
	Authorities []string       `json:"authorities,omitempty"` // of a client: those that were named in asking
	Peer        *wire.Identity `json:"peer,omitempty"`        // the leaf that the other side presented, not verified
	Session     bool           `json:"session,omitempty"`     // of a client: it was given one that can be resumed

	// Sent says that the message, or a receipt, was written without an error.
	Sent bool `json:"sent,omitempty"`
	// Heard is the beginning of what the other side sent to the application, at
	// most MaxHeard bytes, with what is not UTF-8 replaced. HeardBytes counts
	// all of it.
	Heard      string `json:"heard,omitempty"`
	HeardBytes int    `json:"heard_bytes,omitempty"`
	// Held is how much of Heard came before a turn held, in bytes.
	Held int `json:"held,omitempty"`

	Secrets string `json:"secrets,omitempty"` // lines of a key log, if that was asked for

	End       Ending      `json:"end"`
	Alert     *wire.Alert `json:"alert,omitempty"`      // the one received
	AlertSent *wire.Alert `json:"alert_sent,omitempty"` // of gave_up
	Detail    string      `json:"detail,omitempty"`     // for people; never compared
}

// MaxHeard bounds what is told of the other side's words, in bytes.
const MaxHeard = 8 << 10

// FirstLine is the first line of what was heard, without its end.
func (c Connection) FirstLine() string {
	line, _, _ := strings.Cut(c.Heard, "\n")
	return strings.TrimSuffix(line, "\r")
}

// Heard reports whether the words came on any of the connections.
func (e Evidence) Heard(words string) bool {
	return slices.ContainsFunc(e.Connections, func(c Connection) bool { return strings.Contains(c.Heard, words) })
}

// Last is the connection that a client attack is about; the zero one if there is
// none.
func (e Evidence) Last() Connection {
	if len(e.Connections) == 0 {
		return Connection{}
	}
	return e.Connections[len(e.Connections)-1]
}

// Ending is how a connection ended, as far as the adversary can tell.
type Ending string

// The endings.
const (
	EndCloseNotify Ending = "close_notify" // the other side said that it was done
	EndEOF         Ending = "eof"          // TCP ended without a word
	EndReset       Ending = "reset"
	EndAlert       Ending = "alert"       // the other side sent one; Alert says which
	EndTimeout     Ending = "timeout"     // nothing came until the limit
	EndNotTLS      Ending = "not_tls"     // the other side did not answer in TLS
	EndUnreachable Ending = "unreachable" // there was no connection
	EndHungUp      Ending = "hung_up"     // the adversary did, as it was told
	EndGaveUp      Ending = "gave_up"     // the adversary's own TLS would not go on
	EndDone        Ending = "done"        // the dialogue was said to its end
)

// EndingOf tells how a connection came to the error that a read, a write or a
// handshake of it returned, and which alert came or went. ended says whether TCP
// has ended; see [wire.Transport].
func EndingOf(err error, ended bool) (end Ending, received, sent *wire.Alert) {
	if alert, theirs, ok := wire.AlertOf(err); ok {
		if theirs {
			return EndAlert, alert, nil
		}
		return EndGaveUp, nil, alert
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return EndNotTLS, nil, nil
	}
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return EndReset, nil, nil
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return EndEOF, nil, nil
	}
	if errors.Is(err, io.EOF) {
		if ended {
			return EndEOF, nil, nil
		}
		return EndCloseNotify, nil, nil
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return EndTimeout, nil, nil
	}
	if handshake, ok := errors.AsType[*wire.HandshakeError](err); ok {
		return EndGaveUp, nil, handshake.Sent
	}
	return EndGaveUp, nil, nil
}

// ParseAlertRecord reads an alert that is not encrypted, as the first record of
// an answer to something other than TLS (RFC 8446, 5.1 and 6), and returns what
// comes after it.
func ParseAlertRecord(b []byte) (alert *wire.Alert, rest []byte, ok bool) {
	const length, kind = 7, 21
	if len(b) < length || b[0] != kind || b[1] != 3 || b[3] != 0 || b[4] != 2 {
		return nil, b, false
	}
	return wire.NewAlert(b[6]), b[length:], true
}

// ParseReport reads one line of the adversary's output.
func ParseReport(line []byte) (Report, error) {
	var r Report
	if err := json.Unmarshal(line, &r); err != nil {
		return Report{}, fmt.Errorf("reading report: %w", err)
	}
	told := 0
	for _, is := range []bool{r.Listening != "", r.Served, r.Evidence != nil, r.Error != ""} {
		if is {
			told++
		}
	}
	if told != 1 || r.ID == "" && r.Error == "" {
		return Report{}, errors.New("reading report: want an id, and one of listening, served, evidence and error")
	}
	return r, nil
}
