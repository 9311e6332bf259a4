package cases

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/binary"
	"slices"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

const (
	forgeable = "Whoever has the means, which are not great, makes a certificate that nobody issued."
	breakable = "The key can be found from the certificate, which is public, with means that are not great."
	parsed    = "What is not the certificate that was signed, to the letter, is taken for it; or whoever " +
		"sends it brings the other side down."
)

func cryptoCase(c Case) Case {
	c.ID, c.Roles = "crypto/"+c.ID, asBoth
	return c
}

// cryptoCases are of algorithms, keys and encodings.
func cryptoCases() []Case {
	return by(Authority, slices.Concat(signatures(), rsaKeys(), otherKeys(), serials(), versions(), encodings()))
}

func p256() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

func on(curve elliptic.Curve) func() (*ecdsa.PrivateKey, error) {
	return func() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(curve, rand.Reader) }
}

func ed25519Key() (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return key, err
}

// rsaOf makes a key of that many bits, and of more primes where none but our
// own code signs with it: that is quicker, and nobody can tell.
func rsaOf(size pki.RSASize) func() (*rsa.PrivateKey, error) {
	return func() (*rsa.PrivateKey, error) { return pki.RSA(size) }
}

var rsaIssuer = rsaOf(pki.RSASize{Bits: 2048, Primes: 4})

func signatures() []Case {
	sha1 := rules(either("RFC 8446, 4.4.2.4"), either("RFC 8446, 4.4.2.4"), refuse("RFC 8446, 4.4.2.4"))
	md5 := alike(MustRefuse, "RFC 8446, 4.4.2.4")
	path := alike(MustRefuse, "RFC 5280, 6.1.3 (a)(1)")
	weak := []wire.Reason{wire.WeakAlgorithm, wire.UnknownAuthority, wire.BadCertificate}
	broken := []wire.Reason{wire.UnknownAuthority, wire.BadCertificate}
	zero := func(s *pki.Seal) { s.Signature = pki.Sequence([]byte{2, 1, 0}, []byte{2, 1, 0}) }
	empty := func(s *pki.Seal) { s.Signature = nil }
	seal := func(of func(*pki.Forgery) *pki.Draft, edit func(*pki.Seal)) pki.Mutation {
		return func(f *pki.Forgery) { of(f).Seals = append(of(f).Seals, edit) }
	}
	other := pki.Marshal(
		struct{ OID asn1.ObjectIdentifier }{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}},
	) // ecdsa-with-SHA512
	onP256 := pki.IssuerKey(p256)
	const mismatch = "What the signature was made with is read from where the signature does not reach."
	anyR := "Anybody can sign anything: a signature of zeros fits every key."
	return []Case{
		cryptoCase(Case{
			ID: "ecdsa-sha1", Summary: "has a leaf signed with SHA-1",
			Meaning: forgeable, Rules: sha1, Reasons: weak,
			Mutation: same(pki.Signed(crypto.SHA1, p256)),
		}),
		cryptoCase(Case{
			ID: "rsa-sha1", Summary: "has a leaf signed with RSA and SHA-1",
			Meaning: forgeable, Rules: sha1, Reasons: weak,
			Mutation: same(pki.Signed(crypto.SHA1, rsaIssuer)),
		}),
		cryptoCase(Case{
			ID: "rsa-md5", Summary: "has a leaf signed with RSA and MD5",
			Meaning: forgeable, Rules: md5, Reasons: weak,
			Mutation: same(pki.Signed(crypto.MD5, rsaIssuer)),
		}),
		cryptoCase(Case{
			ID: "ecdsa-sha1-issuer", Summary: "has an intermediate signed with SHA-1",
			Meaning: forgeable, Rules: sha1, Reasons: weak,
			Mutation: same(pki.Weak(crypto.SHA1, p256)),
		}),
		cryptoCase(Case{
			ID: "rsa-sha1-issuer", Summary: "has an intermediate signed with RSA and SHA-1",
			Meaning: forgeable, Rules: sha1, Reasons: weak,
			Mutation: same(pki.Weak(crypto.SHA1, rsaIssuer)),
		}),
		cryptoCase(Case{
			ID: "rsa-md5-issuer", Summary: "has an intermediate signed with RSA and MD5",
			Meaning: forgeable, Rules: md5, Reasons: weak,
			Mutation: same(pki.Weak(crypto.MD5, rsaIssuer)),
		}),
		cryptoCase(Case{
			ID: "sha1-root", Summary: "has a trusted root signed with SHA-1",
			Meaning:  "A good peer is turned away for a signature that nobody relies on.",
			Rules:    alike(MustAccept, "RFC 8446, 4.4.2.2"),
			Reasons:  weak,
			Mutation: same(pki.WeakRoot(crypto.SHA1, p256)),
		}),
		cryptoCase(Case{
			ID: "zero-signature", Attacker: Nobody, Summary: "has a leaf whose signature is two zeros",
			Meaning: anyR, Rules: path, Reasons: broken,
			Mutation: same(pki.Together(onP256, seal(pki.OfLeaf, zero))),
		}),
		cryptoCase(Case{
			ID: "zero-signature-of-issuer", Attacker: Nobody, Summary: "has an intermediate whose signature is two zeros",
			Meaning: anyR, Rules: path, Reasons: broken,
			Mutation: same(func(f *pki.Forgery) {
				pki.Weak(crypto.SHA256, p256)(f)
				f.Leaf.Issuer.Seals = append(f.Leaf.Issuer.Seals, zero)
			}),
		}),
		cryptoCase(Case{
			ID: "empty-signature", Attacker: Nobody, Summary: "has a leaf whose signature is empty",
			Meaning: "Anybody can leave the signature out.", Rules: path, Reasons: broken,
			Mutation: same(seal(pki.OfLeaf, empty)),
		}),
		cryptoCase(Case{
			ID: "outer-algorithm", Summary: "names another algorithm beside the signature than within it",
			Meaning: mismatch, Rules: alike(MustRefuse, "RFC 5280, 4.1.1.2"), Reasons: broken,
			Mutation: same(pki.Together(onP256, seal(pki.OfLeaf, func(s *pki.Seal) { s.Algorithm = other }))),
		}),
		cryptoCase(Case{
			ID: "inner-algorithm", Summary: "names another algorithm within what is signed than beside it",
			Meaning: mismatch, Rules: alike(MustRefuse, "RFC 5280, 4.1.1.2"), Reasons: broken,
			Mutation: same(pki.Together(onP256, pki.LeafDER(func(t *pki.TBS) { t.Algorithm = other }))),
		}),
	}
}

