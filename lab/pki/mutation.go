package pki

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// Mutation makes one thing of a good chain wrong, or odd. Mutations compose:
// each finds the forgery as the one before left it.
type Mutation func(*Forgery)

// Forgery is a chain before it is signed. It begins as the good one: a leaf,
// the authority's own intermediate, and the authority's own root, of which the
// first two are presented.
//
// The authority's own certificates cannot be changed, for every other case
// stands on them: see [Forgery.OwnIntermediate] and [Forgery.OwnRoot].
type Forgery struct {
	Request      Request
	Now          time.Time // of the authority
	Leaf         *Draft
	Intermediate *Draft // who signs the leaf
	Root         *Draft // who signs the intermediate

	Presented []*Draft      // in this order
	Key       crypto.Signer // that the handshake is signed with; the first presented draft's if nil

	// Trusted are the roots that the verifying side must trust besides the
	// authority's, so that nothing but the mutation is wrong.
	Trusted []*Draft

	// System are the roots that the verifying side's system trusts, and that side was not told of.
	System []*Draft

	// Bystanders issue nothing of this chain; their lists go along.
	Bystanders []*Draft

	authority   *Authority
	placeholder crypto.Signer // stands in for issuers whose keys crypto/x509 would not sign with
	err         error         // the first
}

// Forged is what an adversary presents, and what else the verifying side must
// be given so that it can judge it.
type Forged struct {
	Chain [][]byte      // DER, as presented; of what a mutation broke, only nearly
	Key   crypto.Signer // of the handshake
	PKCS8 []byte        // Key (RFC 5958)

	// ExtraRoots are to be trusted for this chain. Nobody has their keys any
	// more, so that they are good for nothing else. Go can parse every one.
	ExtraRoots [][]byte
	// SystemRoots are to be trusted by the system of the verifying side, and not by itself.
	SystemRoots [][]byte
	// ExtraCRLs are the lists of every issuer in the chain but the authority's
	// own, whose are [Authority.CRLs]. Go can parse every one.
	ExtraCRLs [][]byte
	// LaterCRLs are those lists as they are afterwards.
	LaterCRLs [][]byte
}

// Trust returns the extra roots as PEM, to be appended to [Authority.Trust].
func (f *Forged) Trust() []byte { return encodePEM("CERTIFICATE", f.ExtraRoots) }

// SystemTrust returns the roots of the system as PEM.
func (f *Forged) SystemTrust() []byte { return encodePEM("CERTIFICATE", f.SystemRoots) }

// CRLs returns the extra lists as PEM, to be appended to [Authority.CRLs].
func (f *Forged) CRLs() []byte { return encodePEM("X509 CRL", f.ExtraCRLs) }

// Later returns, as PEM, what takes the place of CRLs afterwards.
func (f *Forged) Later() []byte { return encodePEM("X509 CRL", f.LaterCRLs) }

// String says how much was forged, so that printing it shows no key.
func (f *Forged) String() string { return fmt.Sprintf("forged chain of %d", len(f.Chain)) }

// Forge issues an identity as [Authority.Issue] does, with everything wrong with
// it that the mutations say. With none it is the same chain.
func (a *Authority) Forge(req Request, mutations ...Mutation) (*Forged, error) {
	f, err := a.draft(req)
	if err != nil {
		return nil, fmt.Errorf("forging: %w", err)
	}
	for _, mutate := range mutations {
		mutate(f)
	}
	forged, err := f.finish()
	if err != nil {
		return nil, fmt.Errorf("forging: %w", err)
	}
	return forged, nil
}

func (a *Authority) draft(req Request) (*Forgery, error) {
	template, err := a.leafTemplate(req)
	if err != nil {
		return nil, err
	}
	f := &Forgery{
		Request: req, Now: a.cfg.Now, authority: a,
		Root:         &Draft{Template: a.ca.Root, Key: a.ca.RootSigner, own: true},
		Intermediate: &Draft{Template: a.ca.Intermediate, Key: a.ca.Signer, own: true},
	}
	f.Intermediate.Issuer = f.Root
	if f.placeholder, err = ECDSAP256.newKey(); err != nil {
		return nil, err
	}
	f.Leaf = f.Draft(template, f.Intermediate)
	f.Presented = []*Draft{f.Leaf, f.Intermediate}
	return f, f.err
}

