package pki_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

func rsaKey(size pki.RSASize) func() (*rsa.PrivateKey, error) {
	return func() (*rsa.PrivateKey, error) { return pki.RSA(size) }
}

func forge(t testing.TB, authority *pki.Authority, role wire.Role, mutations ...pki.Mutation) *pki.Forged {
	t.Helper()
	forged, err := authority.Forge(request(role), mutations...)
	if err != nil {
		t.Fatal(err)
	}
	return forged
}

func parse(t testing.TB, der []byte) *x509.Certificate {
	t.Helper()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// TestForgeWithoutMutation is what every case is compared with: the very chain
// that Issue would have made.
func TestForgeWithoutMutation(t *testing.T) {
	t.Parallel()
	for _, algorithm := range algorithms {
		authority := newAuthority(t, pki.Config{Algorithm: algorithm, Now: now})
		for _, test := range roles {
			id, forged := issue(t, authority, request(test.role)), forge(t, authority, test.role)
			if len(forged.Chain) != 2 || !bytes.Equal(forged.Chain[1], id.Chain[1].Raw) ||
				len(forged.ExtraRoots)+len(forged.ExtraCRLs) > 0 {
				t.Fatalf(
					"%s, %s: %v with %d roots and %d lists",
					algorithm,
					test.role,
					forged,
					len(forged.ExtraRoots),
					len(forged.ExtraCRLs),
				)
			}
			leaf := parse(t, forged.Chain[0])
			if got, want := fieldsOf(leaf), fieldsOf(id.Certificate); !reflect.DeepEqual(got, want) {
				t.Errorf("%s, %s:\n got %+v\nwant %+v", algorithm, test.role, got, want)
			}
			if kindOf(leaf.PublicKey) != kindOf(id.Certificate.PublicKey) ||
				!bytes.Equal(leaf.AuthorityKeyId, id.Certificate.AuthorityKeyId) {
				t.Errorf("%s, %s: keys of another kind, or of another issuer", algorithm, test.role)
			}
			if err := verify(
				&pki.Identity{Certificate: leaf, Chain: []*x509.Certificate{leaf, id.Chain[1]}}, test.usage,
				authority, now,
			); err != nil {
				t.Errorf("%s, %s: %v", algorithm, test.role, err)
			}
			if key, err := x509.ParsePKCS8PrivateKey(forged.PKCS8); err != nil || !reflect.DeepEqual(key, any(forged.Key)) {
				t.Errorf("%s, %s: the key and its encoding differ: %v", algorithm, test.role, err)
			}
		}
	}
}

func TestForgeInput(t *testing.T) {
	t.Parallel()
	_, err := newAuthority(t, pki.Config{}).Forge(pki.Request{Role: wire.Client})
	wantInputError(t, err, "Request.Name")
}

// TestMutationsCompose applies two, of which the second builds on the first.
func TestMutationsCompose(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t, pki.Config{Now: now})
	forged := forge(t, authority, wire.Client,
		pki.Issuer(func(c *x509.Certificate) { c.NotAfter = now.Add(-1) }),
		pki.IssuerExtension(pki.Unknown(true)),
		pki.Anchor(func(c *x509.Certificate) { c.Subject.CommonName = "another" }),
		pki.LeafNames(pki.DNSName("a"), pki.URIName("b:c")),
	)
	leaf, issuer, anchor := parse(t, forged.Chain[0]), parse(t, forged.Chain[1]), parse(t, forged.ExtraRoots[0])
	if len(forged.Chain) != 2 || len(forged.ExtraRoots) != 1 || len(forged.ExtraCRLs) != 2 {
		t.Fatalf("%v with %d roots and %d lists", forged, len(forged.ExtraRoots), len(forged.ExtraCRLs))
	}
	if leaf.CheckSignatureFrom(issuer) != nil || issuer.CheckSignatureFrom(anchor) != nil {
		t.Error("the chain does not hold")
	}
	if len(issuer.UnhandledCriticalExtensions) != 1 || !issuer.NotAfter.Before(now) ||
		anchor.Subject.CommonName != "another" ||
		!slices.Equal(leaf.DNSNames, []string{"a"}) {
		t.Error("not all of the mutations came about")
	}
}

