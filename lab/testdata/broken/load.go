package broken

import (
	"archive/tar"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// Load reads material from standard input or a directory, as an honest peer does.
func Load(role wire.Role, from string, stdin io.Reader) (*Peer, error) {
	material, err := wire.LoadMaterial(from, stdin)
	if err != nil {
		return nil, err
	}
	creds, err := material.Parse()
	if err != nil {
		return nil, err
	}
	p := &Peer{Role: role, Creds: creds}
	for rest := material.Trust; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return p, nil
		}
		root, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		p.Trust = append(p.Trust, root)
	}
}

// LoadWhatever takes whatever it can read of the tar on standard input for its
// trusted roots, which may be nothing: then trusting reports false.
func LoadWhatever(role wire.Role, stdin io.Reader) (p *Peer, trusting bool, err error) {
	files := make(map[string][]byte)
	archive := tar.NewReader(stdin)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, false, err
		}
		if files[header.Name], err = io.ReadAll(archive); err != nil {
			return nil, false, err
		}
	}
	own, err := tls.X509KeyPair(files[wire.FileChain], files[wire.FileKey])
	if err != nil {
		return nil, false, err
	}
	creds := &wire.Credentials{Own: own, Roots: x509.NewCertPool()}
	trusting = creds.Roots.AppendCertsFromPEM(files[wire.FileTrust])
	creds.CRLs, err = parseLists(files[wire.FileCRL])
	return &Peer{Role: role, Creds: creds}, trusting, err
}

func parseLists(text []byte) (lists []*x509.RevocationList, err error) {
	for len(text) > 0 {
		block, rest := pem.Decode(text)
		if block == nil {
			return nil, fmt.Errorf("%s: no PEM", wire.FileCRL)
		}
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return nil, err
		}
		lists, text = append(lists, list), rest
	}
	return lists, nil
}
