package wire

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"strings"
)

const spiffeScheme = "spiffe://"

// The limits of SPIFFE-ID, 2.3.
const (
	maxSPIFFE      = 2048
	maxTrustDomain = 255
)

var oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}

// tagURI is the context tag of uniformResourceIdentifier in a GeneralName
// (RFC 5280, 4.2.1.6).
const tagURI = 6

// uriNames returns the URI names of a certificate as they are in it, byte for
// byte. crypto/x509 gives them parsed, with a scheme that has been lowered, so
// that what is compared would not be what was signed.
func uriNames(cert *x509.Certificate) ([]string, error) {
	var uris []string
	for _, extension := range cert.Extensions {
		if !extension.Id.Equal(oidSubjectAltName) {
			continue
		}
		var names []asn1.RawValue
		if rest, err := asn1.Unmarshal(extension.Value, &names); err != nil || len(rest) > 0 {
			return nil, errors.Join(errors.New("not a sequence of names"), err)
		}
		for _, name := range names {
			if name.Class == asn1.ClassContextSpecific && name.Tag == tagURI {
				uris = append(uris, string(name.Bytes))
			}
		}
	}
	return uris, nil
}

// checkSPIFFE holds an ID to the characters, the parts and the length that
// SPIFFE-ID allows (2 to 2.3).
func checkSPIFFE(id string) error {
	rest, ok := strings.CutPrefix(id, spiffeScheme)
	domain, path, hasPath := strings.Cut(rest, "/")
	switch {
	case !ok:
		return errors.New("the scheme is not spiffe")
	case len(id) > maxSPIFFE || len(domain) > maxTrustDomain:
		return errors.New("too long")
	case domain == "" || !only(domain, "abcdefghijklmnopqrstuvwxyz0123456789.-_"):
		return errors.New("the trust domain may hold lower-case letters, digits, dots, dashes and underscores")
	case !hasPath:
		return nil
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" || segment == "." || segment == ".." || !only(segment, pathCharacters) {
			return errors.New(
				"the path may hold letters, digits, dots, dashes and underscores, in segments that are neither " +
					"empty nor dots alone",
			)
		}
	}
	return nil
}

const pathCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"

func only(s, characters string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune(characters, r) })
}

// checkDNS refuses names that no host has, and wildcards that cover more than
// the hosts of one domain (RFC 9525, 6.3).
func checkDNS(name string) error {
	rest, wildcard := strings.CutPrefix(name, "*.")
	switch {
	case wildcard && !strings.Contains(rest, "."):
		return errors.New("a wildcard for a whole top-level domain")
	case strings.Contains(rest, "*"):
		return errors.New("a wildcard is the whole of the leftmost label or nothing (RFC 9525, 6.3)")
	case !only(strings.ToLower(rest), "abcdefghijklmnopqrstuvwxyz0123456789.-_"):
		return errors.New("characters that no host name has (RFC 5280, 4.2.1.6)")
	}
	for label := range strings.SplitSeq(rest, ".") {
		if label == "" || len(label) > 63 {
			return errors.New("a label that is empty or too long (RFC 1034, 3.1)")
		}
	}
	return nil
}
