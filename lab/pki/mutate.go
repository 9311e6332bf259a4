package pki

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
)

// Leaf changes what crypto/x509 can say of the leaf.
func Leaf(change func(*x509.Certificate)) Mutation {
	return func(f *Forgery) { change(f.Leaf.Template) }
}

// LeafDER changes the leaf before it is signed.
func LeafDER(edit func(*TBS)) Mutation {
	return func(f *Forgery) { f.Leaf.Edit(edit) }
}

// LeafNames replaces the leaf's names. Without any it has no such extension.
func LeafNames(names ...GeneralName) Mutation {
	return LeafDER(func(t *TBS) {
		if len(names) == 0 {
			t.Drop(OIDSubjectAltName)
			return
		}
		t.Set(SubjectAltName(names...))
	})
}

// LeafExtension adds an extension to the leaf, or replaces it.
func LeafExtension(extension pkix.Extension) Mutation {
	return LeafDER(func(t *TBS) { t.Set(extension) })
}

// LeafKey gives the leaf another key.
func LeafKey[K crypto.Signer](key func() (K, error)) Mutation {
	return func(f *Forgery) { setKey(f, f.Leaf, key) }
}

// Issuer changes what crypto/x509 can say of the intermediate, which is one of
// the chain's own.
func Issuer(change func(*x509.Certificate)) Mutation {
	return func(f *Forgery) { change(f.OwnIntermediate().Template) }
}

// IssuerDER changes the intermediate before it is signed.
func IssuerDER(edit func(*TBS)) Mutation {
	return func(f *Forgery) { f.OwnIntermediate().Edit(edit) }
}

// IssuerExtension adds an extension to the intermediate, or replaces it.
func IssuerExtension(extension pkix.Extension) Mutation {
	return IssuerDER(func(t *TBS) { t.Set(extension) })
}

// IssuerKey gives the intermediate another key, which signs the leaf.
func IssuerKey[K crypto.Signer](key func() (K, error)) Mutation {
	return func(f *Forgery) { setKey(f, f.OwnIntermediate(), key) }
}

// IssuerList changes what the intermediate says of what it revoked.
func IssuerList(change func(*Forgery, *List)) Mutation {
	return func(f *Forgery) {
		for _, list := range f.OwnIntermediate().Lists {
			change(f, list)
		}
	}
}

// Anchor changes what crypto/x509 can say of the root, which is one of the
// chain's own and trusted.
func Anchor(change func(*x509.Certificate)) Mutation {
	return func(f *Forgery) { change(f.OwnRoot().Template) }
}

// AnchorKey gives the root another key, which signs the intermediate.
func AnchorKey[K crypto.Signer](key func() (K, error)) Mutation {
	return func(f *Forgery) { setKey(f, f.OwnRoot(), key) }
}

func setKey[K crypto.Signer](f *Forgery, draft *Draft, key func() (K, error)) {
	made, err := key()
	f.fail(err)
	draft.Key = made
}

// Together applies mutations that are one deed.
func Together(mutations ...Mutation) Mutation {
	return func(f *Forgery) {
		for _, mutate := range mutations {
			mutate(f)
		}
	}
}

// Signed lets a draft be signed with that hash, by an issuer whose key is of a
// kind for which there is such a signature.
func Signed[K crypto.Signer](hash crypto.Hash, issuer func() (K, error)) Mutation {
	return func(f *Forgery) {
		setKey(f, f.OwnIntermediate(), issuer)
		f.Leaf.Hash = hash
	}
}

// Unknown is an extension that nobody knows (RFC 5280, 4.2), under an arc set
// aside for examples.
func Unknown(critical bool) pkix.Extension {
	return pkix.Extension{
		Id: asn1.ObjectIdentifier{2, 999, 1}, Critical: critical, Value: Marshal("mtlslab"),
	}
}
