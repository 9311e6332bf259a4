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
	parsed    = "What is not the certificate that was signed, to the letter, is taken for it; or whoever sends it brings the other side down."
)

func cryptoCase(id, row, summary, meaning string, rules map[Profile]Rule, reasons []wire.Reason, m pki.Mutation) Case {
	return Case{
		ID: "crypto/" + id, Row: row, Roles: asBoth, Summary: summary, Meaning: meaning,
		Reasons: reasons, Rules: rules, Mutation: same(m),
	}
}

// cryptoCases are of algorithms, keys and encodings.
func cryptoCases() []Case {
	return slices.Concat(signatures(), rsaKeys(), otherKeys(), serials(), versions(), encodings())
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
	other := pki.Marshal(struct{ OID asn1.ObjectIdentifier }{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}}) // ecdsa-with-SHA512
	onP256 := pki.IssuerKey(p256)
	const mismatch = "What the signature was made with is read from where the signature does not reach."
	anyR := "Anybody can sign anything: a signature of zeros fits every key."
	return []Case{
		cryptoCase("ecdsa-sha1", "G01", "has a leaf signed with SHA-1", forgeable, sha1, weak, pki.Signed(crypto.SHA1, p256)),
		cryptoCase("rsa-sha1", "G02", "has a leaf signed with RSA and SHA-1", forgeable, sha1, weak, pki.Signed(crypto.SHA1, rsaIssuer)),
		cryptoCase("rsa-md5", "G02", "has a leaf signed with RSA and MD5", forgeable, md5, weak, pki.Signed(crypto.MD5, rsaIssuer)),
		cryptoCase("ecdsa-sha1-issuer", "G01", "has an intermediate signed with SHA-1", forgeable, sha1, weak, pki.Weak(crypto.SHA1, p256)),
		cryptoCase("rsa-sha1-issuer", "G02", "has an intermediate signed with RSA and SHA-1", forgeable, sha1, weak, pki.Weak(crypto.SHA1, rsaIssuer)),
		cryptoCase("rsa-md5-issuer", "G02", "has an intermediate signed with RSA and MD5", forgeable, md5, weak, pki.Weak(crypto.MD5, rsaIssuer)),
		cryptoCase("sha1-root", "G01", "has a trusted root signed with SHA-1", "A good peer is turned away for a signature that nobody relies on.", alike(MustAccept, "RFC 8446, 4.4.2.2"), weak, pki.WeakRoot(crypto.SHA1, p256)),
		cryptoCase("zero-signature", "G08", "has a leaf whose signature is two zeros", anyR, path, broken, pki.Together(onP256, seal(pki.OfLeaf, zero))),
		cryptoCase("zero-signature-of-issuer", "G08", "has an intermediate whose signature is two zeros", anyR, path, broken, func(f *pki.Forgery) {
			pki.Weak(crypto.SHA256, p256)(f)
			f.Leaf.Issuer.Seals = append(f.Leaf.Issuer.Seals, zero)
		}),
		cryptoCase("empty-signature", "G08", "has a leaf whose signature is empty", "Anybody can leave the signature out.", path, broken, seal(pki.OfLeaf, empty)),
		cryptoCase("outer-algorithm", "G09", "names another algorithm beside the signature than within it", mismatch, alike(MustRefuse, "RFC 5280, 4.1.1.2"), broken,
			pki.Together(onP256, seal(pki.OfLeaf, func(s *pki.Seal) { s.Algorithm = other }))),
		cryptoCase("inner-algorithm", "G09", "names another algorithm within what is signed than beside it", mismatch, alike(MustRefuse, "RFC 5280, 4.1.1.2"), broken,
			pki.Together(onP256, pki.LeafDER(func(t *pki.TBS) { t.Algorithm = other }))),
	}
}

func rsaKeys() []Case {
	short := strictOnly("RFC 8446, 4.2.3", "NIST SP 800-131A, 3")
	exponent := strictOnly("RFC 8017, 3.1", "NIST FIPS 186-5, A.1.1")
	of := func(bits int) func() (*rsa.PrivateKey, error) { return rsaOf(pki.RSASize{Bits: bits}) }
	const unused = "Whoever sends it makes the other side work for nothing."
	return []Case{
		cryptoCase("rsa-512", "G03", "has an RSA key of 512 bits", breakable, short, weak, pki.LeafKey(of(512))),
		cryptoCase("rsa-768", "G03", "has an RSA key of 768 bits", breakable, short, weak, pki.LeafKey(of(768))),
		cryptoCase("rsa-1024", "G03", "has an RSA key of 1024 bits", breakable, short, weak, pki.LeafKey(of(1024))),
		cryptoCase("rsa-512-issuer", "G04", "has an intermediate with an RSA key of 512 bits", breakable, short, weak, pki.IssuerKey(of(512))),
		cryptoCase("rsa-1024-issuer", "G04", "has an intermediate with an RSA key of 1024 bits", breakable, short, weak, pki.IssuerKey(of(1024))),
		cryptoCase("rsa-1024-root", "G04", "has a trusted root with an RSA key of 1024 bits", breakable, short, weak, pki.AnchorKey(of(1024))),
		cryptoCase("rsa-2048", "G03", "has an RSA key of 2048 bits", "A good peer is turned away.", alike(MustAccept, "RFC 8446, 9.1"), weak, pki.LeafKey(of(2048))),
		cryptoCase("rsa-exponent-3", "G05", "has an RSA key with exponent 3", breakable, exponent, weak, pki.LeafKey(rsaOf(pki.RSASize{Bits: 2048, Exponent: 3}))),
		cryptoCase("rsa-exponent-1-issuer", "G05", "has an intermediate with an RSA key with exponent 1", "Anybody can sign for that authority: a signature is the message itself.",
			alike(MustRefuse, "RFC 8017, 3.1"), weak, pki.IssuerKey(rsaOf(pki.RSASize{Bits: 2048, Primes: 4, Exponent: 1}))),
		cryptoCase("rsa-16384-issuer", "G05", "has an intermediate with an RSA key of 16 kilobits", unused, strictOnly("CVE-2023-29409", "CVE-2023-29409"), weak,
			pki.IssuerKey(rsaOf(pki.RSASize{Bits: 16384, Primes: 32}))),
	}
}

