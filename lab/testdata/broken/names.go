package broken

import (
	"crypto/x509"
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
