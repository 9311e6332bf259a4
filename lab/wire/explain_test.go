package wire_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

var versions = []uint16{tls.VersionTLS12, tls.VersionTLS13}

// A flawed identity is refused for its flaw by whichever side verifies it, and
// the other side hears an alert.
func TestExplainIdentity(t *testing.T) {
	root := authority{}.issuing(t, "root", nil)
	for _, c := range identityCases(t, root) {
		for _, version := range versions {
			t.Run(c.name+", server verifies, "+tls.VersionName(version), func(t *testing.T) {
				good := root.leaf(t, nil)
				server := wire.ServerConfig(
					root.trusting(good),
					wire.Policy{Now: clock, MinVersion: version, MaxVersion: version},
				)
				verifier, other := shake(
					t,
					server,
					wire.ClientConfig(root.trusting(c.flawed), wire.Policy{Now: clock, ServerName: "peer"}),
				)
				c.check(t, verifier, other)
			})
			t.Run(c.name+", client verifies, "+tls.VersionName(version), func(t *testing.T) {
				good := root.leaf(t, nil)
				client := wire.ClientConfig(
					root.trusting(good),
					wire.Policy{Now: clock, ServerName: "peer", MinVersion: version, MaxVersion: version},
				)
				other, verifier := shake(t, wire.ServerConfig(root.trusting(c.flawed), wire.Policy{Now: clock}), client)
				c.check(t, verifier, other)
			})
		}
	}
}

type identityCase struct {
	name   string
	flawed tls.Certificate
	want   wire.Reason
	// Where the alert sent is not known, only how far the handshake came,
	// server and client cannot tell these from what the first and the second
	// of these reasons stand for.
	guess []wire.Reason
}

func (c identityCase) check(t *testing.T, verifier, other side) {
	t.Helper()
	want := wire.Account{Kind: wire.Refused, Reason: c.want}
	if got := verifier.account(tls.VersionTLS12); got != want {
		t.Errorf("the verifying side says %+v, want %+v: %v", got, want, verifier.err)
	}
	if got := verifier.fallback(tls.VersionTLS12); got != want && !slices.Contains(c.guess, got.Reason) {
		t.Errorf("the verifying side, not knowing its alert, says %+v, want %+v or one of %v", got, want, c.guess)
	}
	if got := other.account(tls.VersionTLS12); got.Kind != wire.RefusedByPeer || got.Alert == nil ||
		got.Alert.Code == 0 {
		t.Errorf("the other side says %+v, want refused_by_peer with an alert: %v", got, other.err)
	}
}

func identityCases(t *testing.T, root authority) []identityCase {
	t.Helper()
	impostor := authority{}.issuing(t, "root", nil)
	return append(
		chainCases(t, root),
		identityCase{name: "unknown authority", flawed: impostor.leaf(t, nil), want: wire.UnknownAuthority},
		identityCase{
			name:   "expired",
			want:   wire.Expired,
			flawed: root.leaf(t, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) }),
		},
		identityCase{
			name:   "not yet valid",
			want:   wire.NotYetValid,
			flawed: root.leaf(t, func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) }),
		},
		identityCase{name: "wrong usage", want: wire.WrongUsage, flawed: root.leaf(t, func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
		})},
		identityCase{
			name: "critical extension",
			want: wire.CriticalExtension,
			flawed: root.leaf(t, func(c *x509.Certificate) {
				c.ExtraExtensions = []pkix.Extension{
					{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999}, Critical: true, Value: []byte{5, 0}},
				}
			}),
		},
		identityCase{name: "signed with SHA-1", want: wire.WeakAlgorithm, flawed: root.leaf(t, func(c *x509.Certificate) {
			c.SignatureAlgorithm = x509.ECDSAWithSHA1
		})},
		identityCase{
			name:   "cannot be parsed",
			want:   wire.BadCertificate,
			flawed: unparsable(t, root),
			guess:  []wire.Reason{wire.NoCertificate, wire.ProtocolError},
		},
		identityCase{
			name:   "key of no use for signing",
			want:   wire.BadCertificate,
			flawed: unknownKey(t, root),
			guess:  []wire.Reason{wire.BadSignature, wire.ProtocolError},
		},
		identityCase{
			name:   "key too large",
			want:   wire.BadCertificate,
			flawed: certifying(t, root, hugeKey()),
			guess:  []wire.Reason{wire.NoCertificate, wire.ProtocolError},
		},
		identityCase{
			name:   "signature by another key",
			want:   wire.BadSignature,
			flawed: certifying(t, root, newKey(t).Public()),
		},
	)
}

