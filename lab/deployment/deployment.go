// Package deployment is an authority on disk, for peers that the lab does not start: what a
// server and a client are given, and apart from that what the adversary needs.
//
// It exists for deployments that somebody else runs: in Kubernetes, on a virtual machine, in
// staging. What is deployed is good for nothing but a test, and for a day. It starts nothing.
// But for the material of compose.yaml, nothing else of mtlslab writes a key to a file.
package deployment

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// What is in the directory besides a directory a role. Only that of what forges must never be
// deployed.
const (
	Note  = "README.txt"
	Apart = "never-deploy"
	forge = "adversary.json"
)

// format is that of the file of what forges.
const format = 1

// Deployment is an authority that was exported: its good pair, and what adversaries of it
// present.
type Deployment struct {
	Pair   *pki.Pair
	Chains *audit.Chains
}

// file is what forges.
type file struct {
	Format int             `json:"format"`
	Pair   json.RawMessage `json:"pair"`
	Chains json.RawMessage `json:"chains"`
}

// New makes an authority whose server has these DNS names. It expires after so long.
func New(names []string, life time.Duration) (*Deployment, error) {
	pair, err := pki.NewPair(pki.Config{ServerNames: names, Validity: life})
	if err != nil {
		return nil, err
	}
	return &Deployment{pair, audit.NewChains(pair)}, nil
}

// ServerName is the first of the names of its server.
func (d *Deployment) ServerName() string { return d.Pair.Server.Certificate.DNSNames[0] }

// Expires is when nothing of it is taken any more.
func (d *Deployment) Expires() time.Time { return d.Pair.Server.Certificate.NotAfter }

// Write puts it into a directory that is empty or not there. Files have mode 0600.
func (d *Deployment) Write(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case len(entries) > 0:
		return fmt.Errorf("%s is not empty: name a new directory", dir)
	}
	for _, role := range []wire.Role{wire.Server, wire.Client} {
		if err := d.writeMaterial(filepath.Join(dir, string(role)), role); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, Note), []byte(d.note()), 0o600); err != nil {
		return err
	}
	return d.writeForge(filepath.Join(dir, Apart))
}

func (d *Deployment) writeMaterial(dir string, role wire.Role) error {
	m := d.Pair.Material(role)
	trust, crls, err := d.Chains.Trust(role)
	if err != nil {
		return err
	}
	own, err := d.Pair.Authority.CRLs()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for name, text := range map[string][]byte{
		wire.FileTrust: append(m.Trust, trust...), wire.FileChain: m.Chain, wire.FileKey: m.Key,
		wire.FileCRL: append(own, crls...),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (d *Deployment) writeForge(dir string) error {
	f := file{Format: format}
	var err error
	if f.Pair, err = d.Pair.Export(); err != nil {
		return err
	}
	if f.Chains, err = d.Chains.Export(); err != nil {
		return err
	}
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, forge), text, 0o600)
}

// note says to whoever finds the directory what it is.
func (d *Deployment) note() string {
	const text = `This is a test authority of mtlslab, made to try who gets in to a deployment.
It is good until %s and for nothing but that test.

server/         what a server is given: its trust, chain, key, revocation lists
client/         the same of a client
%s/   what forges: the authority's own keys and the adversary's.
                NEVER deploy it. With it one is anybody to a server that trusts ca.crt.

ca.crt holds many roots: some cases stand on one of their own, of which nobody
has the key any more. Deploy server/ (ca.crt, tls.crt, tls.key; crl.pem if the
server takes lists) where the server reads them, then, from where you are:

  mtlslab audit endpoint HOST:PORT --pki DIRECTORY

When you are done, take ca.crt out of the server's trust again, and remove this
directory.
`
	return fmt.Sprintf(text, d.Expires().UTC().Format(time.RFC3339), Apart)
}

// Read reads what Write wrote. Its errors say what is wrong with the directory; that it has
// expired is one.
func Read(dir string) (*Deployment, error) {
	path := filepath.Join(dir, Apart, forge)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is no export: mtlslab pki export makes one", dir)
	}
	if err != nil {
		return nil, err
	}
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if f.Format != format {
		return nil, fmt.Errorf("%s: format %d, and this mtlslab reads %d: export anew", path, f.Format, format)
	}
	d := new(Deployment)
	if d.Pair, err = pki.ImportPair(f.Pair); err == nil {
		d.Chains, err = audit.ImportChains(d.Pair, f.Chains)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if time.Now().After(d.Expires()) {
		return nil, fmt.Errorf("%s expired at %s: export anew, and deploy that",
			dir, d.Expires().Local().Format(time.DateTime))
	}
	return d, nil
}