func serials() []Case {
	serial := func(content ...byte) pki.Mutation {
		return pki.LeafDER(
			func(t *pki.TBS) { t.Serial = pki.Element(asn1.ClassUniversal, asn1.TagInteger, false, content) },
		)
	}
	bad := []wire.Reason{wire.BadCertificate, wire.RevocationUnknown}
	const cite = "RFC 5280, 4.1.2.2"
	out := strictOnly(cite, "policy: a serial number is what RFC 5280, 4.1.2.2 lets an authority give")
	const two = "A certificate that has two numbers is on no list under the other."
	return []Case{
		cryptoCase(Case{
			ID: "serial-negative", Summary: "has a negative serial number",
			Meaning: two, Rules: out, Reasons: bad,
			Mutation: same(serial(0xff, 1, 2, 3)),
		}),
		cryptoCase(Case{
			ID: "serial-zero", Summary: "has the serial number zero",
			Meaning: two, Rules: out, Reasons: bad,
			Mutation: same(serial(0)),
		}),
		cryptoCase(Case{
			ID: "serial-of-21-octets", Summary: "has a serial number of 21 octets",
			Meaning: two, Rules: out, Reasons: bad,
			Mutation: same(serial(append([]byte{1}, make([]byte, 20)...)...)),
		}),
		cryptoCase(Case{
			ID: "serial-of-20-octets", Summary: "has a serial number of 20 octets",
			Meaning: tooFew, Rules: alike(MustAccept, cite), Reasons: bad,
			Mutation: same(serial(append([]byte{0x7f}, make([]byte, 19)...)...)),
		}),
		cryptoCase(Case{
			ID: "serial-padded", Summary: "has a serial number with a zero before it that DER leaves out",
			Meaning:  two,
			Rules:    strictOnly(cite, "policy: DER has one form for a number (X.690, 8.3.2)"),
			Reasons:  bad,
			Mutation: same(serial(0, 0x7f, 1, 2)),
		}),
	}
}

