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
// was delivered unverified.
func operationalCases() []Case {
	const noAnchor = "RFC 5280, 6.1.1 (d)"
	return []Case{
		starts("no-trust", "K01", "without trusted roots", noAnchor,
			func(m *wire.Material) { m.Trust = nil }),
		starts("trust-not-pem", "K01", "with trusted roots that are no PEM", noAnchor,
			func(m *wire.Material) { m.Trust = []byte("these are not the roots\n") }),
		starts("trust-not-certificates", "K01", "with a key in the place of its trusted roots", noAnchor,
			func(m *wire.Material) { m.Trust = slices.Clone(m.Key) }),
		starts("trust-cut-short", "K01", "with trusted roots that end in the middle", noAnchor,
			func(m *wire.Material) { m.Trust = m.Trust[: len(m.Trust)/2 : len(m.Trust)/2] }),
		strictly(starts("trust-in-part", "K01", "with good trusted roots and, after them, half of another", "",
			func(m *wire.Material) { m.Trust = slices.Concat(m.Trust, halfOfFirst(m.Trust)) }),
			noAnchor, "policy: half a trust store does not pass for a whole one"),
		starts("no-chain", "K05", "without a certificate", "RFC 8446, 4.4.2",
			func(m *wire.Material) { m.Chain = nil }),
		starts("chain-not-pem", "K05", "with a certificate that is no PEM", "RFC 8446, 4.4.2",
			func(m *wire.Material) { m.Chain = []byte("this is not the certificate\n") }),
		starts("no-key", "K05", "without a key", "RFC 8446, 4.4.3",
			func(m *wire.Material) { m.Key = nil }),
		starts("key-not-pem", "K05", "with a key that is no PEM", "RFC 8446, 4.4.3",
			func(m *wire.Material) { m.Key = []byte("this is not the key\n") }),
		starts("key-of-another", "K05", "with a key that does not belong to its certificate", "RFC 8446, 4.4.3",
			func(m *wire.Material) {
				m.Key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: newKey(elliptic.P256())})
			}),
		strictly(starts("crl-not-pem", "K01", "with a revocation list that is no PEM", "",
			func(m *wire.Material) { m.CRL = []byte("this is not the list\n") }),
			"RFC 5280, 6.3", "policy: a revocation list that was given is not passed over").needing(RevocationLists),
	}
}

// starts is the start of either side with one file of its material spoiled.
func starts(id, row, with, cite string, spoil func(*wire.Material)) Case {
	return Case{
		ID: "operational/" + id, Row: row, Roles: asBoth, Versions: once,
		Summary: "the peer is started " + with,
		Meaning: "A slip in the configuration turns authentication off, and nothing tells.",
		Rules:   alike(MustRefuse, cite),
		Material: func(m wire.Material) wire.Material {
			spoil(&m)
			return m
		},
	}
}

func strictly(c Case, leftOpen, policy string) Case {
	c.Rules = strictOnly(leftOpen, policy)
	return c
}

// halfOfFirst ends in the middle of the first certificate, however many there are.
func halfOfFirst(certificates []byte) []byte {
	return slices.Clone(certificates[:bytes.Index(certificates, []byte("-----END"))/2])
}
