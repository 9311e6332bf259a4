package attack

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// Attack is what the adversary is told to do, one JSON line. The fields before
// Deviation describe an honest exchange: with those alone it is a control.
type Attack struct {
	// ID is of this attack alone, as long as it is under way.
	ID string `json:"id"`

	// End, in a later line with the ID of a server attack, ends that; with that of a
	// client that holds, has it go on. Nothing else is read from such a line.
	End bool `json:"end,omitempty"`

	// Role is the part that the adversary plays: as Client it dials Connect, as
	// Server it listens on Listen. Either is host:port; port 0 lets the system
	// choose, and the report says which.
	Role    wire.Role `json:"role,omitempty"`
	Connect string    `json:"connect,omitempty"`
	Listen  string    `json:"listen,omitempty"`

	// SNI is what a client sends as server_name, byte for byte; empty sends none.
	// Names that crypto/tls would alter are an error: IP addresses, and names
	// that end in a dot (RFC 6066, 3).
	SNI string `json:"sni,omitempty"`

	// Version is the only one of TLS spoken, "1.0" to "1.3"; empty is what
	// crypto/tls speaks by default.
	Version string   `json:"version,omitempty"`
	Suites  []uint16 `json:"suites,omitempty"` // below TLS 1.3; nil is crypto/tls's default
	ALPN    []string `json:"alpn,omitempty"`

	// Chain is presented as it is, leaf first, each DER. Nothing of it need be
	// a certificate.
	Chain [][]byte `json:"chain,omitempty"`
	// Key is PKCS#8. It need not belong to the chain: where Go cannot read the
	// leaf's own, any other will do to come as far as the leaf.
	Key []byte `json:"key,omitempty"`

	// Message is one line, with its nonce. A client sends it. A server waits for
	// one of whatever wording.
	Message string `json:"message,omitempty"`
	// Dialogue is what is said in its place to a peer that speaks otherwise.
	Dialogue *Dialogue `json:"dialogue,omitempty"`

	// Tell has a server say when the first connection has ended, of a client that would call again
	// and again.
	Tell bool `json:"tell,omitempty"`

	// KeyLog has the secrets of each session be told, so that a recording can be read.
	KeyLog bool `json:"key_log,omitempty"`

	// Limit bounds each connection, of a server from when it is accepted: a client
	// may be slow to start. DefaultLimit if zero. A server attack as a whole goes on
	// until it is told to end, or MaxLimit has passed.
	Limit time.Duration `json:"limit_ns,omitempty"`

	Deviation
}

// Limits of an attack.
const (
	DefaultLimit = 5 * time.Second
	MaxLimit     = 5 * time.Minute
	MaxLine      = 32 << 20 // bytes of one line, so that the longest certificate message fits
	maxAttackID  = 256      // bytes
)

// Deviation is what the adversary does on the wire that an honest peer would
// not. The zero value is honest. Its parts can be combined.
type Deviation struct {
	// NoCertificate: a client answers the request for one with an empty list
	// (RFC 8446, 4.4.2).
	NoCertificate bool `json:"no_certificate,omitempty"`
	// WrongKey: signatures of the handshake are made by a fresh key of the same
	// kind (RFC 8446, 4.4.3).
	WrongKey bool `json:"wrong_key,omitempty"`
	// WrongContext: they are made in the context of the other side's, which in
	// TLS 1.3 is part of what is signed (RFC 8446, 4.4.3). It needs that version.
	WrongContext bool `json:"wrong_context,omitempty"`
	// Signature is sent in place of them.
	Signature []byte `json:"signature,omitempty"`
	// NoCertificateRequest: a server does not ask for a certificate.
	NoCertificateRequest bool `json:"no_certificate_request,omitempty"`
	// Authorities: a server's request names these, each a DER Name, and no other
	// (RFC 8446, 4.2.4). Without any it names none.
	Authorities [][]byte `json:"authorities,omitempty"`

	// Refuse: a server refuses the client's certificate, whatever it is, by the alert
	// bad_certificate. In TLS 1.3 that comes when the client's handshake is over.
	Refuse bool `json:"refuse,omitempty"`

	// Preface is sent before anything else: by a client ahead of its handshake,
	// by a server as its answer to the ClientHello, which needs NoTLS.
	Preface []byte `json:"preface,omitempty"`
	// NoTLS: there is no handshake. A client sends its message as it is; a
	// server answers whatever it is sent in plain text.
	NoTLS bool `json:"no_tls,omitempty"`

	// Truncate: what is sent after the handshake, a client's message or a
	// server's receipt, lacks its newline, and TCP ends without close_notify
	// (RFC 8446, 6.1).
	Truncate bool `json:"truncate,omitempty"`
	// HangUp: a client closes as soon as it has sent, and reads nothing. It needs
	// NoTLS.
	HangUp bool `json:"hang_up,omitempty"`
	// Answer is what a server gives back, a line each, in place of receipts.
	Answer string `json:"answer,omitempty"`

	// Keep: the session that a client is given is kept under the attack's ID.
	Keep bool `json:"keep,omitempty"`
	// Resume: a client resumes a session.
	Resume *Resume `json:"resume,omitempty"`
}