func versions() []Case {
	version := func(n byte) pki.Mutation {
		return pki.LeafDER(func(t *pki.TBS) {
			t.Version = nil
			if n > 0 {
				t.Version = []byte{0xa0, 3, 2, 1, n}
			}
		})
	}
	unnamed := []wire.Reason{wire.BadCertificate, wire.WrongName, wire.BadName, wire.NotAllowed}
	with := strictOnly("RFC 5280, 4.1.2.9", "policy: a certificate keeps to the version that it says it is of")
	return []Case{
		cryptoCase(Case{
			ID: "version-1", Summary: "has a leaf of version 1, which has no names, only a subject",
			Meaning: anyUse,
			Rules: rules(
				refuse("policy: it has no names (RFC 9525, 2), and is nobody's"),
				refuse("X509-SVID, 2"),
				refuse("RFC 5280, 4.1.2.1"),
			),
			Reasons:  unnamed,
			Mutation: same(pki.LeafDER(func(t *pki.TBS) { t.Version, t.Extensions = nil, nil })),
		}).needing(Admission),
		cryptoCase(Case{
			ID: "version-1-with-extensions", Summary: "has a leaf of version 1 that has extensions",
			Meaning: parsed, Rules: with, Reasons: unnamed,
			Mutation: same(version(0)),
		}),
		cryptoCase(Case{
			ID: "version-2-with-extensions", Summary: "has a leaf of version 2 that has extensions",
			Meaning: parsed, Rules: with, Reasons: unnamed,
			Mutation: same(version(1)),
		}),
		cryptoCase(Case{
			ID: "version-4", Summary: "has a leaf of version 4",
			Meaning:  parsed,
			Rules:    strictOnly("RFC 5280, 4.1.2.1", "policy: there is no version 4"),
			Reasons:  unnamed,
			Mutation: same(version(3)),
		}),
	}
}

