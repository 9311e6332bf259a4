package broken

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// Peer is what a verification is made of.
type Peer struct {
	Role   wire.Role // of the side that verifies
	Creds  *wire.Credentials
	Trust  []*x509.Certificate // the certificates of Creds.Roots
	Policy wire.Policy
}

// Verification judges one connection.
type Verification func(tls.ConnectionState) error

// Fault is one thing that a verification gets wrong. Exactly one of its fields
// is set.
type Fault struct {
	doctor  func(*certificate)                                           // what is not looked at
	trust   func(trusted, chain []*x509.Certificate) []*x509.Certificate // what is trusted
	settle  func(p *Peer)                                                // what is not even known
	forgive func(p Peer, leaf *x509.Certificate, err error) error        // what is found, and let pass
	replace func(p Peer) Verification
}

// certificate is one of a chain, or a trusted root, to be doctored.
type certificate struct {
	*x509.Certificate
	role wire.Role // of its holder's side
	leaf bool
}

// Names are those of all faults of this package.
func Names() []string {
	var names []string
	for name := range faults {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Verify is the verification with that fault; the honest one for any name that
// is not one of [Names].
func (p Peer) Verify(name string) Verification {
	fault := faults[name]
	if fault.replace != nil {
		return fault.replace(p)
	}
	return verification(p, fault)
}

func verification(p Peer, fault Fault) Verification {
	if fault.settle != nil {
		fault.settle(&p)
	}
	return func(state tls.ConnectionState) error { return p.judge(fault, state) }
}

func (p Peer) honest() Verification {
	if p.Role == wire.Server {
		return wire.ServerConfig(p.Creds, p.Policy).VerifyConnection
	}
	return wire.ClientConfig(p.Creds, p.Policy).VerifyConnection
}

// judge asks the honest verification about what the fault makes of it all.
func (p Peer) judge(fault Fault, state tls.ConnectionState) error {
	presented := state.PeerCertificates
	if fault.trust != nil {
		p.trustOnly(fault.trust(p.Trust, presented))
	}
	if fault.doctor != nil {
		roots := slices.Clone(p.Trust)
		state.PeerCertificates = slices.Clone(presented)
		p.doctorAll(fault, state.PeerCertificates)
		p.doctorAll(fault, roots)
		p.trustOnly(roots)
	}
	err := p.honest()(state)
	if err != nil && fault.forgive != nil && len(presented) > 0 {
		return fault.forgive(p, presented[0], err)
	}
	return err
}

// doctorAll replaces certificates by what the fault sees of them. The first of a
// chain is the leaf, unless the very same is trusted.
func (p Peer) doctorAll(fault Fault, chain []*x509.Certificate) {
	trusted := len(chain) > 0 && slices.ContainsFunc(p.Trust, chain[0].Equal)
	for i, cert := range chain {
		doctored := *cert
		fault.doctor(&certificate{&doctored, other(p.Role), i == 0 && !trusted})
		chain[i] = &doctored
	}
}

func (p *Peer) trustOnly(roots []*x509.Certificate) {
	creds := *p.Creds
	creds.Roots = x509.NewCertPool()
	for _, root := range roots {
		creds.Roots.AddCert(root)
	}
	p.Creds = &creds
}

func other(role wire.Role) wire.Role {
	if role == wire.Server {
		return wire.Client
	}
	return wire.Server
}

// refusal makes a verification's no.
func refusal(reason wire.Reason, format string, args ...any) error {
	return &wire.Refusal{Reason: reason, Err: fmt.Errorf(format, args...)}
}

// isFor tells what the honest verification found.
func isFor(err error, reason wire.Reason) bool {
	found, ok := errors.AsType[*wire.Refusal](err)
	return ok && found.Reason == reason
}

func isWrongName(err error) bool {
	_, ok := errors.AsType[x509.HostnameError](err)
	return ok
}
