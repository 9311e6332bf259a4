package pki

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"go.step.sm/crypto/jose"
)

// tokenLife is how long a token is good: it is used at once.
const tokenLife = 5 * time.Minute

// Provisioner vouches for applicants by tokens, as step-ca's provisioners of type JWK do.
type Provisioner struct {
	Name string
	key  *jose.JSONWebKey
}

// NewProvisioner makes one with a fresh key.
func NewProvisioner(name string) (*Provisioner, error) {
	key, err := jose.GenerateJWK("EC", "P-256", jose.ES256, "sig", "", 0)
	if err != nil {
		return nil, fmt.Errorf("making a provisioner: %w", err)
	}
	return &Provisioner{Name: name, key: key}, nil
}

// Token vouches, once, for an applicant to whoever is called audience: a JSON Web Token (RFC 7519).
func (p *Provisioner) Token(of *Applicant, audience string) (string, error) {
	options := new(jose.SignerOptions).WithType("JWT").WithHeader("kid", p.key.KeyID)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: p.key.Key}, options)
	if err != nil {
		return "", fmt.Errorf("vouching for %s: %w", of.Name, err)
	}
	now := time.Now()
	claims := struct {
		jose.Claims
		SANs []string `json:"sans"`
	}{jose.Claims{
		ID: rand.Text(), Issuer: p.Name, Subject: of.Name, Audience: jose.Audience{audience},
		IssuedAt: jose.NewNumericDate(now), NotBefore: jose.NewNumericDate(now),
		Expiry: jose.NewNumericDate(now.Add(tokenLife)),
	}, of.SANs}
	token, err := jose.Signed(signer).Claims(claims).CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("vouching for %s: %w", of.Name, err)
	}
	return token, nil
}

// MarshalJSON is how step-ca is told of it: by its name, and the key by which its tokens are verified
// (RFC 7517). It shows no key that signs.
func (p *Provisioner) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Type string          `json:"type"`
		Name string          `json:"name"`
		Key  jose.JSONWebKey `json:"key"`
	}{"JWK", p.Name, p.key.Public()})
}
