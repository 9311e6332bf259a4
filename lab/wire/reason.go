package wire

import "fmt"

// Reason is why one side would not go on, in one word that scripts and tests
// may compare. Each is taken from the type of an error or from the alert that
// this side sent, never from a text.
type Reason string

// Reasons for which a peer is refused.
const (
	NoCertificate     Reason = "no_certificate"     // the client presented none (RFC 8446, 4.4.2.4)
	UnknownAuthority  Reason = "unknown_authority"  // no path to a trusted root (RFC 5280, 6.1)
	Expired           Reason = "expired"            // after notAfter (RFC 5280, 6.1.3 (a)(2))
	NotYetValid       Reason = "not_yet_valid"      // before notBefore (RFC 5280, 6.1.3 (a)(2))
	WrongUsage        Reason = "wrong_usage"        // EKU does not allow the role (RFC 5280, 4.2.1.12)
	WrongName         Reason = "wrong_name"         // no SAN matches the server's name (RFC 9525, 6)
	NotAllowed        Reason = "not_allowed"        // verified, but not an identity that is accepted
	NotAnAuthority    Reason = "not_an_authority"   // issued by a certificate that may not issue (RFC 5280, 6.1.4)
	NameConstraint    Reason = "name_constraint"    // outside the names its authority may issue (RFC 5280, 4.2.1.10)
	CriticalExtension Reason = "critical_extension" // a critical extension nobody understands (RFC 5280, 4.2)
	WeakAlgorithm     Reason = "weak_algorithm"     // a signature algorithm no longer accepted
	BadCertificate    Reason = "bad_certificate"    // cannot be parsed or used, or refused on any other ground
	AuthorityAsPeer   Reason = "authority_as_peer"  // a certificate that may issue others (X509-SVID, 5.2)
	BadName           Reason = "bad_name"           // no name that could be an identity, or one that none may have
	WeakKey           Reason = "weak_key"           // a key that is no longer accepted (NIST SP 800-131A)
	Revoked           Reason = "revoked"            // on its issuer's list (RFC 5280, 6.1.3 (a)(3))
	RevocationUnknown Reason = "revocation_unknown" // lists were given, and none can tell (RFC 5280, 6.3.3)
	BadMaterial       Reason = "bad_material"       // this side's own: it did not start
	BadSignature      Reason = "bad_signature"      // the certificate's key was not shown to be held (RFC 8446, 4.4.3)
	ProtocolVersion   Reason = "protocol_version"   // no TLS version in common
	NotTLS            Reason = "not_tls"            // the first bytes are not a TLS record
	ProtocolError     Reason = "protocol_error"     // any other breach of TLS
	MessageTooLong    Reason = "message_too_long"   // over the message limit
	NotUTF8           Reason = "not_utf8"           // a message that is not UTF-8
	NotALine          Reason = "not_a_line"         // a message that holds a line end
)

// How a peer refuses that gives no account of its own. Why is not known from
// outside: alerts are a free choice (RFC 8446, 6.2).
const (
	ByAlert   Reason = "alert"  // a TLS alert
	ByAnswer  Reason = "answer" // over TLS, in its own protocol
	ByClosing Reason = "closed" // it ended the connection without an answer
)

// Reasons for which an exchange ended with nobody refusing anybody. None of
// them is a refusal: a peer that hangs has not turned anyone away.
const (
	Timeout      Reason = "timeout"
	Disconnected Reason = "disconnected" // reset, or the connection ended before the exchange did
	BadReceipt   Reason = "bad_receipt"  // an answer, but no receipt of this message from this client
	Evicted      Reason = "evicted"      // gave way to a newer connection when the server was full
	Crashed      Reason = "crashed"      // a signal ended the program, or it could not be run
	Ended        Reason = "ended"        // the program ended, by itself and with an exit code of its own
)

// Refuses says whether a peer that gives that reason has turned somebody away.
func (r Reason) Refuses() bool {
	switch r {
	case "", Timeout, Disconnected, BadReceipt, Evicted, Crashed, Ended:
		return false
	default:
		return true
	}
}

// Refusal is the error of a verification that said no.
type Refusal struct { //nolint:errname // a word of the field, and not an error of the lab
	Reason Reason
	Err    error
}

func (r *Refusal) Error() string { return fmt.Sprintf("%s: %v", r.Reason, r.Err) }
func (r *Refusal) Unwrap() error { return r.Err }

// refuse makes a *Refusal whose detail is for people.
func refuse(reason Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Err: fmt.Errorf(format, args...)}
}
