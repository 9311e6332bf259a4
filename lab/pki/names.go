package pki

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"unicode/utf8"
)

// InputError says which field of a [Config] or a [Request] cannot be used, and
// why. It is the caller's fault, as opposed to the lab's.
type InputError struct {
	Field string // "Config.TrustDomain", "Request.DNS", ...
	Err   error  // names the value
}

func (e *InputError) Error() string { return e.Field + ": " + e.Err.Error() }

// Unwrap returns what is wrong with the field.
func (e *InputError) Unwrap() error { return e.Err }

// Upper bounds, in bytes. The names that subjects repeat are bounded by RFC
// 5280, appendix A.1 (64), less the longest title of an authority.
const (
	maxLeafName      = 64
	maxAuthorityName = maxLeafName - len(" Intermediate CA")
	maxDNSName       = 253 // RFC 1035, 2.3.4, without the final dot
)

var (
	// SPIFFE-ID, 2.1 and 2.2: these characters and no percent-encoding. That
	// the domain has the form of a DNS name is what crypto/x509 asks of a URI.
	trustDomain = regexp.MustCompile(`^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$`)
	spiffePath  = regexp.MustCompile(`^[a-zA-Z0-9._-]+(/[a-zA-Z0-9._-]+)*$`)
	dotSegment  = regexp.MustCompile(`(^|/)\.\.?(/|$)`)

	// RFC 1123, 2.1, and underscores, which names of containers may hold. The
	// whole first label may be a wildcard (RFC 9525, 6.3).
	dnsName = regexp.MustCompile(`^(\*\.)?` + dnsLabel + `(\.` + dnsLabel + `)*$`)
)

const dnsLabel = `[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?`

func checkAuthorityName(name string) error {
	switch {
	case len(name) > maxAuthorityName:
		return fmt.Errorf("%q is longer than %d bytes", name, maxAuthorityName)
	case !utf8.ValidString(name):
		return fmt.Errorf("%q is not UTF-8", name)
	}
	return nil
}

func checkTrustDomain(name string) error {
	if len(name) > maxDNSName || !trustDomain.MatchString(name) {
		return fmt.Errorf("%q is no SPIFFE trust domain: a DNS name in lower case", name)
	}
	return nil
}

// checkNames returns an *InputError for the first name that cannot be used.
func (r Request) checkNames() error {
	if err := checkLeafName(r.Name); err != nil {
		return &InputError{Field: "Request.Name", Err: err}
	}
	for _, name := range r.DNS {
		if err := checkDNSName(name); err != nil {
			return &InputError{Field: "Request.DNS", Err: err}
		}
	}
	for _, ip := range r.IPs {
		if ip.To16() == nil {
			return &InputError{Field: "Request.IPs", Err: fmt.Errorf("%x is neither 4 nor 16 bytes long", []byte(ip))}
		}
	}
	return nil
}

func checkLeafName(name string) error {
	switch {
	case name == "":
		return errors.New("empty")
	case len(name) > maxLeafName:
		return fmt.Errorf("%q is longer than %d bytes", name, maxLeafName)
	case !spiffePath.MatchString(name) || dotSegment.MatchString(name):
		return fmt.Errorf(
			"%q is no SPIFFE path: segments of letters, digits, dots, hyphens and underscores, parted by slashes",
			name,
		)
	}
	return nil
}

// CheckHost says why no certificate can be for a host of that name, in a sentence that names it.
func CheckHost(name string) error {
	if strings.HasPrefix(name, "*") {
		return fmt.Errorf("%q is the name of many hosts", name)
	}
	return checkDNSName(name)
}

func checkDNSName(name string) error {
	switch {
	case net.ParseIP(name) != nil:
		return fmt.Errorf("%q is an IP address", name)
	case len(name) > maxDNSName || !dnsName.MatchString(name):
		return fmt.Errorf("%q is no DNS name", name)
	}
	return nil
}
