package cases

import (
	"bytes"
	"crypto/elliptic"
	"encoding/pem"
	"slices"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// operationalCases start a peer with material that it cannot do its work with.
// The other side is good and has good material, so that whatever is delivered
// without trust was delivered unverified. A client without an identity may go on
// as nobody, and leave it to the server whether that will do (RFC 8446, 4.4.2).
func operationalCases() []Case {
	const (
		noAnchor = "RFC 5280, 6.1.1 (d)"
		mute     = "policy: a peer that cannot show who it is does not go on as nobody"
	)
	lists := starts("crl-not-pem", "with a revocation list that is no PEM", "",
		func(m *wire.Material) { m.CRL = []byte("this is not the list\n") }).needing(RevocationLists)
	lists.Attacker = Former
	lists.Rules = strictOnly("RFC 5280, 6.3", "policy: a revocation list that was given is not passed over")
	return by(Nobody, []Case{
		starts("no-trust", "without trusted roots", noAnchor,
			func(m *wire.Material) { m.Trust = nil }),
		starts("trust-not-pem", "with trusted roots that are no PEM", noAnchor,
			func(m *wire.Material) { m.Trust = []byte("these are not the roots\n") }),
		starts("trust-not-certificates", "with a key in the place of its trusted roots", noAnchor,
			func(m *wire.Material) { m.Trust = keyOfAnother() }),
		starts("trust-cut-short", "with trusted roots that end in the middle", noAnchor,
			func(m *wire.Material) { m.Trust = halfOfFirst(m.Trust) }),
		honest(starts("trust-in-part", "with good trusted roots and, after them, half of another", "",
			func(m *wire.Material) { m.Trust = slices.Concat(m.Trust, halfOfFirst(m.Trust)) }),
			noAnchor, "policy: half a trust store does not pass for a whole one"),
		honest(starts("no-chain", "without a certificate", "",
			func(m *wire.Material) { m.Chain = nil }), "RFC 8446, 4.4.2", mute),
		honest(starts("chain-not-pem", "with a certificate that is no PEM", "",
			func(m *wire.Material) { m.Chain = []byte("this is not the certificate\n") }), "RFC 8446, 4.4.2", mute),
		honest(starts("no-key", "without a key", "",
			func(m *wire.Material) { m.Key = nil }), "RFC 8446, 4.4.2", mute),
		honest(starts("key-not-pem", "with a key that is no PEM", "",
			func(m *wire.Material) { m.Key = []byte("this is not the key\n") }), "RFC 8446, 4.4.2", mute),
		honest(starts("key-of-another", "with a key that does not belong to its certificate", "",
			func(m *wire.Material) { m.Key = keyOfAnother() }), "RFC 8446, 4.4.2", mute),
		lists,
	})
}

// starts is the start of either side with one file of its material altered.
func starts(id, with, cite string, alter func(*wire.Material)) Case {
	return Case{
		ID: "operational/" + id, Roles: asBoth, AnyVersion: true,
		Summary: "is good, and the peer is started " + with,
		Meaning: "A slip in the configuration turns authentication off, and nothing tells.",
		Rules:   alike(MustRefuse, cite),
		Material: func(m wire.Material) wire.Material {
			alter(&m)
			return m
		},
	}
}

// honest has it be a peer that goes on as if nothing were wrong, and lets nobody in by that.
func honest(c Case, leftOpen, policy string) Case {
	c.Attacker, c.Rules = Honest, strictOnly(leftOpen, policy)
	return c
}

func keyOfAnother() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: newKey(elliptic.P256())})
}

// halfOfFirst ends in the middle of the first certificate, however many there are.
func halfOfFirst(certificates []byte) []byte {
	return slices.Clone(certificates[:bytes.Index(certificates, []byte("-----END"))/2])
}
