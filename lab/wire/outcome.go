package wire

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// Kind is what an outcome is about.
type Kind string

// Kinds of outcome. A server gives one for its start, each message and each
// connection that came to nothing; a client gives exactly one, or one for each of many numbered
// messages, and for each reload in between.
const (
	Listening     Kind = "listening"       // server: connections are accepted from now on
	Received      Kind = "received"        // server: a message of a client it verified
	Delivered     Kind = "delivered"       // client: every message has its receipt
	Refused       Kind = "refused"         // this side would not go on: Reason says why
	RefusedByPeer Kind = "refused_by_peer" // the other side said so, by an alert
	Unreachable   Kind = "unreachable"     // client: no connection was made at all
	NoReceipt     Kind = "no_receipt"      // client: connected, and never let know that it was let in
	Failed        Kind = "failed"          // the connection broke; nobody refused anybody
	Reloaded      Kind = "reloaded"        // new material is in use
	ReloadFailed  Kind = "reload_failed"   // the new material is bad, the old is kept
	Warning       Kind = "warning"         // something a person should know
	Stopped       Kind = "stopped"         // server: drained, about to exit
	Secret        Kind = "secret"          // client: a line of the session's key log, if that was asked for
	Reached       Kind = "reached"         // server: what came of its tries to reach what it was told to try
)

// Outcome is one peer's own account of what happened, one JSON line.
// Fields that do not belong to its kind are absent.
type Outcome struct {
	Role   Role      `json:"role"` // who says so
	Kind   Kind      `json:"kind"`
	Time   time.Time `json:"time"`
	Local  string    `json:"local,omitempty"`  // this end of the connection, host:port
	Remote string    `json:"remote,omitempty"` // the other end

	Reason Reason `json:"reason,omitempty"`
	Alert  *Alert `json:"alert,omitempty"`
	Detail string `json:"detail,omitempty"` // for people; never compared

	Peer    *Identity   `json:"peer,omitempty"` // whom this side verified
	TLS     *Negotiated `json:"tls,omitempty"`
	Message *Digest     `json:"message,omitempty"`
	Receipt *Receipt    `json:"receipt,omitempty"` // the last one read

	Numbered *Numbered `json:"numbered,omitempty"` // client: of one message of many

	Own      *Identity  `json:"own,omitempty"`       // of listening, reloaded: who this side is
	NotAfter *time.Time `json:"not_after,omitempty"` // of listening, reloaded: until when
	RouteOut *bool      `json:"route_out,omitempty"` // of listening: see [RouteOut]
	Metrics  string     `json:"metrics,omitempty"`   // of listening: where the server answers Prometheus, host:port
	Tries    []Try      `json:"tries,omitempty"`     // of reached
}

// Numbered is what there is to say besides of one message of many, that are sent one after the
// other.
type Numbered struct {
	Number int       `json:"number"` // from 1 on
	Due    time.Time `json:"due"`    // when it was to be sent
	Began  time.Time `json:"began"`  // when it was

	// Attempts is how often it was sent, or a connection for it tried. Unsure says that an attempt
	// before the last may have been delivered, though nobody said so.
	Attempts int  `json:"attempts"`
	Unsure   bool `json:"unsure,omitempty"`

	Connection int `json:"connection"` // by which it went, counted by the client; 0 before the first
}

// Identity is what a verified certificate says its holder is. A common name is
// not part of it (RFC 9525, 2).
type Identity struct {
	URIs   []string `json:"uris,omitempty"`
	DNS    []string `json:"dns,omitempty"`
	More   int      `json:"more,omitempty"` // names left out, beyond maxNames of a kind
	Serial string   `json:"serial"`         // hexadecimal
	Key    string   `json:"key"`            // SHA-256 of the SubjectPublicKeyInfo, hexadecimal
}

// maxNames bounds the names of either kind in an account, so that nobody can
// make a receipt too long by having many.
const maxNames = 16

// IdentityOf reads the identity of a certificate. It verifies nothing.
func IdentityOf(cert *x509.Certificate) Identity {
	key := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	uris, _ := uriNames(cert) // what cannot be read names nobody
	id := Identity{
		URIs: slices.Clone(uris[:min(len(uris), maxNames)]),
		DNS:  slices.Clone(cert.DNSNames[:min(len(cert.DNSNames), maxNames)]),
		More: max(0, len(uris)-maxNames) + max(0, len(cert.DNSNames)-maxNames),
		Key:  hex.EncodeToString(key[:]),
	}
	if cert.SerialNumber != nil {
		id.Serial = cert.SerialNumber.Text(16)
	}
	return id
}

// Has reports whether name is one of the identity's URI or DNS names, compared
// byte by byte.
func (id Identity) Has(name string) bool {
	return slices.Contains(id.URIs, name) || slices.Contains(id.DNS, name)
}

// String is the identity's first name: its URI if it has one.
func (id Identity) String() string {
	for _, names := range [][]string{id.URIs, id.DNS} {
		if len(names) > 0 {
			return names[0]
		}
	}
	return "serial " + id.Serial
}

// Negotiated is what a handshake settled.
type Negotiated struct {
	Version string `json:"version"` // "TLS 1.3"
	Suite   string `json:"suite"`
	Group   string `json:"group,omitempty"` // key exchange, "X25519MLKEM768"
	Resumed bool   `json:"resumed"`
}

// NegotiatedOf reads what a completed handshake settled.
func NegotiatedOf(state tls.ConnectionState) Negotiated {
	n := Negotiated{
		Version: tls.VersionName(state.Version),
		Suite:   tls.CipherSuiteName(state.CipherSuite),
		Resumed: state.DidResume,
	}
	if state.CurveID != 0 {
		n.Group = state.CurveID.String()
	}
	return n
}

// Digest identifies a message. Text is left out over 1 KiB.
type Digest struct {
	SHA256 string `json:"sha256"` // hexadecimal
	Bytes  int    `json:"bytes"`
	Text   string `json:"text,omitempty"`
}

// DigestOf describes a message.
func DigestOf(message string) Digest {
	sum := sha256.Sum256([]byte(message))
	d := Digest{SHA256: hex.EncodeToString(sum[:]), Bytes: len(message)}
	if len(message) <= 1<<10 {
		d.Text = message
	}
	return d
}

// Journal writes outcomes as JSON lines. It is safe for concurrent use.
type Journal struct {
	Role Role
	W    io.Writer

	mu sync.Mutex
}

// Write stamps the outcome with role and time and writes its line.
func (j *Journal) Write(o Outcome) error {
	o.Role = j.Role
	if o.Time.IsZero() {
		o.Time = time.Now()
	}
	line, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("encoding outcome: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	_, err = j.W.Write(append(line, '\n'))
	return err
}

// ParseOutcome reads one outcome line.
func ParseOutcome(line []byte) (Outcome, error) {
	var o Outcome
	if err := json.Unmarshal(line, &o); err != nil {
		return Outcome{}, fmt.Errorf("reading outcome: %w", err)
	}
	if o.Kind == "" || o.Role == "" {
		return Outcome{}, fmt.Errorf("reading outcome: a line with no role or no kind")
	}
	return o, nil
}
