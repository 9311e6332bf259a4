package pki

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"time"

	"go.step.sm/crypto/x509util"
)

// Mutation changes one thing about a chain before it is signed.
type Mutation func(*Forgery)

// Forgery is a chain before it is signed: a good one, until a mutation has been
// at it. A mutation that needs another intermediate or another root than the
// authority's asks for one with [Forgery.OwnIntermediate] or [Forgery.OwnRoot],
// so that nothing it does to them is seen by any other chain.
type Forgery struct {
	Now  time.Time // what dates are counted from
	Leaf *Draft
	// Present is what the peer sends, in order: the leaf, then its intermediate.
	Present []*Draft
	// PrivateKey is what the peer signs with; the leaf's own if nil.
	PrivateKey crypto.Signer

	authority    *Authority
	intermediate *Draft
	root         *Draft
	extra        []*Draft // roots that the verifying side is to trust besides
	lists        []crl
	err          error
}

// Draft is one certificate before it is signed.
type Draft struct {
	// Template is what crypto/x509 is asked to make. What it cannot say is left
	// to Edits.
	Template *x509.Certificate
	Key      crypto.Signer // its own
	Issuer   *Draft        // nil: itself
	// Edits change the parts of the certificate that crypto/x509 has made, which
	// is then signed again by hand.
	Edits []func(*TBS)
	// After changes the finished certificate, signature and all.
	After func(der []byte) []byte

	der    []byte // set once it has been made, or from the start
	noList bool   // it publishes no good revocation list
}

// Forged is a chain as a peer presents it. Nothing of it need be a certificate
// that Go can read.
type Forged struct {
	Chain [][]byte // DER, the leaf first
	Key   []byte   // PKCS#8

	roots [][]byte // DER
	lists [][]byte // DER
}

// ExtraTrust is what the verifying side is to trust besides the authority's
// root, PEM; often nothing.
func (f *Forged) ExtraTrust() []byte { return encodePEM("CERTIFICATE", f.roots) }

// ExtraCRLs are the revocation lists that the chain needs besides the
// authority's, PEM.
func (f *Forged) ExtraCRLs() []byte { return encodePEM("X509 CRL", f.lists) }

func encodePEM(kind string, blocks [][]byte) []byte {
	var text []byte
	for _, der := range blocks {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})...)
	}
	return text
}

// Forge makes the chain of an identity as [Authority.Issue] would, but with the
// mutations applied. With none it is a good chain.
func (a *Authority) Forge(req Request, mutations ...Mutation) (*Forged, error) {
	f, err := a.forgery(req)
	if err != nil {
		return nil, fmt.Errorf("forging %s leaf: %w", req.Role, err)
	}
	for _, mutate := range mutations {
		mutate(f)
	}
	forged, err := f.make()
	if err != nil {
		return nil, fmt.Errorf("forging %s leaf: %w", req.Role, err)
	}
	return forged, nil
}

func (a *Authority) forgery(req Request) (*Forgery, error) {
	template, err := a.leafTemplate(req)
	if err != nil {
		return nil, err
	}
	key, err := a.cfg.Algorithm.newKey()
	if err != nil {
		return nil, err
	}
	f := &Forgery{Now: a.cfg.Now, authority: a}
	f.root = &Draft{Template: a.ca.Root, Key: a.ca.RootSigner, der: a.ca.Root.Raw}
	f.intermediate = &Draft{Template: a.ca.Intermediate, Key: a.ca.Signer, Issuer: f.root, der: a.ca.Intermediate.Raw}
	f.Leaf = &Draft{Template: template, Key: key, Issuer: f.intermediate}
	f.Present = []*Draft{f.Leaf, f.intermediate}
	return f, nil
}

// OwnIntermediate replaces the authority's intermediate by one that is this
// chain's alone, as good as the other.
func (f *Forgery) OwnIntermediate() *Draft {
	own := f.NewAuthority("intermediate", f.root)
	f.Leaf.Issuer = own
	for i, d := range f.Present {
		if d == f.intermediate {
			f.Present[i] = own
		}
	}
	f.intermediate = own
	return own
}

// OwnRoot replaces the authority's root and intermediate by ones that are this
// chain's alone. The verifying side is to trust the root.
func (f *Forgery) OwnRoot() *Draft {
	f.root = f.NewAuthority("root", nil)
	f.extra = append(f.extra, f.root)
	f.OwnIntermediate()
	return f.root
}

// Intermediate is the certificate that has issued the leaf's.
func (f *Forgery) Intermediate() *Draft { return f.intermediate }

// NewAuthority makes a draft of a certificate that may issue others, as good as
// the authority's own. issuer is nil for a root, which nobody trusts for that.
func (f *Forgery) NewAuthority(kind string, issuer *Draft) *Draft {
	pathLen := 0
	if issuer == nil {
		pathLen = -1
	}
	template := f.authority.cfg.caTemplate(kind+" "+rand.Text()[:8], pathLen)
	return &Draft{Template: template, Key: f.NewKey(), Issuer: issuer}
}

// NewKey makes a key of the authority's kind.
func (f *Forgery) NewKey() crypto.Signer {
	key, err := f.authority.cfg.Algorithm.newKey()
	f.fail(err)
	return key
}

// fail keeps the first error, so that mutations need not return theirs.
func (f *Forgery) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

// make signs everything, from the top down.
func (f *Forgery) make() (*Forged, error) {
	if f.err != nil {
		return nil, f.err
	}
	forged := new(Forged)
	for _, d := range f.Present {
		der, err := d.make()
		if err != nil {
			return nil, err
		}
		forged.Chain = append(forged.Chain, der)
	}
	for _, d := range f.extra {
		der, err := d.make()
		if err != nil {
			return nil, err
		}
		forged.roots = append(forged.roots, der)
	}
	key := f.PrivateKey
	if key == nil {
		key = f.Leaf.Key
	}
	var err error
	if forged.Key, err = x509.MarshalPKCS8PrivateKey(key); err != nil {
		return nil, err
	}
	forged.lists, err = f.makeLists()
	return forged, err
}

// issuers are the authorities of the chain that are its own, each once.
func (f *Forgery) issuers() []*Draft {
	var own []*Draft
	for _, d := range slices.Concat(f.Present, []*Draft{f.Leaf}) {
		for i := d.Issuer; i != nil && !slices.Contains(own, i); i = i.Issuer {
			own = append(own, i)
		}
	}
	return own
}

// make returns the certificate, made once.
func (d *Draft) make() ([]byte, error) {
	if d.der != nil {
		return d.der, nil
	}
	parent, signer := d.Template, d.Key
	if d.Issuer != nil {
		if _, err := d.Issuer.make(); err != nil {
			return nil, err
		}
		parent, signer = d.Issuer.Template, d.Issuer.Key
	}
	made, err := x509util.CreateCertificate(d.Template, parent, d.Key.Public(), signer)
	if err != nil {
		return nil, err
	}
	d.Template = withKeyID(d.Template, made)
	der := made.Raw
	if len(d.Edits) > 0 {
		if der, err = edit(der, d.Edits, signer); err != nil {
			return nil, err
		}
	}
	if d.After != nil {
		der = d.After(der)
	}
	d.der = der
	return der, nil
}

// withKeyID is the template with what was made for it, so that what it issues
// can name its issuer.
func withKeyID(template, made *x509.Certificate) *x509.Certificate {
	filled := *template
	filled.RawSubject = made.RawSubject
	filled.SubjectKeyId = made.SubjectKeyId
	filled.SerialNumber = made.SerialNumber
	filled.PublicKey = made.PublicKey
	return &filled
}
