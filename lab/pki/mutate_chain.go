package pki

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
)

// SelfSigned is a leaf that nobody issued.
func SelfSigned(f *Forgery) {
	f.Leaf.Issuer = nil
	f.Presented = []*Draft{f.Leaf}
}

// Untrusted is a good chain of an authority that nobody knows.
func Untrusted(f *Forgery) {
	root := f.OwnRoot()
	f.Trusted = nil
	root.Lists, f.Intermediate.Lists = nil, nil
}

// OfSystem is a good chain of an authority that the verifying side's system trusts.
func OfSystem(f *Forgery) {
	Untrusted(f)
	f.System = append(f.System, f.Root)
}

// UntrustedPresented is that chain with its root.
func UntrustedPresented(f *Forgery) {
	Untrusted(f)
	f.Present(f.Root)
}

// Namesake is the chain of an authority that calls itself as ours does.
func Namesake(f *Forgery) {
	Untrusted(f)
	f.Root.Template.Subject = f.authority.ca.Root.Subject
	f.Intermediate.Template.Subject = f.authority.ca.Intermediate.Subject
}

// NamesakePresented is that chain with its root.
func NamesakePresented(f *Forgery) {
	Namesake(f)
	f.Present(f.Root)
}

// NamesakeRoot is that chain with its root, and the root claims our root's key
// identifier too.
func NamesakeRoot(f *Forgery) {
	NamesakePresented(f)
	f.Root.Template.SubjectKeyId = f.authority.ca.Root.SubjectKeyId
}

// NamesakeIntermediate is signed by nobody who may, and otherwise like our
// intermediate: its name, its key identifier, its issuer.
func NamesakeIntermediate(f *Forgery) {
	intermediate := f.OwnIntermediate()
	intermediate.Lists = nil
	intermediate.Template.Subject = f.authority.ca.Intermediate.Subject
	intermediate.Template.SubjectKeyId = f.authority.ca.Intermediate.SubjectKeyId
	f.signedByStranger(intermediate)
}

func (f *Forgery) signedByStranger(draft *Draft) {
	key, err := f.authority.cfg.Algorithm.newKey()
	f.fail(err)
	draft.SignedBy = key
}

// MissingIntermediate presents the leaf alone, of an intermediate that nobody
// has met before.
func MissingIntermediate(f *Forgery) {
	f.OwnIntermediate()
	f.Presented = f.Presented[:1]
}

// LeafNotFirst presents the intermediate before the leaf.
func LeafNotFirst(f *Forgery) {
	f.Key = f.Leaf.Key
	f.Presented = []*Draft{f.Intermediate, f.Leaf}
}

// LeafAsIssuer lets the holder of a good leaf issue another. Nothing limits the
// path length, so that nothing else is wrong.
func LeafAsIssuer(change func(*x509.Certificate)) Mutation {
	return func(f *Forgery) {
		f.OwnIntermediate().Template.MaxPathLen, f.Intermediate.Template.MaxPathLenZero = -1, false
		req := f.Request
		req.Name = "mallory"
		req.DNS = nil
		template, err := f.authority.leafTemplate(req)
		f.fail(err)
		if err != nil {
			return
		}
		if change != nil {
			change(template)
		}
		issuer := f.Draft(template, f.Intermediate)
		issuer.Lists = []*List{{}}
		f.Leaf.Issuer = issuer
		f.Presented = []*Draft{f.Leaf, issuer, f.Intermediate}
	}
}

// SubordinateBelow issues the leaf from another intermediate, below one with that
// path length.
func SubordinateBelow(maxPathLen int) Mutation {
	return func(f *Forgery) {
		upper := f.OwnIntermediate()
		upper.Template.MaxPathLen, upper.Template.MaxPathLenZero = maxPathLen, maxPathLen == 0
		f.insert(f.CA("Issuing CA", upper, 0))
	}
}

// insert puts an issuer between the leaf and what issued it.
func (f *Forgery) insert(issuer *Draft) {
	f.Leaf.Issuer = issuer
	f.Presented = append([]*Draft{f.Leaf, issuer}, f.Presented[1:]...)
}

// AnchorPathLen lets the root be followed by no intermediate, and there is one.
func AnchorPathLen(f *Forgery) {
	root := f.OwnRoot()
	root.Template.MaxPathLen, root.Template.MaxPathLenZero = 0, true
}

// RenamedLeaf has a leaf signed, and then other names put in.
func RenamedLeaf(signed ...GeneralName) Mutation {
	return func(f *Forgery) {
		var claimed []byte
		f.Leaf.Edit(func(t *TBS) {
			claimed = t.Extension(OIDSubjectAltName).Value
			t.Set(SubjectAltName(signed...))
		})
		f.Leaf.Seals = append(f.Leaf.Seals, func(s *Seal) {
			tbs, err := ParseTBS(s.TBS)
			f.fail(err)
			if err != nil {
				return
			}
			tbs.Extension(OIDSubjectAltName).Value = claimed
			s.TBS, err = tbs.Encode()
			f.fail(err)
		})
	}
}

