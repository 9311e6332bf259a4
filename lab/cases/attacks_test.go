package cases

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"maps"
	"slices"
	"testing"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// onTheWire are the cases that are not of certificates.
func onTheWire() []Case {
	all := slices.Concat(protocolCases(), framingCases(), resumptionCases(), operationalCases())
	return slices.DeleteFunc(all, func(c Case) bool { // what takes a lab to carry out
		return c.Meanwhile != Nothing || c.Attack != nil && c.Mutation != nil
	})
}

// manifold names the attacks that are one deed in two fields.
var manifold = map[string]string{
	"protocol/http-server":                        "no TLS, and what there is instead",
	"framing/http-client":                         "no TLS, and what there is instead",
	"framing/plain-text-then-close":               "no TLS, and no waiting for an answer",
	"framing/plain-text-before-handshake":         "the message is moved",
	"resumption/without-certificate":              "its base is protocol/no-client-certificate",
	"resumption/of-open-host":                     "its base is protocol/no-client-certificate",
	"resumption/altered-ticket":                   "its base is resumption/altered-ticket-with-certificate",
	"framing/no-certificate-with-absent-sni":      "its base is protocol/no-client-certificate",
	"framing/no-certificate-with-unknown-sni":     "its base is protocol/no-client-certificate",
	"framing/no-certificate-with-sni-in-capitals": "its base is protocol/no-client-certificate",
	"framing/no-certificate-with-wildcard-sni":    "its base is protocol/no-client-certificate",
}

// Every attack can be carried out, and differs from an honest exchange in one
// thing.
func TestAttacksDifferInOneThing(t *testing.T) {
	honest := map[wire.Role]attack.Attack{
		wire.Client: {
			ID:      "x",
			Role:    wire.Client,
			Connect: "server:1",
			SNI:     "server",
			Version: "1.2",
			Message: "hello (nonce)",
		},
		wire.Server: {ID: "x", Role: wire.Server, Listen: ":0", Version: "1.2", Message: "hello (nonce)"},
	}
	seen, key := map[string]bool{}, pkcs8(t)
	for _, c := range onTheWire() {
		if c.Attack == nil {
			continue
		}
		seen[c.ID] = true
		for _, role := range c.Roles {
			before := honest[role]
			before.Chain, before.Key = [][]byte{{0}}, key
			before.Version = c.In(wire.Versions())[0]
			after := before
			c.Attack(&after)
			if err := after.Check(); err != nil {
				t.Errorf("%s as %s: %v", c.ID, role, err)
			}
			changed := changes(t, before, after)
			if len(changed) == 0 || len(changed) > 1 && manifold[c.ID] == "" || len(changed) == 1 && manifold[c.ID] != "" {
				t.Errorf("%s as %s changes %q", c.ID, role, changed)
			}
		}
	}
	for id := range manifold {
		if !seen[id] {
			t.Errorf("there is no case %s", id)
		}
	}
}

// changes names the fields in which two attacks differ.
func changes(t *testing.T, before, after attack.Attack) []string {
	t.Helper()
	var fields [2]map[string]json.RawMessage
	for i, a := range []attack.Attack{before, after} {
		line, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(line, &fields[i]); err != nil {
			t.Fatal(err)
		}
	}
	names := maps.Clone(fields[0])
	maps.Copy(names, fields[1])
	maps.DeleteFunc(names, func(name string, _ json.RawMessage) bool {
		return bytes.Equal(fields[0][name], fields[1][name])
	})
	return slices.Sorted(maps.Keys(names))
}

// Every altered bundle differs from a good one in one file, and is left alone.
func TestMaterialDiffersInOneFile(t *testing.T) {
	for _, c := range onTheWire() {
		if c.Material == nil {
			continue
		}
		good := wire.Material{
			Trust: []byte(
				"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
			), Chain: []byte("chain"), Key: []byte("key"),
		}
		before := wire.Material{
			Trust: slices.Clone(good.Trust),
			Chain: slices.Clone(good.Chain),
			Key:   slices.Clone(good.Key),
		}
		bad := c.Material(good)
		differ := 0
		for _, same := range []bool{
			bytes.Equal(good.Trust, bad.Trust), bytes.Equal(good.Chain, bad.Chain),
			bytes.Equal(good.Key, bad.Key), bytes.Equal(good.CRL, bad.CRL),
		} {
			if !same {
				differ++
			}
		}
		if differ != 1 {
			t.Errorf("%s alters %d files", c.ID, differ)
		}
		if !bytes.Equal(good.Trust, before.Trust) || !bytes.Equal(good.Chain, before.Chain) ||
			!bytes.Equal(good.Key, before.Key) {
			t.Errorf("%s changes the bundle that it was given", c.ID)
		}
	}
}

func pkcs8(t testing.TB) []byte {
	t.Helper()
	return newParties(t).keyOf(t, wire.Client)
}

// parties are an authority and its two identities.
type parties struct {
	authority *pki.Authority
	ids       map[wire.Role]*pki.Identity
}

var requests = map[wire.Role]pki.Request{
	wire.Server: {Role: wire.Server, Name: "server", DNS: []string{"server"}},
	wire.Client: {Role: wire.Client, Name: "client"},
}

func newParties(t testing.TB) parties {
	t.Helper()
	authority, err := pki.New(pki.Config{})
	if err != nil {
		t.Fatal(err)
	}
	p := parties{authority, map[wire.Role]*pki.Identity{}}
	for role, request := range requests {
		if p.ids[role], err = authority.Issue(request); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p parties) keyOf(t testing.TB, role wire.Role) []byte {
	t.Helper()
	return pemBlock(t, p.ids[role].Material(p.authority).Key)
}

func pemBlock(t testing.TB, text []byte) []byte {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatal("no PEM")
	}
	return block.Bytes
}
