package cases

import (
	"crypto/x509"
	"slices"
	"sync"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// The names of the good exchange. The audited server is told to admit clientID
// and nobody else; the audited client is told to expect host, unless it calls another.
const (
	host     = "server"
	serverID = "spiffe://lab/server"
	clientID = "spiffe://lab/client"
)

// Control is the good identity that every certificate case differs from, of an
// authority whose trust domain is "lab".
func Control(role wire.Role) pki.Request {
	if role == wire.Server {
		return pki.Request{Role: role, Name: "server", DNS: []string{host}}
	}
	return pki.Request{Role: role, Name: "client"}
}

// All returns every case, in the order of the reference.
func All() []Case { return slices.Clone(catalogue()) }

var catalogue = sync.OnceValue(func() []Case {
	return slices.Concat(
		identityCases(), chainCases(), validityCases(), usageCases(), constraintCases(), cryptoCases(), revocationCases(),
		protocolCases(), resumptionCases(), openCases(), reloadCases(), framingCases(), httpCases(), operationalCases(),
	)
})

func refuse(cite string) Rule { return Rule{MustRefuse, cite} }
func accept(cite string) Rule { return Rule{MustAccept, cite} }
func either(cite string) Rule { return Rule{MayEither, cite} }

// Find returns the case of that id.
func Find(id string) (Case, bool) {
	all := catalogue()
	i := slices.IndexFunc(all, func(c Case) bool { return c.ID == id })
	if i < 0 {
		return Case{}, false
	}
	return all[i], true
}

// Known says whether there is a case of that id.
func Known(id string) bool {
	_, known := Find(id)
	return known
}

func rules(rfc5280, spiffe, strict Rule) map[Profile]Rule {
	return map[Profile]Rule{RFC5280: rfc5280, SPIFFE: spiffe, Strict: strict}
}

// same is a mutation that does not depend on who is good.
func same(m pki.Mutation) func(pki.Request) pki.Mutation {
	return func(pki.Request) pki.Mutation { return m }
}

// leaf changes what crypto/x509 can say of the leaf.
func leaf(change func(*x509.Certificate)) func(pki.Request) pki.Mutation {
	return same(pki.Leaf(change))
}

// idOf is the SPIFFE ID of the good identity.
func idOf(role wire.Role) string {
	if role == wire.Server {
		return serverID
	}
	return clientID
}

// namesOf are the names of the good identity, with another ID if one is given.
// The ID comes last, as crypto/x509 writes it.
func namesOf(good pki.Request, ids ...string) []pki.GeneralName {
	var names []pki.GeneralName
	if good.Role == wire.Server {
		names = append(names, pki.DNSName(hostOf(good)))
	}
	if len(ids) == 0 {
		ids = []string{idOf(good.Role)}
	}
	for _, id := range ids {
		names = append(names, pki.URIName(id))
	}
	return names
}

func usageOf(role wire.Role) x509.ExtKeyUsage {
	if role == wire.Server {
		return x509.ExtKeyUsageServerAuth
	}
	return x509.ExtKeyUsageClientAuth
}

// weak are the reasons for a key that is not good enough. Some are too weak to
// verify a handshake with, which is found out first.
var weak = []wire.Reason{
	wire.WeakKey,
	wire.WeakAlgorithm,
	wire.BadCertificate,
	wire.UnknownAuthority,
	wire.BadSignature,
}