// SpoiltSignature changes one bit of a signature.
func SpoiltSignature(of func(*Forgery) *Draft) Mutation {
	return func(f *Forgery) {
		draft := of(f)
		draft.Seals = append(draft.Seals, func(s *Seal) { s.Signature[len(s.Signature)-1] ^= 1 })
	}
}

// OfLeaf is the certificate that a mutation such as [SpoiltSignature] is of.
func OfLeaf(f *Forgery) *Draft { return f.Leaf }

// OfIssuer is the intermediate, one of the chain's own.
func OfIssuer(f *Forgery) *Draft { return f.OwnIntermediate() }

// CrossSigned presents two intermediates that certify each other, and the one of
// the two that the root certifies: A by B, B by A, A by the root.
func CrossSigned(f *Forgery) {
	a := f.OwnIntermediate()
	a.Template.MaxPathLen = -1
	a.Template.MaxPathLenZero = false
	b := f.CA("Cross CA", a, -1)
	again := *a.Template
	again.SerialNumber = f.serial()
	byB := &Draft{Template: &again, Key: a.Key, Issuer: b}
	f.Presented = []*Draft{f.Leaf, byB, b, a}
}

// OutOfOrder presents two intermediates, the upper one first.
func OutOfOrder(f *Forgery) {
	SubordinateBelow(1)(f)
	f.Presented[1], f.Presented[2] = f.Presented[2], f.Presented[1]
}

// Unrelated presents a certificate that has nothing to do with the others.
func Unrelated(f *Forgery) {
	stray := f.CA("Unrelated CA", nil, -1)
	stray.Lists = nil
	f.Present(stray)
}

// RootPresented presents the authority's root as well.
func RootPresented(f *Forgery) { f.Present(f.Root) }

// IntermediateTwice presents the intermediate two times.
func IntermediateTwice(f *Forgery) { f.Present(f.Intermediate) }

// Deep issues the leaf below that many intermediates.
func Deep(intermediates int) Mutation {
	return func(f *Forgery) {
		f.OwnIntermediate().Template.MaxPathLen, f.Intermediate.Template.MaxPathLenZero = -1, false
		for range intermediates - 1 {
			f.insert(f.CA("Subordinate CA", f.Leaf.Issuer, -1))
		}
	}
}

// Bulky gives the leaf an extension of that many bytes, which nobody knows and
// which is not critical.
func Bulky(size int) Mutation {
	extension := Unknown(false)
	extension.Value = Element(asn1.ClassUniversal, asn1.TagOctetString, false, make([]byte, size))
	return LeafExtension(extension)
}

// IssuerAsPeer presents the authority's own intermediate as a peer, with its key.
func IssuerAsPeer(f *Forgery) { f.Presented = []*Draft{f.Intermediate} }

// RootAsPeer presents the authority's own root as a peer, with its key.
func RootAsPeer(f *Forgery) { f.Presented = []*Draft{f.Root} }

// NamedIssuerAsPeer presents an intermediate that has the leaf's names and usage
// beside its own.
func NamedIssuerAsPeer(f *Forgery) {
	issuer := f.OwnIntermediate().Template
	issuer.URIs, issuer.DNSNames = f.Leaf.Template.URIs, f.Leaf.Template.DNSNames
	issuer.ExtKeyUsage = f.Leaf.Template.ExtKeyUsage
	f.Presented = []*Draft{f.Intermediate}
}

// Weak inserts an intermediate that is signed with that hash, so that the
// signature is on an authority and not on the leaf.
func Weak[K crypto.Signer](hash crypto.Hash, issuer func() (K, error)) Mutation {
	return func(f *Forgery) {
		SubordinateBelow(1)(f)
		upper, lower := f.OwnIntermediate(), f.Leaf.Issuer
		setKey(f, upper, issuer)
		lower.Hash = hash
	}
}

// WeakRoot signs the root itself with that hash.
func WeakRoot[K crypto.Signer](hash crypto.Hash, key func() (K, error)) Mutation {
	return func(f *Forgery) {
		setKey(f, f.OwnRoot(), key)
		f.Root.Hash = hash
	}
}

// ForgedByCurve presents, above the leaf, what looks like the root with its
// curve spelt out: our root's name and point, and a generator for which anybody
// knows the private key (CVE-2020-0601).
func ForgedByCurve(f *Forgery) {
	public, err := ecdsaPublic(f.Root.Key)
	if err != nil {
		key, makeErr := ECDSAP256.newKey()
		f.fail(makeErr)
		f.OwnRoot().Key = key
		public, err = ecdsaPublic(key)
		f.fail(err)
	}
	impostor, err := Impostor(public)
	f.fail(err)
	root := *f.Root.Template
	fake := &Draft{Template: &root, Key: impostor}
	if f.Root.own {
		root.RawSubject = f.Root.Template.RawSubject
	}
	root.SerialNumber = new(big.Int).Set(f.Root.Template.SerialNumber)
	f.Leaf.Issuer = fake
	f.Presented = []*Draft{f.Leaf, fake}
}
