package pki

import (
	"cmp"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"time"

	"go.step.sm/crypto/minica"
	"go.step.sm/crypto/x509util"
)

// Config says how an authority is made. The zero value is good for a lab.
type Config struct {
	// Name is what the authority calls itself in its certificates' subjects;
	// "mtlslab" if empty. Two authorities may share one: that is how an
	// impostor looks. At most 48 bytes.
	Name string

	// TrustDomain is the host of the SPIFFE IDs that the authority issues
	// (SPIFFE-ID, section 2.1); "lab" if empty.
	TrustDomain string

	// Algorithm of all keys; [ECDSAP256] if empty.
	Algorithm Algorithm

	// ServerNames are the DNS names that the certificate of a pair's server is for; [ServerName]
	// if there are none.
	ServerNames []string

	// Now is the moment that Validity and Backdate are counted from;
	// time.Now() if zero. Certificates hold whole seconds.
	Now time.Time

	// Validity is how long after Now the certificates expire; 24 hours if zero.
	Validity time.Duration

	// Backdate is how long before Now the certificates begin, so that a peer
	// whose clock is behind accepts them; two days if zero.
	Backdate time.Duration
}

// complete returns the config with its defaults filled in, or an *InputError.
func (c Config) complete() (Config, error) {
	c.Name = cmp.Or(c.Name, "mtlslab")
	c.TrustDomain = cmp.Or(c.TrustDomain, "lab")
	c.Validity = cmp.Or(c.Validity, 24*time.Hour)
	c.Backdate = cmp.Or(c.Backdate, 2*24*time.Hour)
	if c.Now.IsZero() {
		c.Now = time.Now()
	}

	if err := checkAuthorityName(c.Name); err != nil {
		return c, &InputError{Field: "Config.Name", Err: err}
	}
	if err := checkTrustDomain(c.TrustDomain); err != nil {
		return c, &InputError{Field: "Config.TrustDomain", Err: err}
	}
	if c.Validity < 0 {
		return c, &InputError{Field: "Config.Validity", Err: fmt.Errorf("%v is negative", c.Validity)}
	}
	if c.Backdate < 0 {
		return c, &InputError{Field: "Config.Backdate", Err: fmt.Errorf("%v is negative", c.Backdate)}
	}
	var err error
	if c.Algorithm, err = ParseAlgorithm(string(c.Algorithm)); err != nil {
		return c, &InputError{Field: "Config.Algorithm", Err: err}
	}
	return c, nil
}

// Authority is a root, its intermediate, and the keys of both. It does not
// change once made, and may be used by many goroutines at once.
type Authority struct {
	cfg Config // complete
	ca  minica.CA
}

// New makes an authority with fresh keys. A config that cannot be used is an
// [*InputError]; any other error comes from making keys or certificates.
func New(cfg Config) (*Authority, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, fmt.Errorf("making authority: %w", err)
	}
	a := &Authority{cfg: cfg}
	if err := a.makeRoot(); err != nil {
		return nil, fmt.Errorf("making root: %w", err)
	}
	if err := a.makeIntermediate(time.Time{}); err != nil {
		return nil, fmt.Errorf("making intermediate: %w", err)
	}
	return a, nil
}

// makeRoot limits no path length: a chain that is too long then breaks the
// intermediate's limit and nothing else.
func (a *Authority) makeRoot() (err error) {
	if a.ca.RootSigner, err = a.cfg.Algorithm.newKey(); err != nil {
		return err
	}
	template := a.cfg.caTemplate("Root CA", -1)
	a.ca.Root, err = x509util.CreateCertificate(template, template, a.ca.RootSigner.Public(), a.ca.RootSigner)
	return err
}

func (a *Authority) makeIntermediate(until time.Time) (err error) {
	if a.ca.Signer, err = a.cfg.Algorithm.newKey(); err != nil {
		return err
	}
	template := a.cfg.caTemplate("Intermediate CA", 0)
	if !until.IsZero() {
		template.NotAfter = until
	}
	a.ca.Intermediate, err = x509util.CreateCertificate(template, a.ca.Root, a.ca.Signer.Public(), a.ca.RootSigner)
	return err
}

// caTemplate leaves serial number and key identifiers to x509util (RFC 5280,
// 4.1.2.2, 4.2.1.1 and 4.2.1.2). A negative maxPathLen means none.
func (c Config) caTemplate(title string, maxPathLen int) *x509.Certificate {
	return &x509.Certificate{
		Subject:               pkix.Name{Organization: []string{c.Name}, CommonName: c.Name + " " + title},
		NotBefore:             c.Now.Add(-c.Backdate),
		NotAfter:              c.Now.Add(c.Validity),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLen:            maxPathLen,
		MaxPathLenZero:        maxPathLen == 0,
	}
}

// WithIntermediate returns the authority with another intermediate, of the same name and with a
// key of its own, as it is replaced before it expires; until then, or as long as the root if that is
// zero. What the one before has issued stays good.
func (a *Authority) WithIntermediate(until time.Time) (*Authority, error) {
	next := &Authority{cfg: a.cfg, ca: a.ca}
	if err := next.makeIntermediate(until); err != nil {
		return nil, fmt.Errorf("making intermediate: %w", err)
	}
	return next, nil
}

// Trust returns the root as PEM: all that a peer needs to verify every
// identity of this authority.
func (a *Authority) Trust() []byte { return encodeCertificates(a.ca.Root) }

// Issued says whether its intermediate issued a certificate.
func (a *Authority) Issued(cert *x509.Certificate) bool {
	return cert.CheckSignatureFrom(a.ca.Intermediate) == nil
}

// String returns the authority's name, so that printing one shows no key.
func (a *Authority) String() string { return a.cfg.Name }
