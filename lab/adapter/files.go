package adapter

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// File is one that is put into a peer's container before it starts.
type File struct {
	Path string
	Data []byte
	Mode fs.FileMode
}

// ErrNotPackable says that material is altered in a way that a keystore cannot hold,
// because whoever makes it has to read what goes in.
var ErrNotPackable = errors.New("a keystore cannot be made of it")

// MaterialFiles are the files of a peer's material. What is missing from the
// material is missing there: no file is made of nothing. An error is ErrNotPackable,
// or the material's own.
func (a *Adapter) MaterialFiles(m wire.Material, dir string) ([]File, error) {
	var files []File
	for _, n := range a.layout() {
		data, err := n.make(material{m})
		if err != nil {
			return nil, fmt.Errorf("material.files.%s: %w", n.key, err)
		}
		if len(data) == 0 {
			continue
		}
		mode := fs.FileMode(0o644)
		if n.secret {
			mode = 0o600
		}
		files = append(files, File{Path: n.path(dir), Data: data, Mode: mode})
	}
	return files, nil
}

// material turns a bundle into the forms that peers want it in.
type material struct{ wire.Material }

func (m material) ca() ([]byte, error)   { return m.Trust, nil }
func (m material) cert() ([]byte, error) { return m.Chain, nil }
func (m material) key() ([]byte, error)  { return m.Key, nil }
func (m material) crl() ([]byte, error)  { return m.CRL, nil }

func (m material) combined() ([]byte, error) { return bytes.Join([][]byte{m.Key, m.Chain}, nil), nil }

func (m material) pkcs12() ([]byte, error) {
	chain, err := certificates(m.Chain)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(m.Key)
	if block == nil {
		return nil, fmt.Errorf("key: %w", ErrNotPackable)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("key: %w", ErrNotPackable)
	}
	return pkcs12.Modern.Encode(key, chain[0], chain[1:], Password)
}

func (m material) trustStore() ([]byte, error) {
	roots, err := certificates(m.Trust)
	if err != nil {
		return nil, err
	}
	entries := make([]pkcs12.TrustStoreEntry, len(roots))
	for i, root := range roots {
		entries[i] = pkcs12.TrustStoreEntry{Cert: root, FriendlyName: alias(i)}
	}
	return pkcs12.Modern.EncodeTrustStoreEntries(entries, Password)
}

func (m material) jks() ([]byte, error) {
	chain, err := certificates(m.Chain)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(m.Key)
	if block == nil {
		return nil, fmt.Errorf("key: %w", ErrNotPackable)
	}
	entry := keystore.PrivateKeyEntry{CreationTime: time.Unix(0, 0), PrivateKey: block.Bytes}
	for _, cert := range chain {
		entry.CertificateChain = append(entry.CertificateChain, keystore.Certificate{Type: "X509", Content: cert.Raw})
	}
	store := keystore.New(keystore.WithOrderedAliases())
	if err := store.SetPrivateKeyEntry(alias(0), entry, []byte(Password)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotPackable, err)
	}
	return stored(store)
}

func (m material) trustJKS() ([]byte, error) {
	roots, err := certificates(m.Trust)
	if err != nil {
		return nil, err
	}
	store := keystore.New(keystore.WithOrderedAliases())
	for i, root := range roots {
		entry := keystore.TrustedCertificateEntry{
			CreationTime: time.Unix(0, 0), Certificate: keystore.Certificate{Type: "X509", Content: root.Raw},
		}
		if err := store.SetTrustedCertificateEntry(alias(i), entry); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotPackable, err)
		}
	}
	return stored(store)
}

func stored(store keystore.KeyStore) ([]byte, error) {
	var out bytes.Buffer
	err := store.Store(&out, []byte(Password))
	return out.Bytes(), err
}

func alias(i int) string { return fmt.Sprintf("mtlslab-%d", i) }

// certificates reads PEM that a keystore is to be made of, all of it.
func certificates(text []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for rest := text; len(bytes.TrimSpace(rest)) > 0; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, fmt.Errorf("certificates: %w", ErrNotPackable)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificates: %w: %w", ErrNotPackable, err)
		}
		all = append(all, cert)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("certificates: %w: there is none", ErrNotPackable)
	}
	return all, nil
}
