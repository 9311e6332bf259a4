package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// A pair is one server and one client that are to trust one authority.
type pair struct {
	server, client string // directories
	dns            []string
	algorithm      pki.Algorithm
	validity       time.Duration
	groupReads     bool
}

// provide sees to it that both directories hold material that fits together,
// and tells what it did.
func (p pair) provide(now time.Time) (string, error) {
	done := "Kept"
	if !p.fits(now) {
		done = "Minted"
		if err := p.mint(now); err != nil {
			return "", err
		}
	}
	for _, dir := range []string{p.server, p.client} {
		if err := os.Chmod(filepath.Join(dir, wire.FileKey), p.keyMode()); err != nil {
			return "", fmt.Errorf("setting who reads the key: %w", err)
		}
	}
	creds, err := wire.LoadCredentials(p.server, nil)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s material of server and client, good until %s",
		done, creds.Own.Leaf.NotAfter.UTC().Format(time.RFC3339)), nil
}

func (p pair) keyMode() fs.FileMode {
	if p.groupReads {
		return 0o640
	}
	return 0o600
}

// mint replaces the material of both. The keys go first and come last, so that
// at no moment does a directory hold a whole bundle of which a part is old: who
// reads in between misses the key, and a server that runs keeps what it has.
func (p pair) mint(now time.Time) error {
	authority, err := pki.New(pki.Config{Algorithm: p.algorithm, Now: now, Validity: p.validity})
	if err != nil {
		return err
	}
	server, err := authority.Issue(pki.Request{Role: wire.Server, Name: "server", DNS: p.dns})
	if err != nil {
		return err
	}
	client, err := authority.Issue(pki.Request{Role: wire.Client, Name: "client"})
	if err != nil {
		return err
	}
	for _, dir := range []string{p.server, p.client} {
		if err := os.Remove(filepath.Join(dir, wire.FileKey)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing the old key: %w", err)
		}
	}
	if err := server.Material(authority).WriteDir(p.server); err != nil {
		return err
	}
	return client.Material(authority).WriteDir(p.client)
}

// fits reports whether what the directories hold can go on being used: whole,
// of one authority, for these names, and with half its life ahead.
func (p pair) fits(now time.Time) bool {
	server, err := wire.LoadCredentials(p.server, nil)
	if err != nil {
		return false
	}
	client, err := wire.LoadCredentials(p.client, nil)
	if err != nil || !server.Roots.Equal(client.Roots) || !slices.Equal(server.Own.Leaf.DNSNames, p.dns) {
		return false
	}
	return isGood(server, x509.ExtKeyUsageServerAuth, now.Add(p.validity/2)) &&
		isGood(client, x509.ExtKeyUsageClientAuth, now.Add(p.validity/2))
}

// isGood reports whether the other side, which has the same roots, will verify
// the certificate at that moment.
func isGood(creds *wire.Credentials, usage x509.ExtKeyUsage, at time.Time) bool {
	intermediates := x509.NewCertPool()
	for _, der := range creds.Own.Certificate[1:] {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return false
		}
		intermediates.AddCert(cert)
	}
	_, err := creds.Own.Leaf.Verify(x509.VerifyOptions{
		Roots: creds.Roots, Intermediates: intermediates, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{usage},
	})
	return err == nil
}
