package adapter

import (
	"crypto/sha1" //nolint:gosec // OpenSSL finds roots by it; nothing is protected by it
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// Where systems keep the roots that they trust: Debian's and Alpine's directory, in which there is
// Java's store, too, and Red Hat's.
const (
	debianStore = "/etc/ssl/certs"
	redHatStore = "/etc/pki/tls/certs"
)

// StoreDirs are the directories in which systems keep the roots that they trust.
func StoreDirs() []string { return []string{debianStore, redHatStore} }

// TrustsStore says whether the roots that the peer is to trust are put into its system's store.
func (a *Adapter) TrustsStore() bool {
	return slices.ContainsFunc(a.MaterialPaths(a.Dir()), func(file string) bool {
		return slices.Contains(StoreDirs(), path.Dir(file))
	})
}

// StoreFiles are those by which a system trusts these roots, PEM, in the forms of OpenSSL, GnuTLS,
// Go and Java, in place of what is there. An error says that the roots are none.
func StoreFiles(roots []byte) ([]File, error) {
	all, err := certificates(roots)
	if err != nil {
		return nil, err
	}
	java, err := material{wire.Material{Trust: roots}}.trustJKS()
	if err != nil {
		return nil, err
	}
	const readable = 0o644
	files := []File{
		{Path: path.Join(debianStore, "ca-certificates.crt"), Data: roots, Mode: readable},
		{Path: path.Join(debianStore, "java/cacerts"), Data: java, Mode: readable},
		{Path: path.Join(redHatStore, "ca-bundle.crt"), Data: roots, Mode: readable},
	}
	named := make(map[string]int)
	for _, root := range all {
		hash, err := subjectHash(root)
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("%s.%d", hash, named[hash])
		named[hash]++
		files = append(files, File{
			Path: path.Join(
				debianStore,
				name,
			), Data: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}), Mode: readable,
		})
	}
	return files, nil
}

// subjectHash is by which OpenSSL finds a certificate in a directory: the first four bytes of the
// SHA-1 of its subject, each text of which is in lower case, with single spaces, as UTF-8
// (X509_NAME_hash_ex(3)). Texts are taken to be ASCII.
func subjectHash(cert *x509.Certificate) (string, error) {
	var names []asn1.RawValue
	if _, err := asn1.Unmarshal(cert.RawSubject, &names); err != nil {
		return "", fmt.Errorf("subject: %w", err)
	}
	var canonical []byte
	for _, set := range names {
		var attribute struct {
			Type  asn1.ObjectIdentifier
			Value asn1.RawValue
		}
		if _, err := asn1.Unmarshal(set.Bytes, &attribute); err != nil {
			return "", fmt.Errorf("subject: %w", err)
		}
		text := strings.Join(strings.Fields(strings.ToLower(string(attribute.Value.Bytes))), " ")
		attribute.Value = asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(text)}
		inner, err := asn1.Marshal(attribute)
		if err != nil {
			return "", fmt.Errorf("subject: %w", err)
		}
		outer, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: inner})
		if err != nil {
			return "", fmt.Errorf("subject: %w", err)
		}
		canonical = append(canonical, outer...)
	}
	sum := sha1.Sum(canonical) //nolint:gosec // as above
	return fmt.Sprintf("%08x", binary.LittleEndian.Uint32(sum[:4])), nil
}