func encodings() []Case {
	bad := []wire.Reason{wire.BadCertificate}
	der := alike(MustRefuse, "RFC 5280, 4.1")
	lax := strictOnly("RFC 5280, 4.1", "policy: a certificate is DER (RFC 5280, 4.1), and has one form")
	recast := func(change func([]byte) []byte) pki.Mutation {
		return func(f *pki.Forgery) { f.Leaf.Recasts = append(f.Leaf.Recasts, change) }
	}
	element := func(tag int, content []byte) []byte { return pki.Element(asn1.ClassUniversal, tag, false, content) }
	raw := func(oid, critical, value []byte) pki.Mutation {
		return pki.LeafDER(
			func(t *pki.TBS) { t.RawExtensions = append(t.RawExtensions, pki.Sequence(oid, critical, value)) },
		)
	}
	value := element(asn1.TagOctetString, pki.Marshal("mtlslab"))
	unknownID := pki.Marshal(pki.Unknown(false).Id)
	twice := pki.Unknown(false)
	return []Case{
		{
			ID: "crypto/two-name-extensions", Roles: asBoth, Reasons: bad, Meaning: parsed,
			Summary: "has two extensions of names, with the right names in the second",
			Rules:   alike(MustRefuse, "RFC 5280, 4.2"),
			Mutation: same(pki.LeafDER(func(t *pki.TBS) {
				right := *t.Extension(pki.OIDSubjectAltName)
				t.Set(pki.SubjectAltName(pki.DNSName("other"), pki.URIName("spiffe://lab/other")))
				t.Extensions = append(t.Extensions, right)
			})),
		},
		cryptoCase(Case{
			ID: "extension-twice", Summary: "has the same extension two times",
			Meaning:  parsed,
			Rules:    strictOnly("RFC 5280, 4.2", "policy: no extension is there twice (RFC 5280, 4.2)"),
			Reasons:  bad,
			Mutation: same(pki.LeafDER(func(t *pki.TBS) { t.Extensions = append(t.Extensions, twice, twice) })),
		}),
		cryptoCase(Case{
			ID: "trailing-bytes", Summary: "has bytes after the leaf",
			Meaning: parsed, Rules: der, Reasons: bad,
			Mutation: same(recast(func(b []byte) []byte { return append(b, 0, 0, 0, 0) })),
		}),
		cryptoCase(Case{
			ID: "trailing-bytes-in-extension", Summary: "has bytes after the key usage, within its extension",
			Meaning: parsed, Rules: lax, Reasons: bad,
			Mutation: same(pki.LeafDER(func(t *pki.TBS) {
				e := t.Extension(pki.OIDKeyUsage)
				e.Value = append(slices.Clone(e.Value), 0, 0)
			})),
		}),
		cryptoCase(Case{
			ID: "indefinite-length", Summary: "has a leaf of indefinite length",
			Meaning: parsed, Rules: lax, Reasons: bad,
			Mutation: same(recast(indefinite)),
		}),
		cryptoCase(Case{
			ID: "overlong-length", Summary: "has a leaf whose length is written with more bytes than it needs",
			Meaning: parsed, Rules: lax, Reasons: bad,
			Mutation: same(recast(overlong)),
		}),
		cryptoCase(Case{
			ID: "boolean-not-der", Summary: "has a critical extension in which true is written as one",
			Meaning: parsed, Rules: lax, Reasons: append(bad, wire.CriticalExtension),
			Mutation: same(pki.LeafDER(func(t *pki.TBS) {
				usage := *t.Extension(pki.OIDKeyUsage)
				t.Drop(pki.OIDKeyUsage)
				t.RawExtensions = append(
					t.RawExtensions,
					pki.Sequence(
						pki.Marshal(usage.Id),
						element(asn1.TagBoolean, []byte{1}),
						element(asn1.TagOctetString, usage.Value),
					),
				)
			})),
		}),
		cryptoCase(Case{
			ID: "default-spelt-out", Summary: "has an extension that says that it is not critical",
			Meaning: parsed, Rules: alike(MayEither, "RFC 5280, 4.1"), Reasons: bad,
			Mutation: same(raw(unknownID, element(asn1.TagBoolean, []byte{0}), value)),
		}),
		cryptoCase(Case{
			ID: "subject-not-utf-8", Summary: "has a subject that says it is UTF-8 and is not",
			Meaning: parsed,
			Rules:   strictOnly("RFC 5280, 4.1.2.4", "policy: a certificate is what it says it is (RFC 3629, 3)"),
			Reasons: bad,
			Mutation: same(pki.LeafDER(func(t *pki.TBS) {
				name := pki.Sequence(
					pki.Marshal(oidCommonName),
					element(asn1.TagUTF8String, []byte("other\xff\xc0\x80")),
				)
				t.Subject = pki.Sequence(pki.Element(asn1.ClassUniversal, asn1.TagSet, true, name))
			})),
		}),
		cryptoCase(Case{
			ID: "huge-oid", Summary: "has an extension whose identifier is a number of ten thousand digits",
			Meaning: "Whoever sends it brings the other side down, or makes it work for nothing.",
			Rules:   alike(MayEither, "CVE-2023-2650"),
			Reasons: bad,
			Mutation: same(
				raw(
					element(asn1.TagOID, append(append([]byte{0x88}, slices.Repeat([]byte{0xff}, 4744)...), 0x7f)),
					nil,
					value,
				),
			),
		}),
	}
}

// indefinite is the BER in which the outermost length is left open (X.690,
// 8.1.3.6).
func indefinite(der []byte) []byte {
	var outer asn1.RawValue
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		return nil
	}
	return slices.Concat([]byte{0x30, 0x80}, outer.Bytes, []byte{0, 0})
}

// overlong writes the outermost length in four bytes (X.690, 8.1.3.5).
func overlong(der []byte) []byte {
	var outer asn1.RawValue
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		return nil
	}
	size := uint32(len(outer.Bytes)) //nolint:gosec // a certificate is no longer than that
	length := binary.BigEndian.AppendUint32([]byte{0x30, 0x84}, size)
	return append(length, outer.Bytes...)
}
