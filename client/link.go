package main

import (
	"crypto/tls"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// link is a connection to a server that was verified.
type link struct {
	conn          *tls.Conn
	answers       *answers
	local, remote string
	peer          wire.Identity
	negotiated    wire.Negotiated
	asked         bool      // it asked for a certificate
	ends          time.Time // when the first of what the server showed is over
	close         func()
}

// verified notes who the server is.
func (l *link) verified(state tls.ConnectionState) {
	l.peer, l.negotiated = wire.IdentityOf(state.PeerCertificates[0]), wire.NegotiatedOf(state)
	l.ends = state.PeerCertificates[0].NotAfter
	for _, cert := range state.PeerCertificates {
		if cert.NotAfter.Before(l.ends) {
			l.ends = cert.NotAfter
		}
	}
}

// gone says whether the server has ended the connection, or has said what nobody asked for. What
// is sent by such a connection may be lost.
func (l *link) gone() bool {
	select {
	case <-l.answers.lines:
		return true
	default:
		return false
	}
}