// Draft begins a certificate with a fresh key, of the authority's algorithm,
// and a fresh serial number. Without an issuer it signs itself.
func (f *Forgery) Draft(template *x509.Certificate, issuer *Draft) *Draft {
	key, err := f.authority.cfg.Algorithm.newKey()
	f.fail(err)
	template.SerialNumber = f.serial()
	return &Draft{Template: template, Key: key, Issuer: issuer}
}

// CA begins an authority of another name and key than any other has, with one
// good list. A negative path length means none (RFC 5280, 4.2.1.9).
//
// Lists are found by their issuers' names (RFC 5280, 6.3.3 (f)): two issuers of
// one name, each with its list, would let the state of one speak for the other.
func (f *Forgery) CA(title string, issuer *Draft, maxPathLen int) *Draft {
	template := f.authority.cfg.caTemplate(title, maxPathLen)
	tag := make([]byte, 6)
	_, err := rand.Read(tag)
	f.fail(err)
	template.Subject.OrganizationalUnit = []string{hex.EncodeToString(tag)}
	ca := f.Draft(template, issuer)
	ca.Lists = []*List{{}}
	return ca
}

// OwnIntermediate replaces the authority's intermediate by one of this chain's
// own, to be changed at will, and returns it.
func (f *Forgery) OwnIntermediate() *Draft {
	if !f.Intermediate.own {
		return f.Intermediate
	}
	replaced := f.Intermediate
	f.Intermediate = f.CA("Intermediate CA", f.Root, 0)
	if f.Leaf.Issuer == replaced {
		f.Leaf.Issuer = f.Intermediate
	}
	for i, presented := range f.Presented {
		if presented == replaced {
			f.Presented[i] = f.Intermediate
		}
	}
	return f.Intermediate
}

// OwnRoot replaces the authority's root by one of this chain's own, which the
// verifying side is to trust, and returns it.
func (f *Forgery) OwnRoot() *Draft {
	if !f.Root.own {
		return f.Root
	}
	replaced := f.Root
	f.Root = f.CA("Root CA", nil, -1)
	f.Trusted = append(f.Trusted, f.Root)
	if intermediate := f.OwnIntermediate(); intermediate.Issuer == replaced {
		intermediate.Issuer = f.Root
	}
	return f.Root
}

// Present adds a certificate to the end of what is presented.
func (f *Forgery) Present(drafts ...*Draft) { f.Presented = append(f.Presented, drafts...) }

func (f *Forgery) serial() *big.Int {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128))
	f.fail(err)
	return serial.SetBit(serial, 127, 1) // never zero, and always as long
}

func (f *Forgery) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

func (f *Forgery) finish() (*Forged, error) {
	forged := &Forged{Key: f.Key}
	if forged.Key == nil && len(f.Presented) > 0 {
		forged.Key = f.Presented[0].Key
	}
	for _, draft := range f.Presented {
		forged.Chain = append(forged.Chain, f.sealed(draft))
	}
	for _, draft := range f.Trusted {
		forged.ExtraRoots = append(forged.ExtraRoots, f.sealed(draft))
	}
	for _, draft := range f.System {
		forged.SystemRoots = append(forged.SystemRoots, f.sealed(draft))
	}
	for _, issuer := range f.issuers() {
		later := slices.ContainsFunc(issuer.Lists, func(l *List) bool { return l.Later })
		for _, list := range issuer.Lists {
			der, err := list.sign(f.authority.cfg, issuer)
			f.fail(err)
			if !list.Later {
				forged.ExtraCRLs = append(forged.ExtraCRLs, der)
			}
			if list.Later == later {
				forged.LaterCRLs = append(forged.LaterCRLs, der)
			}
		}
	}
	if f.err != nil {
		return nil, f.err
	}
	var err error
	forged.PKCS8, err = x509.MarshalPKCS8PrivateKey(forged.Key)
	return forged, err
}

// issuers are those whose lists the verifying side needs, once each.
func (f *Forgery) issuers() []*Draft {
	var issuers []*Draft
	for _, draft := range f.Presented {
		issuers = append(issuers, draft.Issuer)
	}
	var once []*Draft
	for _, draft := range slices.Concat(issuers, f.Presented, f.Trusted, f.Bystanders) {
		if draft != nil && !slices.Contains(once, draft) {
			once = append(once, draft)
		}
	}
	return once
}

func (f *Forgery) sealed(draft *Draft) []byte {
	der, err := draft.seal(f.placeholder)
	f.fail(err)
	return der
}

func encodePEM(kind string, blocks [][]byte) []byte {
	var text []byte
	for _, der := range blocks {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})...)
	}
	return text
}