func otherKeys() []Case {
	curve := strictOnly("RFC 8446, 4.2.3", "RFC 8446, 4.2.3")
	explicit := alike(MustRefuse, "RFC 5480, 2.1.1")
	broken := append([]wire.Reason{wire.ProtocolError}, weak...)
	return []Case{
		cryptoCase("p384", "G06", "has a key on P-384", tooFew, alike(MayEither, "RFC 8446, 4.2.3"), weak, pki.LeafKey(on(elliptic.P384()))),
		cryptoCase("p521", "G06", "has a key on P-521", tooFew, alike(MayEither, "RFC 8446, 4.2.3"), weak, pki.LeafKey(on(elliptic.P521()))),
		cryptoCase("ed25519", "G06", "has an Ed25519 key", tooFew, alike(MayEither, "RFC 8446, 4.2.3"), broken, pki.LeafKey(ed25519Key)),
		cryptoCase("p224", "G06", "has a key on P-224", breakable, curve, broken, pki.LeafKey(on(elliptic.P224()))),
		cryptoCase("p224-issuer", "G06", "has an intermediate with a key on P-224", breakable, curve, weak, pki.IssuerKey(on(elliptic.P224()))),
		cryptoCase("brainpool-issuer", "G06", "has an intermediate with a key on brainpoolP256r1", parsed, curve, weak, pki.IssuerKey(pki.Brainpool().NewKey)),
		cryptoCase("explicit-curve", "G06", "has a key on P-256 with the curve spelt out", "Whoever chooses the curve chooses one on which the key is known.", explicit, broken, func(f *pki.Forgery) {
			pki.LeafKey(p256)(f)
			if key, ok := f.Leaf.Key.(*ecdsa.PrivateKey); ok {
				f.Leaf.PublicKey = pki.SpeltInfo(key)
			}
		}),
		cryptoCase("explicit-curve-issuer", "G06", "has an intermediate with a key on P-256 with the curve spelt out", "Whoever chooses the curve chooses one on which the key is known.",
			explicit, weak, pki.IssuerKey(pki.P256().NewKey)),
		cryptoCase("forged-by-curve", "G06", "presents a root with the key of the trusted one, on a curve that fits", "Anybody can sign for the trusted root.",
			alike(MustRefuse, "CVE-2020-0601"), weak, pki.ForgedByCurve),
		cryptoCase("dsa-issuer", "G07", "has an intermediate with a DSA key", parsed, rules(either("RFC 8446, 4.2.3"), either("RFC 8446, 4.2.3"), refuse("CVE-2025-58188")), weak, pki.IssuerKey(pki.DSA)),
	}
}