// TestExtraRootsVouchForNobodyElse shows that a root that one case needs is good
// for no chain but that case's.
func TestExtraRootsVouchForNobodyElse(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t, pki.Config{Now: now})
	nothing := pki.Anchor(func(*x509.Certificate) {})
	one, other := forge(t, authority, wire.Client, nothing), forge(t, authority, wire.Client, nothing)
	for i, root := range [][]byte{one.ExtraRoots[0], other.ExtraRoots[0]} {
		roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
		roots.AddCert(parse(t, root))
		for _, forged := range []*pki.Forged{one, other, forge(t, authority, wire.Client)} {
			intermediates.AddCert(parse(t, forged.Chain[1]))
		}
		for j, forged := range []*pki.Forged{one, other, forge(t, authority, wire.Client)} {
			_, err := parse(t, forged.Chain[0]).Verify(x509.VerifyOptions{
				Roots: roots, Intermediates: intermediates, CurrentTime: now,
				KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
			})
			if (err == nil) != (i == j) {
				t.Errorf("root %d, chain %d: %v", i, j, err)
			}
		}
	}
}

func TestCRLs(t *testing.T) {
	t.Parallel()
	for _, algorithm := range algorithms {
		authority := newAuthority(t, pki.Config{Algorithm: algorithm, Now: now})
		id := issue(t, authority, request(wire.Client))
		text, err := authority.CRLs(id.Certificate, id.Chain[1])
		if err != nil {
			t.Fatal(err)
		}
		issuers, listed := []*x509.Certificate{
			root(t, authority),
			id.Chain[1],
		}, []*big.Int{
			id.Chain[1].SerialNumber,
			id.Certificate.SerialNumber,
		}
		for i, issuer := range issuers {
			block, rest := pem.Decode(text)
			list, err := x509.ParseRevocationList(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			if err := list.CheckSignatureFrom(issuer); err != nil {
				t.Errorf("%s: %v", algorithm, err)
			}
			if got := list.RevokedCertificateEntries; len(got) != 1 || got[0].SerialNumber.Cmp(listed[i]) != 0 {
				t.Errorf("%s: list %d names %v", algorithm, i, got)
			}
			if !list.ThisUpdate.Before(now) || !list.NextUpdate.After(now) ||
				!bytes.Equal(list.AuthorityKeyId, issuer.SubjectKeyId) ||
				list.Number.Int64() != 1 {
				t.Errorf("%s: list %d is %+v", algorithm, i, list)
			}
			text = rest
		}
		if len(text) > 0 {
			t.Error("a third list")
		}
	}
	stranger := issue(t, newAuthority(t, pki.Config{}), request(wire.Client))
	if _, err := newAuthority(t, pki.Config{}).CRLs(stranger.Certificate); err == nil {
		t.Error("a list names a certificate that another authority issued")
	}
}

// TestTBSRoundTrip takes every certificate apart and puts it together again.
func TestTBSRoundTrip(t *testing.T) {
	t.Parallel()
	id := issue(t, newAuthority(t, pki.Config{}), request(wire.Server))
	for _, cert := range id.Chain {
		tbs, err := pki.ParseTBS(cert.RawTBSCertificate)
		if err != nil {
			t.Fatal(err)
		}
		if der, err := tbs.Encode(); err != nil || !bytes.Equal(der, cert.RawTBSCertificate) {
			t.Errorf("%s is another when it is put together again: %v", cert.Subject, err)
		}
		for i := range cert.RawTBSCertificate {
			if _, err := pki.ParseTBS(cert.RawTBSCertificate[:i]); err == nil {
				t.Errorf("the first %d bytes pass for a certificate", i)
			}
		}
	}
}

// TestHandSignatures asks another implementation about the keys that Go does not
// know, and the ones that it does not sign with.
func TestHandSignatures(t *testing.T) {
	t.Parallel()
	openssl := findOpenSSL(t)
	authority := newAuthority(t, pki.Config{})
	for name, mutation := range map[string]pki.Mutation{
		"brainpool":      pki.IssuerKey(pki.Brainpool().NewKey),
		"explicit curve": pki.IssuerKey(pki.P256().NewKey),
		"DSA":            pki.IssuerKey(pki.DSA),
		"RSA 512":        pki.IssuerKey(rsaKey(pki.RSASize{Bits: 512})),
		"RSA 4 primes":   pki.IssuerKey(rsaKey(pki.RSASize{Bits: 2048, Primes: 4})),
		"exponent 3":     pki.IssuerKey(rsaKey(pki.RSASize{Bits: 2048, Exponent: 3})),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forged := forge(t, authority, wire.Client, mutation)
			dir := t.TempDir()
			write := func(name string, text []byte) string {
				path := filepath.Join(dir, name)
				if err := os.WriteFile(path, text, 0o600); err != nil {
					t.Fatal(err)
				}
				return path
			}
			encode := func(der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}) }
			args := []string{
				"verify", "-auth_level", "0", "-crl_check", "-partial_chain", "-trusted",
				write("issuer.pem", encode(forged.Chain[1])),
				"-CRLfile", write("crl.pem", forged.CRLs()), write("leaf.pem", encode(forged.Chain[0])),
			}
			out, err := exec.CommandContext(t.Context(), openssl, args...).CombinedOutput()
			if explicit := strings.Contains(string(out), "explicit"); err != nil && !explicit {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// FuzzParseTBS puts together again whatever can be taken apart.
func FuzzParseTBS(f *testing.F) {
	authority, err := pki.New(pki.Config{})
	if err != nil {
		f.Fatal(err)
	}
	id, err := authority.Issue(request(wire.Server))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(id.Certificate.RawTBSCertificate)
	f.Add(id.Chain[1].RawTBSCertificate)
	f.Fuzz(func(t *testing.T, der []byte) {
		tbs, err := pki.ParseTBS(der)
		if err != nil {
			return
		}
		again, err := tbs.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pki.ParseTBS(again); err != nil {
			t.Errorf("%x becomes %x: %v", der, again, err)
		}
	})
}

func BenchmarkForge(b *testing.B) {
	authority := newAuthority(b, pki.Config{})
	for name, mutations := range map[string][]pki.Mutation{
		"control":          nil,
		"own intermediate": {pki.IssuerExtension(pki.Unknown(false))},
		"own root":         {pki.Anchor(func(*x509.Certificate) {})},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				forge(b, authority, wire.Client, mutations...)
			}
		})
	}
}

