package wire

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// Credentials is material that has been parsed and found to hold together:
// at least one trusted root, at least one certificate, and the leaf's key.
type Credentials struct {
	Own   tls.Certificate // Leaf is set
	Roots *x509.CertPool  // never empty
	CRLs  []*x509.RevocationList

	// Ends is when the first of it is over: of the own chain, the trusted roots or the lists.
	Ends time.Time
}

// LoadCredentials reads the bundle named by from as [LoadMaterial] does, and
// parses it. Every error is a *MaterialError whose File says where to look.
func LoadCredentials(from string, stdin io.Reader) (*Credentials, error) {
	m, err := LoadMaterial(from, stdin)
	if err != nil {
		return nil, err
	}
	creds, err := m.Parse()
	if fault, ok := errors.AsType[*MaterialError](err); ok && from != Stdin {
		return nil, &MaterialError{File: filepath.Join(from, fault.File), Err: fault.Err}
	}
	return creds, err
}

// Parse checks that the files of a bundle hold what their names say and belong
// together. It does not look at dates: see [Credentials.Expired]. Every error
// is a *MaterialError.
func (m Material) Parse() (*Credentials, error) {
	roots, err := parseCertificates(FileTrust, m.Trust)
	if err != nil {
		return nil, err
	}
	chain, err := parseCertificates(FileChain, m.Chain)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(m.Key)
	if err != nil {
		return nil, err
	}
	public, ok := chain[0].PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(key.Public()) {
		return nil, &MaterialError{File: FileKey, Err: fmt.Errorf("%w in %s", ErrKeyMismatch, FileChain)}
	}
	crls, err := parseCRLs(m.CRL)
	if err != nil {
		return nil, err
	}

	if err := checkStaple(m.Staple, chain); err != nil {
		return nil, err
	}

	creds := &Credentials{Roots: x509.NewCertPool(), CRLs: crls}
	for _, root := range roots {
		creds.Roots.AddCert(root)
	}
	creds.Own = tls.Certificate{PrivateKey: key, Leaf: chain[0], OCSPStaple: m.Staple}
	for _, cert := range chain {
		creds.Own.Certificate = append(creds.Own.Certificate, cert.Raw)
	}
	creds.Ends = chain[0].NotAfter
	for _, cert := range slices.Concat(chain, roots) {
		creds.endsBy(cert.NotAfter)
	}
	for _, list := range crls {
		if !list.NextUpdate.IsZero() { // RFC 5280, 5.1.2.5, demands one; not all have it
			creds.endsBy(list.NextUpdate)
		}
	}
	return creds, nil
}

func (c *Credentials) endsBy(t time.Time) {
	if t.Before(c.Ends) {
		c.Ends = t
	}
}

// Expired reports whether the peer's own certificate is outside its dates at
// the given time. That is a warning, not an error: refusing it is the other
// side's task, and a lab may want to see it do so.
func (c *Credentials) Expired(now time.Time) bool {
	return now.After(c.Own.Leaf.NotAfter) || now.Before(c.Own.Leaf.NotBefore)
}

// Equal reports whether both were parsed from the same certificates and lists.
// The key need not be compared: it belongs to the leaf.
func (c *Credentials) Equal(other *Credentials) bool {
	sameList := func(a, b *x509.RevocationList) bool { return bytes.Equal(a.Raw, b.Raw) }
	return slices.EqualFunc(c.Own.Certificate, other.Own.Certificate, bytes.Equal) &&
		bytes.Equal(c.Own.OCSPStaple, other.Own.OCSPStaple) &&
		c.Roots.Equal(other.Roots) && slices.EqualFunc(c.CRLs, other.CRLs, sameList)
}

// pemBlocks returns the blocks of one kind. Text around the blocks is let
// pass, as certificate tools write it there. A block that is damaged or of
// another kind is an error, and so is anything that looks like a piece of one:
// half a trust store must not pass for a whole one.
func pemBlocks(file, kind string, data []byte) ([][]byte, error) {
	var blocks [][]byte
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			break
		}
		switch used := data[:len(data)-len(rest)]; {
		case pemMarks(used) != 2 || len(block.Headers) > 0:
			return nil, malformed(file, "a PEM block that cannot be decoded")
		case block.Type != kind:
			return nil, malformed(file, "a PEM block %s where %q is expected", blockName(block.Type), kind)
		}
		blocks = append(blocks, block.Bytes)
		data = rest
	}
	if pemMarks(data) > 0 {
		return nil, malformed(file, "a PEM block that cannot be decoded")
	}
	if len(blocks) == 0 {
		return nil, &MaterialError{File: file, Err: fmt.Errorf("%w (%q)", ErrNoPEM, kind)}
	}
	return blocks, nil
}

// blockName quotes a block's kind if it is one that people mix up, and nothing
// else: a key may be pasted into the wrong line.
func blockName(kind string) string {
	switch kind {
	case "CERTIFICATE", "TRUSTED CERTIFICATE", "CERTIFICATE REQUEST", "X509 CRL", "PUBLIC KEY",
		"PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
		return strconv.Quote(kind)
	}
	return "of another kind"
}

// pemMarks counts the lines that begin or end a block, whole or damaged. The
// space sets the words apart from base64 that happens to spell them.
func pemMarks(data []byte) int {
	return bytes.Count(data, []byte("BEGIN ")) + bytes.Count(data, []byte("-END "))
}

func malformed(file, format string, args ...any) *MaterialError {
	return &MaterialError{File: file, Err: fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)}
}

func parseCertificates(file string, data []byte) ([]*x509.Certificate, error) {
	blocks, err := pemBlocks(file, "CERTIFICATE", data)
	if err != nil {
		return nil, err
	}
	certs := make([]*x509.Certificate, len(blocks))
	for i, der := range blocks {
		if certs[i], err = x509.ParseCertificate(der); err != nil {
			return nil, malformed(file, "certificate %d: %w", i+1, err)
		}
	}
	return certs, nil
}

// parseKey says in its errors what it could not read, but never with the
// parser's own words: those may quote what they stumbled on.
func parseKey(data []byte) (crypto.Signer, error) {
	blocks, err := pemBlocks(FileKey, "PRIVATE KEY", data)
	if err != nil {
		return nil, err
	}
	if len(blocks) > 1 {
		return nil, malformed(FileKey, "more than one key")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(blocks[0])
	if err != nil {
		return nil, malformed(FileKey, "not a PKCS#8 private key")
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, malformed(FileKey, "a key of type %T cannot sign", parsed)
	}
	return key, nil
}

func parseCRLs(data []byte) ([]*x509.RevocationList, error) {
	if len(data) == 0 {
		return nil, nil
	}
	blocks, err := pemBlocks(FileCRL, "X509 CRL", data)
	if err != nil {
		return nil, err
	}
	crls := make([]*x509.RevocationList, len(blocks))
	for i, der := range blocks {
		if crls[i], err = x509.ParseRevocationList(der); err != nil {
			return nil, malformed(FileCRL, "list %d: %w", i+1, err)
		}
	}
	return crls, nil
}