// Resume says which session to resume, and when.
type Resume struct {
	// From is the ID of an earlier attack that was told to Keep its session.
	// Without one, the attack makes its session first, in an honest connection
	// of its own with Message.
	From    string `json:"from,omitempty"`
	Message string `json:"message,omitempty"`

	// Uninvited: that connection is no more honest than the one that resumes. Where it gives
	// no session there is none to resume, and the second comes without.
	Uninvited bool `json:"uninvited,omitempty"`

	// AfterExpiry: wait until the leaf of the chain has expired. It must be
	// readable, and expire within MaxExpiryWait.
	AfterExpiry bool `json:"after_expiry,omitempty"`

	// SNI is that connection's in place of the attack's, if there is one.
	SNI string `json:"sni,omitempty"`

	// Alter: one bit of the ticket is another (RFC 5077, 4; RFC 8446, 4.6.1). That the
	// secret still fits is nothing to a server that cannot read the ticket.
	Alter bool `json:"alter,omitempty"`
}

// MaxExpiryWait is the longest that an attack waits for its leaf to expire.
const MaxExpiryWait = time.Minute

// Parse reads one line of the adversary's input. A field that is not known
// is an error: an attack less what was meant would pass for an honest exchange.
func Parse(line []byte) (Attack, error) {
	var a Attack
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&a); err != nil {
		return Attack{}, fmt.Errorf("reading attack: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Attack{}, errors.New("reading attack: more than one value in a line")
	}
	if err := a.Check(); err != nil {
		return Attack{ID: a.ID}, fmt.Errorf("reading attack: %w", err)
	}
	return a, nil
}

// Check reports whether the adversary can do all of what it is told. It does not
// look into the chain.
func (a Attack) Check() error {
	switch {
	case a.ID == "" || len(a.ID) > maxAttackID:
		return fmt.Errorf("id: want 1 to %d bytes", maxAttackID)
	case a.End:
		return nil
	case a.Limit < 0 || a.Limit > MaxLimit:
		return fmt.Errorf("limit_ns: want no less than none and at most %v", MaxLimit)
	case strings.ContainsAny(a.Message, "\r\n"):
		return errors.New("message: want one line")
	}
	if _, err := a.TLSVersion(); err != nil {
		return err
	}
	if err := errors.Join(a.checkIdentity(), a.Dialogue.check()); err != nil {
		return err
	}
	switch a.Role {
	case wire.Client:
		return a.checkClient()
	case wire.Server:
		return a.checkServer()
	default:
		return fmt.Errorf("role: want %q or %q", wire.Client, wire.Server)
	}
}

func (a Attack) checkIdentity() error {
	if a.NoTLS || a.NoCertificate {
		return nil
	}
	if a.WrongContext && a.Version != "1.3" {
		return errors.New("wrong_context: there are contexts in TLS 1.3 alone")
	}
	if len(a.Chain) == 0 {
		return errors.New("chain: empty, and neither no_certificate nor no_tls is set")
	}
	_, err := a.Signer()
	return err
}

// checkClient names what only a server can do, rather than pass over it.
func (a Attack) checkClient() error {
	switch {
	case a.Connect == "" || a.Listen != "":
		return errors.New("a client needs connect, and no listen")
	case a.Tell || a.NoCertificateRequest || len(a.Authorities) > 0 || a.Answer != "" || a.Refuse:
		return errors.New("tell, no_certificate_request, authorities, answer and refuse are a server's")
	case a.HangUp && !a.NoTLS:
		return errors.New("hang_up: needs no_tls; TLS has unread tickets, and closing on those would take the message back")
	case a.Resume != nil && (a.NoTLS || a.NoCertificate && a.Resume.AfterExpiry):
		return errors.New("resume: there is no session without TLS, and no expiry without a certificate")
	case a.Resume != nil && sentSNI(a.Resume.SNI) != a.Resume.SNI:
		return fmt.Errorf("resume: sni: crypto/tls would send %q", sentSNI(a.Resume.SNI))
	case sentSNI(a.SNI) != a.SNI:
		return fmt.Errorf("sni: crypto/tls would send %q", sentSNI(a.SNI))
	}
	return nil
}

func (a Attack) checkServer() error {
	switch {
	case a.Listen == "" || a.Connect != "":
		return errors.New("a server needs listen, and no connect")
	case a.SNI != "" || a.NoCertificate || a.HangUp || a.Keep || a.Resume != nil:
		return errors.New("sni, no_certificate, hang_up, keep and resume are a client's")
	case len(a.Preface) > 0 && !a.NoTLS:
		return errors.New("preface: a server's needs no_tls")
	}
	return nil
}

// sentSNI is what crypto/tls makes of a name.
func sentSNI(name string) string {
	host := name
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	}
	if i := strings.LastIndex(host, "%"); i > 0 {
		host = host[:i]
	}
	if net.ParseIP(host) != nil {
		return ""
	}
	return strings.TrimRight(name, ".")
}

// TLSVersion is the attack's version as crypto/tls counts them; 0 is its
// default.
func (a Attack) TLSVersion() (uint16, error) {
	names := []string{"1.0", "1.1", "1.2", "1.3"}
	switch i := slices.Index(names, a.Version); {
	case a.Version == "":
		return 0, nil
	case i < 0:
		return 0, fmt.Errorf("version %q: want one of %q", a.Version, names)
	default:
		return tls.VersionTLS10 + uint16(i), nil //nolint:gosec // 0 to 3
	}
}

// Signer is the attack's key. Its errors quote nothing of it.
func (a Attack) Signer() (crypto.Signer, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(a.Key)
	if err != nil {
		return nil, errors.New("key: not a PKCS#8 private key that Go can read")
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("key: one of type %T cannot sign", parsed)
	}
	return key, nil
}
