package pki

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
)

// exported is a pair with all its keys, each PKCS#8 (RFC 5958), and certificates as DER.
type exported struct {
	Name        string    `json:"name"`
	TrustDomain string    `json:"trust_domain"`
	Algorithm   Algorithm `json:"algorithm"`

	Root         keyed `json:"root"`
	Intermediate keyed `json:"intermediate"`
	Server       keyed `json:"server"`
	Client       keyed `json:"client"`
}

// keyed is a certificate with its key.
type keyed struct {
	Certificate []byte `json:"certificate"`
	Key         []byte `json:"key"`
}

// Export returns the pair with all its keys, its authority's too, as JSON. Whoever has that can
// be anybody to those who trust the authority: it is for a file of its own, of mode 0600.
func (p *Pair) Export() ([]byte, error) {
	a := p.Authority
	e := exported{Name: a.cfg.Name, TrustDomain: a.cfg.TrustDomain, Algorithm: a.cfg.Algorithm}
	for _, of := range []struct {
		to   *keyed
		cert *x509.Certificate
		key  crypto.Signer
	}{
		{&e.Root, a.ca.Root, a.ca.RootSigner},
		{&e.Intermediate, a.ca.Intermediate, a.ca.Signer},
		{&e.Server, p.Server.Certificate, p.Server.Key},
		{&e.Client, p.Client.Certificate, p.Client.Key},
	} {
		key, err := x509.MarshalPKCS8PrivateKey(of.key)
		if err != nil {
			return nil, fmt.Errorf("exporting an authority: %w", err)
		}
		*of.to = keyed{of.cert.Raw, key}
	}
	return json.Marshal(e)
}

// ImportPair returns the pair that [Pair.Export] gave.
func ImportPair(text []byte) (*Pair, error) {
	var e exported
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, fmt.Errorf("importing an authority: %w", err)
	}
	cfg, err := (Config{Name: e.Name, TrustDomain: e.TrustDomain, Algorithm: e.Algorithm}).complete()
	if err != nil {
		return nil, fmt.Errorf("importing an authority: %w", err)
	}
	a := &Authority{cfg: cfg}
	p := &Pair{Authority: a}
	if a.ca.Root, a.ca.RootSigner, err = e.Root.parse(); err != nil {
		return nil, err
	}
	if a.ca.Intermediate, a.ca.Signer, err = e.Intermediate.parse(); err != nil {
		return nil, err
	}
	a.cfg.Validity = a.ca.Root.NotAfter.Sub(cfg.Now)
	if p.Server, err = a.identity(e.Server); err != nil {
		return nil, err
	}
	p.Client, err = a.identity(e.Client)
	return p, err
}

func (a *Authority) identity(k keyed) (*Identity, error) {
	leaf, key, err := k.parse()
	if err == nil && len(leaf.URIs) == 0 {
		err = errors.New("importing an authority: an identity without a name")
	}
	return &Identity{
		Certificate: leaf, Key: key, Chain: []*x509.Certificate{leaf, a.ca.Intermediate}, pkcs8: k.Key,
	}, err
}

func (k keyed) parse() (*x509.Certificate, crypto.Signer, error) {
	cert, err := x509.ParseCertificate(k.Certificate)
	if err != nil {
		return nil, nil, fmt.Errorf("importing an authority: %w", err)
	}
	key, err := x509.ParsePKCS8PrivateKey(k.Key)
	if err != nil {
		return nil, nil, fmt.Errorf("importing an authority: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok || !isKeyOf(signer, cert) {
		return nil, nil, errors.New("importing an authority: a key is not that of its certificate")
	}
	return cert, signer, nil
}
