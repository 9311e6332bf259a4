package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// Account is what one side says of an error that ended its connection.
type Account struct {
	Kind   Kind   // Refused, RefusedByPeer or Failed
	Reason Reason // of Refused, and of Failed where the cause is known
	Alert  *Alert // of RefusedByPeer
}

// Explain tells what an error of a TLS connection means: this side refused, the
// other side did, or the connection broke. Some of crypto/tls's errors have no
// type: give Explain what [Handshake] returned, so that the alert this side
// sent can stand for it. Where that is not known hello (nil where none was read)
// and state tell how far the handshake had come when this side stopped it, which
// cannot tell no certificate from one that cannot be parsed.
func Explain(err error, hello *tls.ClientHelloInfo, state tls.ConnectionState, lowest uint16, now time.Time) Account {
	if reason, ok := verificationReason(err, now); ok {
		return Account{Kind: Refused, Reason: reason}
	}
	if alert, received, ok := AlertOf(err); ok {
		if received {
			return Account{Kind: RefusedByPeer, Alert: alert}
		}
		return Account{Kind: Refused, Reason: ProtocolError}
	}
	if reason, ok := transportReason(err); ok {
		return Account{Kind: Failed, Reason: reason}
	}
	handshake, ok := errors.AsType[*HandshakeError](err)
	switch {
	case !ok:
		return Account{Kind: Refused, Reason: stageReason(hello, state, lowest)}
	case handshake.Sent == nil:
		return Account{Kind: Failed} // this side's own fault: it told the other nothing
	}
	return Account{Kind: Refused, Reason: sentReason(handshake.Sent.Code, state)}
}

// verificationReason is of errors that this side's own verification made.
func verificationReason(err error, now time.Time) (Reason, bool) {
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return refusal.Reason, true
	}
	if header, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return headerReason(header, err), true
	}
	reason, ok := x509Reason(err, now)
	verification, isVerification := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case isVerification && reason == UnknownAuthority:
		return authorityReason(err, verification.UnverifiedCertificates), true
	case isVerification && !ok:
		return BadCertificate, true
	}
	return reason, ok
}

// headerReason relies on crypto/tls giving the connection with the error only
// where the first record is at fault and no alert was sent.
func headerReason(header tls.RecordHeaderError, err error) Reason {
	if header.Conn != nil {
		return NotTLS
	}
	if handshake, ok := errors.AsType[*HandshakeError](err); ok && handshake.Sent != nil &&
		handshake.Sent.Code == alertProtocolVersion {
		return ProtocolVersion
	}
	return ProtocolError
}

func x509Reason(err error, now time.Time) (Reason, bool) {
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return invalidReason(invalid, now), true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return WrongName, true
	}
	if _, ok := errors.AsType[x509.UnhandledCriticalExtension](err); ok {
		return CriticalExtension, true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return UnknownAuthority, true
	}
	return "", false
}

func invalidReason(invalid x509.CertificateInvalidError, now time.Time) Reason {
	switch invalid.Reason {
	case x509.Expired:
		if invalid.Cert != nil && now.Before(invalid.Cert.NotBefore) {
			return NotYetValid
		}
		return Expired
	case x509.IncompatibleUsage, x509.CANotAuthorizedForExtKeyUsage:
		return WrongUsage
	case x509.NotAuthorizedToSign, x509.TooManyIntermediates:
		return NotAnAuthority
	case x509.CANotAuthorizedForThisName, x509.NameConstraintsWithoutSANs,
		x509.UnconstrainedName, x509.TooManyConstraints:
		return NameConstraint
	default:
		return BadCertificate
	}
}

// authorityReason looks into an UnknownAuthorityError, which crypto/x509 also
// returns, with the cause unexported, for a certificate whose issuer it knows
// but will not take a signature from.
func authorityReason(err error, presented []*x509.Certificate) Reason {
	unknown, _ := errors.AsType[x509.UnknownAuthorityError](err)
	if unknown.Cert == nil {
		return UnknownAuthority
	}
	switch unknown.Cert.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1:
		return WeakAlgorithm // whoever issued it
	}
	for _, issuer := range presented {
		if !bytes.Equal(issuer.RawSubject, unknown.Cert.RawIssuer) || issuer.Equal(unknown.Cert) {
			continue
		}
		_, mayNotSign := errors.AsType[x509.ConstraintViolationError](unknown.Cert.CheckSignatureFrom(issuer))
		c := unknown.Cert
		if mayNotSign && issuer.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil {
			return NotAnAuthority
		}
	}
	return UnknownAuthority
}

func transportReason(err error) (Reason, bool) {
	if netErr, ok := errors.AsType[net.Error](err); ok && netErr.Timeout() {
		return Timeout, true
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return Disconnected, true
	}
	for _, broken := range []error{
		io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed, os.ErrClosed, context.Canceled,
		syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED,
	} {
		if errors.Is(err, broken) {
			return Disconnected, true
		}
	}
	return "", false
}

// sentReason reads the alert with which this side ended a handshake. An alert
// that crypto/tls sends for more than one cause is read together with how far
// the handshake had come: once the group is settled, only the peer's
// certificate is outstanding, and once that is known, only its signature.
func sentReason(sent uint8, state tls.ConnectionState) Reason {
	tls12, haveCert := state.Version == tls.VersionTLS12, len(state.PeerCertificates) > 0
	switch sent {
	case alertProtocolVersion:
		return ProtocolVersion
	case alertCertificateRequired:
		return NoCertificate
	case alertHandshakeFailure:
		if tls12 && state.CurveID != 0 && !haveCert {
			return NoCertificate // TLS 1.2 has no alert of its own for it (RFC 5246, 7.4.6)
		}
	case alertDecodeError:
		if (tls12 || state.CurveID != 0) && !haveCert {
			return BadCertificate
		}
	case alertBadCertificate, alertUnsupportedCertificate:
		return BadCertificate
	case alertDecryptError, alertIllegalParameter, alertUnexpectedMessage:
		if haveCert {
			return BadSignature
		}
	}
	return ProtocolError
}

// stageReason tells what was missing from how far the handshake came. It is
// asked only when this side ended the handshake with an error that has no type
// and its alert is not known.
func stageReason(hello *tls.ClientHelloInfo, state tls.ConnectionState, lowest uint16) Reason {
	switch {
	case hello != nil && !offers(hello, lowest):
		return ProtocolVersion
	case hello != nil && state.CurveID != 0 && len(state.PeerCertificates) == 0:
		return NoCertificate
	case len(state.PeerCertificates) > 0:
		return BadSignature
	default:
		return ProtocolError
	}
}

func offers(hello *tls.ClientHelloInfo, lowest uint16) bool {
	for _, version := range hello.SupportedVersions {
		if version >= lowest && version <= tls.VersionTLS13 {
			return true
		}
	}
	return false
}
