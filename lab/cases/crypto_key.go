package cases

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

func rsaKeys() []Case {
	short := strictOnly("RFC 8446, 4.2.3", "NIST SP 800-131A, 3")
	exponent := strictOnly("RFC 8017, 3.1", "NIST FIPS 186-5, A.1.1")
	of := func(bits int) func() (*rsa.PrivateKey, error) { return rsaOf(pki.RSASize{Bits: bits}) }
	const unused = "Whoever sends it makes the other side work for nothing."
	return []Case{
		cryptoCase(Case{
			ID: "rsa-512", Summary: "has an RSA key of 512 bits",
			Meaning: breakable, Rules: short, Reasons: weak,
			Mutation: same(pki.LeafKey(of(512))),
		}),
		cryptoCase(Case{
			ID: "rsa-768", Summary: "has an RSA key of 768 bits",
			Meaning: breakable, Rules: short, Reasons: weak,
			Mutation: same(pki.LeafKey(of(768))),
		}),
		cryptoCase(Case{
			ID: "rsa-1024", Summary: "has an RSA key of 1024 bits",
			Meaning: breakable, Rules: short, Reasons: weak,
			Mutation: same(pki.LeafKey(of(1024))),
		}),
		cryptoCase(Case{
			ID: "rsa-512-issuer", Summary: "has an intermediate with an RSA key of 512 bits",
			Meaning: breakable, Rules: short, Reasons: weak,
			Mutation: same(pki.IssuerKey(of(512))),
		}),
		cryptoCase(Case{
			ID: "rsa-1024-issuer", Summary: "has an intermediate with an RSA key of 1024 bits",
			Meaning: breakable, Rules: short, Reasons: weak,
			Mutation: same(pki.IssuerKey(of(1024))),
		}),
		cryptoCase(Case{
			ID: "rsa-1024-root", Summary: "has a trusted root with an RSA key of 1024 bits",
			Meaning: breakable, Rules: short, Reasons: weak,
			Mutation: same(pki.AnchorKey(of(1024))),
		}),
		cryptoCase(Case{
			ID: "rsa-2048", Summary: "has an RSA key of 2048 bits",
			Meaning: "A good peer is turned away.", Rules: alike(MustAccept, "RFC 8446, 9.1"), Reasons: weak,
			Mutation: same(pki.LeafKey(of(2048))),
		}),
		cryptoCase(Case{
			ID: "rsa-exponent-3", Summary: "has an RSA key with exponent 3",
			Meaning: breakable, Rules: exponent, Reasons: weak,
			Mutation: same(pki.LeafKey(rsaOf(pki.RSASize{Bits: 2048, Exponent: 3}))),
		}),
		cryptoCase(Case{
			ID: "rsa-exponent-1-issuer", Summary: "has an intermediate with an RSA key with exponent 1",
			Meaning:  "Anybody can sign for that authority: a signature is the message itself.",
			Rules:    alike(MustRefuse, "RFC 8017, 3.1"),
			Reasons:  weak,
			Mutation: same(pki.IssuerKey(rsaOf(pki.RSASize{Bits: 2048, Primes: 4, Exponent: 1}))),
		}),
		cryptoCase(Case{
			ID: "rsa-16384-issuer", Summary: "has an intermediate with an RSA key of 16 kilobits",
			Meaning: unused, Rules: strictOnly("CVE-2023-29409", "CVE-2023-29409"), Reasons: weak,
			Mutation: same(pki.IssuerKey(rsaOf(pki.RSASize{Bits: 16384, Primes: 64}))),
		}),
	}
}

func otherKeys() []Case {
	curve := strictOnly("RFC 8446, 4.2.3", "RFC 8446, 4.2.3")
	explicit := alike(MustRefuse, "RFC 5480, 2.1.1")
	broken := append([]wire.Reason{wire.ProtocolError}, weak...)
	return []Case{
		cryptoCase(Case{
			ID: "p384", Summary: "has a key on P-384",
			Meaning: tooFew, Rules: alike(MayEither, "RFC 8446, 4.2.3"), Reasons: weak,
			Mutation: same(pki.LeafKey(on(elliptic.P384()))),
		}),
		cryptoCase(Case{
			ID: "p521", Summary: "has a key on P-521",
			Meaning: tooFew, Rules: alike(MayEither, "RFC 8446, 4.2.3"), Reasons: weak,
			Mutation: same(pki.LeafKey(on(elliptic.P521()))),
		}),
		cryptoCase(Case{
			ID: "ed25519", Summary: "has an Ed25519 key",
			Meaning: tooFew, Rules: alike(MayEither, "RFC 8446, 4.2.3"), Reasons: broken,
			Mutation: same(pki.LeafKey(ed25519Key)),
		}),
		cryptoCase(Case{
			ID: "p224", Summary: "has a key on P-224",
			Meaning: breakable, Rules: curve, Reasons: broken,
			Mutation: same(pki.LeafKey(on(elliptic.P224()))),
		}),
		cryptoCase(Case{
			ID: "p224-issuer", Summary: "has an intermediate with a key on P-224",
			Meaning: breakable, Rules: curve, Reasons: weak,
			Mutation: same(pki.IssuerKey(on(elliptic.P224()))),
		}),
		cryptoCase(Case{
			ID: "brainpool-issuer", Summary: "has an intermediate with a key on brainpoolP256r1",
			Meaning: parsed, Rules: curve, Reasons: weak,
			Mutation: same(pki.IssuerKey(pki.Brainpool().NewKey)),
		}),
		cryptoCase(Case{
			ID: "explicit-curve", Summary: "has a key on P-256 with the curve spelt out",
			Meaning: "Whoever chooses the curve chooses one on which the key is known.",
			Rules:   explicit,
			Reasons: broken,
			Mutation: same(func(f *pki.Forgery) {
				pki.LeafKey(p256)(f)
				if key, ok := f.Leaf.Key.(*ecdsa.PrivateKey); ok {
					f.Leaf.PublicKey = pki.SpeltInfo(key)
				}
			}),
		}),
		cryptoCase(Case{
			ID:       "explicit-curve-issuer",
			Summary:  "has an intermediate with a key on P-256 with the curve spelt out",
			Meaning:  "Whoever chooses the curve chooses one on which the key is known.",
			Rules:    explicit,
			Reasons:  weak,
			Mutation: same(pki.IssuerKey(pki.P256().NewKey)),
		}),
		cryptoCase(Case{
			ID: "forged-by-curve", Attacker: Nobody,
			Summary:  "presents a root with the key of the trusted one, on a curve that fits",
			Meaning:  "Anybody can sign for the trusted root.",
			Rules:    alike(MustRefuse, "CVE-2020-0601"),
			Reasons:  weak,
			Mutation: same(pki.ForgedByCurve),
		}),
		cryptoCase(Case{
			ID: "dsa-issuer", Summary: "has an intermediate with a DSA key",
			Meaning:  parsed,
			Rules:    rules(either("RFC 8446, 4.2.3"), either("RFC 8446, 4.2.3"), refuse("CVE-2025-58188")),
			Reasons:  weak,
			Mutation: same(pki.IssuerKey(pki.DSA)),
		}),
	}
}