func chainCases(t *testing.T, root authority) []identityCase {
	t.Helper()
	under := func(change func(*x509.Certificate)) tls.Certificate {
		intermediate := root.issuing(t, "intermediate", change)
		return intermediate.leaf(t, nil, intermediate)
	}
	shallow := root.issuing(t, "shallow", func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 0, true })
	deep := shallow.issuing(t, "deep", nil)
	missing := root.issuing(t, "intermediate", nil)
	namesake := root.issuing(t, "intermediate", func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, 0 })
	return []identityCase{
		{
			name:   "namesake of the issuer that is no authority",
			flawed: missing.leaf(t, nil, namesake),
			want:   wire.UnknownAuthority,
		},
		{name: "missing intermediate", flawed: missing.leaf(t, nil), want: wire.UnknownAuthority},
		{
			name:   "intermediate that is no authority",
			want:   wire.NotAnAuthority,
			flawed: under(func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, 0 }),
		},
		{
			name:   "intermediate that may not sign",
			want:   wire.NotAnAuthority,
			flawed: under(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature }),
		},
		{name: "intermediate too deep", want: wire.NotAnAuthority, flawed: deep.leaf(t, nil, deep, shallow)},
		{
			name:   "expired intermediate",
			want:   wire.Expired,
			flawed: under(func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) }),
		},
		{
			name:   "intermediate for other uses",
			want:   wire.WrongUsage,
			flawed: under(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning} }),
		},
		{name: "intermediate for other names", want: wire.NameConstraint, flawed: under(func(c *x509.Certificate) {
			c.PermittedDNSDomainsCritical, c.PermittedDNSDomains = true, []string{"elsewhere"}
		})},
	}
}

// certifying is a good certificate for a key that its holder does not use.
func certifying(t *testing.T, root authority, public any) tls.Certificate {
	t.Helper()
	id := root.leaf(t, nil)
	id.Leaf = root.sign(t, leafTemplate(nil), public)
	id.Certificate = [][]byte{id.Leaf.Raw}
	return id
}

// unknownKey is a good certificate for a key of an algorithm nobody knows.
func unknownKey(t *testing.T, root authority) tls.Certificate {
	t.Helper()
	id := root.leaf(t, nil)
	known, unknown := asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}, asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 99}
	var cert struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(id.Leaf.Raw, &cert); err != nil {
		t.Fatal(err)
	}
	tbs := bytes.Replace(cert.TBS.FullBytes, der(t, known), der(t, unknown), 1)
	digest := sha256.Sum256(tbs)
	signature, err := root.key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	cert.TBS = asn1.RawValue{FullBytes: tbs}
	cert.Signature = asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}
	id.Certificate = [][]byte{der(t, cert)}
	return id
}

func der(t *testing.T, value any) []byte {
	t.Helper()
	text, err := asn1.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// hugeKey is over the 8192 bits that crypto/tls takes. Nobody has its factors.
func hugeKey() *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), 8200)
	return &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537}
}

func unparsable(t *testing.T, root authority) tls.Certificate {
	t.Helper()
	id := root.leaf(t, nil)
	id.Certificate = [][]byte{[]byte("not DER")}
	return id
}
