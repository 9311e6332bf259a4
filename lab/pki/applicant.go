package pki

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// Delegate is what an authority that runs somewhere else issues by in this one's name: the
// intermediate, and its key as unencrypted PKCS#8 (RFC 5958), each PEM.
func (a *Authority) Delegate() (certificate, key []byte, err error) {
	pkcs8, err := x509.MarshalPKCS8PrivateKey(a.ca.Signer)
	if err != nil {
		return nil, nil, fmt.Errorf("delegating: %w", err)
	}
	return encodeCertificates(a.ca.Intermediate), encodeKey(pkcs8), nil
}

// Applicant has a key and a name, and no certificate yet: somebody else is to issue it.
type Applicant struct {
	Name    string
	SANs    []string // all that the certificate is to name: a URI, DNS names, IP addresses
	Request []byte   // PKCS #10, PEM (RFC 2986)

	key   crypto.Signer
	pkcs8 []byte
}

// Apply makes a key, and a request for a certificate for it, as [Authority.Issue] would give it. Its
// dates are the issuer's to say.
func (a *Authority) Apply(req Request) (*Applicant, error) {
	template, err := a.leafTemplate(req)
	if err != nil {
		return nil, fmt.Errorf("applying for a %s leaf: %w", req.Role, err)
	}
	made := &Applicant{Name: req.Name}
	for _, uri := range template.URIs {
		made.SANs = append(made.SANs, uri.String())
	}
	made.SANs = append(made.SANs, template.DNSNames...)
	for _, ip := range template.IPAddresses {
		made.SANs = append(made.SANs, ip.String())
	}
	if made.key, err = a.cfg.Algorithm.newKey(); err != nil {
		return nil, err
	}
	if made.pkcs8, err = x509.MarshalPKCS8PrivateKey(made.key); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: template.Subject, URIs: template.URIs, DNSNames: template.DNSNames, IPAddresses: template.IPAddresses,
	}, made.key)
	made.Request = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
	return made, err
}

// Identity is what the applicant becomes by a chain that was issued: PEM, the leaf first.
func (a *Applicant) Identity(chain []byte) (*Identity, error) {
	return identityOf(chain, a.key, a.pkcs8)
}

// Renewed is the identity with a chain that was issued later for the same key: PEM, the leaf first.
func (id *Identity) Renewed(chain []byte) (*Identity, error) {
	return identityOf(chain, id.Key, id.pkcs8)
}

func identityOf(chain []byte, key crypto.Signer, pkcs8 []byte) (*Identity, error) {
	id := &Identity{Key: key, pkcs8: pkcs8}
	for {
		var block *pem.Block
		if block, chain = pem.Decode(chain); block == nil {
			break
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("reading the chain that was issued: %w", err)
		}
		id.Chain = append(id.Chain, cert)
	}
	if len(id.Chain) == 0 {
		return nil, errors.New("reading the chain that was issued: there is no certificate in it")
	}
	id.Certificate = id.Chain[0]
	if !isKeyOf(key, id.Certificate) {
		return nil, errors.New("reading the chain that was issued: its leaf is for another key")
	}
	if len(id.Certificate.URIs) == 0 {
		return nil, errors.New("reading the chain that was issued: its leaf is without a name")
	}
	return id, nil
}

func isKeyOf(key crypto.Signer, cert *x509.Certificate) bool {
	public, ok := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(key.Public())
}

func encodeKey(pkcs8 []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}
