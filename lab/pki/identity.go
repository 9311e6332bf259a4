package pki

import (
	"cmp"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

func extKeyUsage(role wire.Role) (x509.ExtKeyUsage, error) {
	switch role {
	case wire.Server:
		return x509.ExtKeyUsageServerAuth, nil
	case wire.Client:
		return x509.ExtKeyUsageClientAuth, nil
	default:
		return 0, fmt.Errorf("%q is neither %q nor %q", role, wire.Server, wire.Client)
	}
}

// Request says whom an identity is for.
type Request struct {
	// Role is the side of an exchange that the identity may take, and no other.
	// It is required: a leaf for the wrong side is a case, not a default.
	Role wire.Role

	// Name is required: the path of the SPIFFE ID, without its first slash.
	// "client" gives spiffe://lab/client (SPIFFE-ID, section 2.2). At most 64
	// bytes.
	Name string

	// Known is where else than in that ID the other side looks for Name; nowhere if empty.
	Known wire.Field

	// DNS and IPs are what a client may dial a server by (RFC 9525, 6.3 and
	// 6.4). A client needs none. An IP address in DNS is an error, for it
	// would match nothing.
	DNS []string
	IPs []net.IP

	// NotBefore and NotAfter are the leaf's dates, both inclusive (RFC 5280,
	// 4.1.2.5); the authority's if zero. They may lie outside the authority's:
	// an expired leaf is one whose NotAfter is past.
	NotBefore, NotAfter time.Time
}

// Identity is a certificate, its key, and the chain to present it with. Chain
// may be replaced, and [Identity.Material] follows it; the rest is for reading,
// and the certificates above the leaf are the authority's own.
type Identity struct {
	Certificate *x509.Certificate   // the leaf
	Key         crypto.Signer       // the leaf's
	Chain       []*x509.Certificate // the leaf, then the intermediate; no root (RFC 8446, 4.4.2)

	pkcs8 []byte // Key, encoded while an error could still be returned
}

// Issue makes a key and a certificate for it. A request that cannot be used is
// an [*InputError]; any other error comes from making the key or certificate.
//
// The leaf is for one role: extended key usage serverAuth or clientAuth, never
// both (RFC 5280, 4.2.1.12), and key usage digitalSignature alone (4.2.1.3),
// which is all that TLS 1.3 and the ephemeral suites of TLS 1.2 ask for, RSA
// included. In that the lab is stricter than X509-SVID, whose section 4.4
// wants both roles in every leaf: a leaf that is good for both sides cannot
// show whether the other side checks.
func (a *Authority) Issue(req Request) (*Identity, error) {
	id, err := a.issue(req)
	if err != nil {
		return nil, fmt.Errorf("issuing %s leaf: %w", cmp.Or(req.Role, "a"), err)
	}
	return id, nil
}

func (a *Authority) issue(req Request) (*Identity, error) {
	template, err := a.leafTemplate(req)
	if err != nil {
		return nil, err
	}
	key, err := a.cfg.Algorithm.newKey()
	if err != nil {
		return nil, err
	}
	template.PublicKey = key.Public()
	leaf, err := a.ca.Sign(template)
	if err != nil {
		return nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	chain := []*x509.Certificate{leaf, a.ca.Intermediate}
	return &Identity{Certificate: leaf, Key: key, Chain: chain, pkcs8: pkcs8}, nil
}

// leafTemplate says everything about a leaf but its serial number, its key and
// its key identifiers.
//
// The subject names nobody: identities are in the subject alternative name,
// and there is no common name for a verifier to fall back on (RFC 9525, 2).
// It is there because an empty one would make that extension critical (RFC
// 5280, 4.1.2.6) and leave nothing to show to software that logs, indexes or
// authorises by subject, as JSSE's principals and NSS's nicknames do. A
// subject beside a SAN that is not critical asks no special case of anyone:
// not of OpenSSL, GnuTLS, NSS or JSSE, and not of what is built on them.
func (a *Authority) leafTemplate(req Request) (*x509.Certificate, error) {
	usage, err := extKeyUsage(req.Role)
	if err != nil {
		return nil, &InputError{Field: "Request.Role", Err: err}
	}
	if err := req.checkNames(); err != nil {
		return nil, err
	}
	if req.NotBefore.IsZero() {
		req.NotBefore = a.ca.Root.NotBefore
	}
	if req.NotAfter.IsZero() {
		req.NotAfter = a.ca.Root.NotAfter
	}
	if req.NotAfter.Before(req.NotBefore) {
		err := fmt.Errorf("%v is before NotBefore, %v", req.NotAfter, req.NotBefore)
		return nil, &InputError{Field: "Request.NotAfter", Err: err}
	}
	leaf := &x509.Certificate{
		Subject:     pkix.Name{Organization: []string{a.cfg.Name}, OrganizationalUnit: []string{req.Name}},
		URIs:        []*url.URL{{Scheme: "spiffe", Host: a.cfg.TrustDomain, Path: "/" + req.Name}},
		DNSNames:    req.DNS,
		IPAddresses: req.IPs,
		NotBefore:   req.NotBefore,
		NotAfter:    req.NotAfter,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{usage},

		// RFC 5280 lets a leaf go without; X509-SVID, 4.1, wants cA false said.
		BasicConstraintsValid: true,
	}
	put(req.Name, req.Known, leaf)
	return leaf, nil
}

// Material returns what a peer of this identity is given: its chain, its key
// as unencrypted PKCS#8 (RFC 5958), and the roots of the authorities that it is
// to trust. They need not include its own. Without any, the trust is empty, and
// [wire.Material.Parse] refuses it.
func (id *Identity) Material(trust ...*Authority) wire.Material {
	m := wire.Material{
		Chain: encodeCertificates(id.Chain...),
		Key:   encodeKey(id.pkcs8),
	}
	for _, authority := range trust {
		m.Trust = append(m.Trust, authority.Trust()...)
	}
	return m
}

// String returns the identity's SPIFFE ID, so that printing one shows no key.
func (id *Identity) String() string { return id.Certificate.URIs[0].String() }

func encodeCertificates(certs ...*x509.Certificate) []byte {
	var text []byte
	for _, cert := range certs {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	return text
}
