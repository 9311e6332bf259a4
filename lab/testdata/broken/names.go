package broken

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"regexp"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// admits forgives a server that finds a name which is not on its list, but like
// one that is.
func admits(like func(name, listed string) bool) func(Peer, *x509.Certificate, error) error {
	return func(p Peer, leaf *x509.Certificate, err error) error {
		if !isFor(err, wire.NotAllowed) {
			return err
		}
		id := wire.IdentityOf(leaf)
		for _, name := range slices.Concat(id.URIs, id.DNS) {
			if slices.ContainsFunc(p.Policy.Allow, func(listed string) bool { return like(name, listed) }) {
				return nil
			}
		}
		return err
	}
}

// whereHost forgives a client a host's name that it finds to be good enough.
// The name is the last thing that the honest verification looks at.
func whereHost(good func(leaf *x509.Certificate, host string) bool) func(Peer, *x509.Certificate, error) error {
	return func(p Peer, leaf *x509.Certificate, err error) error {
		if isWrongName(err) && good(leaf, p.Policy.ServerName) {
			return nil
		}
		return err
	}
}

func matches(like func(name, host string) bool) func(*x509.Certificate, string) bool {
	return func(leaf *x509.Certificate, host string) bool {
		return slices.ContainsFunc(leaf.DNSNames, func(name string) bool { return like(name, host) })
	}
}

// matchesWildcards takes a star for anything, dots and all, wherever it is.
func matchesWildcards(p Peer) Verification {
	fault := Fault{doctor: func(c *certificate) {
		if !c.leaf {
			return
		}
		c.DNSNames = slices.Clone(c.DNSNames)
		for i, name := range c.DNSNames {
			if strings.Contains(name, "*") && glob(name).MatchString(p.Policy.ServerName) {
				c.DNSNames[i] = p.Policy.ServerName
			}
		}
	}}
	return verification(p, fault)
}

func glob(pattern string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$")
}

// namesFromChain takes the names of any certificate of the chain for the leaf's, where its
// own will not do.
func namesFromChain(p Peer) Verification {
	return func(state tls.ConnectionState) error {
		err := p.honest()(state)
		for _, above := range state.PeerCertificates[min(1, len(state.PeerCertificates)):] {
			if !isWrongName(err) && !isFor(err, wire.NotAllowed) {
				break
			}
			names := slices.IndexFunc(above.Extensions, isNames)
			if names < 0 {
				continue
			}
			leaf := *state.PeerCertificates[0]
			leaf.DNSNames, leaf.URIs = above.DNSNames, above.URIs
			leaf.Extensions = slices.DeleteFunc(slices.Clone(leaf.Extensions), isNames)
			leaf.Extensions = append(leaf.Extensions, above.Extensions[names])
			renamed := state
			renamed.PeerCertificates = append([]*x509.Certificate{&leaf}, state.PeerCertificates[1:]...)
			err = p.honest()(renamed)
		}
		return err
	}
}

func isNames(e pkix.Extension) bool { return e.Id.Equal(oidSubjectAltName) }
