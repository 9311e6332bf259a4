package wire

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Role is the part a peer plays.
type Role string

// The two roles of an exchange.
const (
	Server Role = "server"
	Client Role = "client"
)

// Other is the other side's.
func (r Role) Other() Role {
	if r == Server {
		return Client
	}
	return Server
}

// Versions are those of TLS that peers speak with each other, the lowest first.
func Versions() []string { return []string{"1.2", "1.3"} }

// Policy is what a side demands of the other beyond its trusted roots.
// The zero value accepts any verified client, from TLS 1.2 on.
type Policy struct {
	Allow      []string // server: URI or DNS names accepted; none means every verified client
	ServerName string   // client: the DNS name or IP address the server must have
	MinVersion uint16   // tls.VersionTLS12 or later; zero means TLS 1.2
	MaxVersion uint16   // zero means the latest there is
	Staple     bool     // client: the server must show that it is not revoked, by an OCSP staple
	Now        func() time.Time
}

func (p Policy) now() time.Time {
	if p.Now == nil {
		return time.Now()
	}
	return p.Now()
}

// Min is the lowest TLS version accepted (RFC 8996 rules out what is older).
func (p Policy) Min() uint16 { return max(p.MinVersion, tls.VersionTLS12) }

// ServerConfig is the TLS configuration of a server that takes nobody it has
// not verified.
func ServerConfig(c *Credentials, p Policy) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{c.Own},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    c.Roots,
		MinVersion:   p.Min(),
		MaxVersion:   p.MaxVersion,
		Time:         p.now,
		VerifyConnection: func(state tls.ConnectionState) error {
			return c.verify(state, p, x509.ExtKeyUsageClientAuth)
		},
	}
}

// ClientConfig is the TLS configuration of a client that speaks to no server it
// has not verified. It presents its certificate whatever authorities the server
// names, so that a wrong one is called wrong and not missing.
func ClientConfig(c *Credentials, p Policy) *tls.Config {
	return &tls.Config{
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &c.Own, nil },
		RootCAs:              c.Roots,
		ServerName:           p.ServerName,
		MinVersion:           p.Min(),
		MaxVersion:           p.MaxVersion,
		Time:                 p.now,
		VerifyConnection: func(state tls.ConnectionState) error {
			return c.verify(state, p, x509.ExtKeyUsageServerAuth)
		},
	}
}

// verify judges the other side of a connection. crypto/tls has verified the
// chain already on a full handshake, with the same roots and the same usage, but
// not when a session is resumed; this sees both, and so is the one place where a
// connection is accepted. Whoever judges by other material than the handshake's
// has it verified again, by leaving state.VerifiedChains out.
func (c *Credentials) verify(state tls.ConnectionState, p Policy, usage x509.ExtKeyUsage) error {
	if len(state.PeerCertificates) == 0 {
		return refuse(NoCertificate, "the other side presented no certificate")
	}
	leaf, chains := state.PeerCertificates[0], state.VerifiedChains
	if state.DidResume || len(chains) == 0 {
		var err error
		if chains, err = c.chains(state.PeerCertificates, p.now(), usage); err != nil {
			return err
		}
	}
	if err := c.anyOf(chains, state, usage, p.now()); err != nil {
		return err
	}
	if usage == x509.ExtKeyUsageServerAuth {
		if err := leaf.VerifyHostname(p.ServerName); err != nil {
			return err
		}
		return stapled(state.OCSPResponse, chains, p.Staple, p.now())
	}
	return p.allowed(leaf)
}

// chains are those by which the certificates lead to a root.
func (c *Credentials) chains(
	certs []*x509.Certificate, now time.Time, usage x509.ExtKeyUsage,
) ([][]*x509.Certificate, error) {
	intermediates := x509.NewCertPool()
	for _, cert := range certs[1:] {
		intermediates.AddCert(cert)
	}
	chains, err := certs[0].Verify(x509.VerifyOptions{
		Roots:         c.Roots,
		Intermediates: intermediates,
		CurrentTime:   now,
		KeyUsages:     []x509.ExtKeyUsage{usage},
	})
	if err != nil {
		return nil, &tls.CertificateVerificationError{UnverifiedCertificates: certs, Err: err}
	}
	return chains, nil
}

// anyOf accepts if one of the verified chains stands up to all that crypto/x509
// does not look at, and otherwise says what was wrong with the first.
func (c *Credentials) anyOf(
	chains [][]*x509.Certificate,
	state tls.ConnectionState,
	usage x509.ExtKeyUsage,
	now time.Time,
) error {
	var first error
	for _, chain := range chains {
		err := strict(chain, state, usage)
		if err == nil {
			err = revoked(chain, c.CRLs, now)
		}
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

func (p Policy) allowed(leaf *x509.Certificate) error {
	if len(p.Allow) == 0 {
		return nil
	}
	uris, _ := uriNames(leaf) // what cannot be read names nobody
	names := slices.Concat(uris, leaf.DNSNames)
	if slices.ContainsFunc(p.Allow, func(name string) bool { return slices.Contains(names, name) }) {
		return nil
	}
	return refuse(NotAllowed, "%s is not one of %s", IdentityOf(leaf), strings.Join(p.Allow, ", "))
}

// ParseVersion reads a TLS version as flags spell it: "1.2" or "1.3".
func ParseVersion(s string) (uint16, error) {
	switch s {
	case "1.2":
		return tls.VersionTLS12, nil
	case "1.3":
		return tls.VersionTLS13, nil
	default:
		return 0, fmt.Errorf("TLS version %q: choose 1.2 or 1.3", s)
	}
}