func serials() []Case {
	serial := func(content ...byte) pki.Mutation {
		return pki.LeafDER(func(t *pki.TBS) { t.Serial = pki.Element(asn1.ClassUniversal, asn1.TagInteger, false, content) })
	}
	bad := []wire.Reason{wire.BadCertificate, wire.RevocationUnknown}
	const cite = "RFC 5280, 4.1.2.2"
	out := strictOnly(cite, "policy: a serial number is what RFC 5280, 4.1.2.2 lets an authority give")
	const two = "A certificate that has two numbers is on no list under the other."
	return []Case{
		cryptoCase("serial-negative", "G10", "has a negative serial number", two, out, bad, serial(0xff, 1, 2, 3)),
		cryptoCase("serial-zero", "G10", "has the serial number zero", two, out, bad, serial(0)),
		cryptoCase("serial-of-21-octets", "G10", "has a serial number of 21 octets", two, out, bad, serial(append([]byte{1}, make([]byte, 20)...)...)),
		cryptoCase("serial-of-20-octets", "G10", "has a serial number of 20 octets", tooFew, alike(MustAccept, cite), bad, serial(append([]byte{0x7f}, make([]byte, 19)...)...)),
		cryptoCase("serial-padded", "G10", "has a serial number with a zero before it that DER leaves out", two, strictOnly(cite, "policy: DER has one form for a number (X.690, 8.3.2)"), bad, serial(0, 0x7f, 1, 2)),
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
		cryptoCase("version-1", "G11", "has a leaf of version 1, which has no names, only a subject", anyUse,
			rules(refuse("policy: it has no names (RFC 9525, 2), and is nobody's"), refuse("X509-SVID, 2"), refuse("RFC 5280, 4.1.2.1")), unnamed,
			pki.LeafDER(func(t *pki.TBS) { t.Version, t.Extensions = nil, nil })).needing(Admission),
		cryptoCase("version-1-with-extensions", "G11", "has a leaf of version 1 that has extensions", parsed, with, unnamed, version(0)),
		cryptoCase("version-2-with-extensions", "G11", "has a leaf of version 2 that has extensions", parsed, with, unnamed, version(1)),
		cryptoCase("version-4", "G11", "has a leaf of version 4", parsed, strictOnly("RFC 5280, 4.1.2.1", "policy: there is no version 4"), unnamed, version(3)),
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
		return pki.LeafDER(func(t *pki.TBS) { t.RawExtensions = append(t.RawExtensions, pki.Sequence(oid, critical, value)) })
	}
	value := element(asn1.TagOctetString, pki.Marshal("mtlslab"))
	unknownID := pki.Marshal(pki.Unknown(false).Id)
	twice := pki.Unknown(false)
	return []Case{
		{
			ID: "crypto/two-name-extensions", Row: "G12", Roles: asBoth, Reasons: bad, Meaning: parsed,
			Summary: "has two extensions of names, with the right names in the second",
			Rules:   alike(MustRefuse, "RFC 5280, 4.2"),
			Mutation: same(pki.LeafDER(func(t *pki.TBS) {
				right := *t.Extension(pki.OIDSubjectAltName)
				t.Set(pki.SubjectAltName(pki.DNSName("other"), pki.URIName("spiffe://lab/other")))
				t.Extensions = append(t.Extensions, right)
			})),
		},
		cryptoCase("extension-twice", "G12", "has the same extension two times", parsed, strictOnly("RFC 5280, 4.2", "policy: no extension is there twice (RFC 5280, 4.2)"), bad,
			pki.LeafDER(func(t *pki.TBS) { t.Extensions = append(t.Extensions, twice, twice) })),
		cryptoCase("trailing-bytes", "G13", "has bytes after the leaf", parsed, der, bad, recast(func(b []byte) []byte { return append(b, 0, 0, 0, 0) })),
		cryptoCase("trailing-bytes-in-extension", "G13", "has bytes after the key usage, within its extension", parsed, lax, bad,
			pki.LeafDER(func(t *pki.TBS) {
				e := t.Extension(pki.OIDKeyUsage)
				e.Value = append(slices.Clone(e.Value), 0, 0)
			})),
		cryptoCase("indefinite-length", "G14", "has a leaf of indefinite length", parsed, lax, bad, recast(indefinite)),
		cryptoCase("overlong-length", "G14", "has a leaf whose length is written with more bytes than it needs", parsed, lax, bad, recast(overlong)),
		cryptoCase("boolean-not-der", "G14", "has a critical extension in which true is written as one", parsed, lax, append(bad, wire.CriticalExtension),
			pki.LeafDER(func(t *pki.TBS) {
				usage := *t.Extension(pki.OIDKeyUsage)
				t.Drop(pki.OIDKeyUsage)
				t.RawExtensions = append(t.RawExtensions, pki.Sequence(pki.Marshal(usage.Id), element(asn1.TagBoolean, []byte{1}), element(asn1.TagOctetString, usage.Value)))
			})),
		cryptoCase("default-spelt-out", "G14", "has an extension that says that it is not critical", parsed, alike(MayEither, "RFC 5280, 4.1"), bad,
			raw(unknownID, element(asn1.TagBoolean, []byte{0}), value)),
		cryptoCase("subject-not-utf-8", "G14", "has a subject that says it is UTF-8 and is not", parsed, strictOnly("RFC 5280, 4.1.2.4", "policy: a certificate is what it says it is (RFC 3629, 3)"), bad,
			pki.LeafDER(func(t *pki.TBS) {
				name := pki.Sequence(pki.Marshal(oidCommonName), element(asn1.TagUTF8String, []byte("other\xff\xc0\x80")))
				t.Subject = pki.Sequence(pki.Element(asn1.ClassUniversal, asn1.TagSet, true, name))
			})),
		cryptoCase("huge-oid", "G14", "has an extension whose identifier is a number of ten thousand digits", "Whoever sends it brings the other side down, or makes it work for nothing.",
			alike(MayEither, "CVE-2023-2650"), bad,
			raw(element(asn1.TagOID, append(append([]byte{0x88}, slices.Repeat([]byte{0xff}, 4744)...), 0x7f)), nil, value)),
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
	length := binary.BigEndian.AppendUint32([]byte{0x30, 0x84}, uint32(len(outer.Bytes))) //nolint:gosec // a certificate is no longer than that
	return append(length, outer.Bytes...)
}