// TestForgedByCurve verifies the forgery as a victim of CVE-2020-0601 would: with
// the trusted root's point, on the curve that the presented root brings.
func TestForgedByCurve(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t, pki.Config{Now: now})
	forged := forge(t, authority, wire.Client, pki.ForgedByCurve)
	trusted, leaf := root(t, authority), parse(t, forged.Chain[0])
	point, err := trusted.PublicKey.(*ecdsa.PublicKey).ECDH()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(forged.Chain[1], point.Bytes()) || !bytes.Contains(forged.Chain[1], trusted.RawSubject) {
		t.Error("the presented root has not the name and the point of the trusted one")
	}
	if leaf.CheckSignatureFrom(trusted) == nil {
		t.Error("the trusted root has signed it")
	}

	// With the point Q as the generator, u1*G + u2*Q is (u1+u2)*Q (SEC 1, 4.1.4).
	var signature struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(leaf.Signature, &signature); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(leaf.RawTBSCertificate)
	order := elliptic.P256().Params().N
	factor := new(big.Int).Add(new(big.Int).SetBytes(digest[:]), signature.R)
	factor.Mul(factor, new(big.Int).ModInverse(signature.S, order)).Mod(factor, order)
	scalar, err := ecdh.P256().NewPrivateKey(factor.FillBytes(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	x, err := scalar.ECDH(point)
	if err != nil {
		t.Fatal(err)
	}
	if got := new(big.Int).SetBytes(x); got.Mod(got, order).Cmp(signature.R) != 0 {
		t.Error("the signature does not hold on the curve that is presented")
	}
}
