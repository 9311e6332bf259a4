package cases

import (
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Reload is what a server is told to read again, as it runs.
type Reload string

// The reloads.
const (
	NoReload        Reload = ""
	ForgetAuthority Reload = "forget an authority" // the adversary's, which it trusted from its start
	TakeAuthority   Reload = "take an authority"   // the adversary's, which it did not trust
	ForgetOther     Reload = "forget another"      // one that is nothing to the adversary
	TakeCertificate Reload = "take a certificate"  // another of its own, by the same authority
)

// reloadCases are of a server whose material changes as it runs.
func reloadCases() []Case {
	of := func(c Case, what Reload) Case {
		c.ID, c.Roles, c.Reload, c.AnyVersion = "reload/"+c.ID, []wire.Role{wire.Client}, what, true
		return c
	}
	const policy = "policy: what a server is told to read again, it reads"
	return by(Former, []Case{
		of(Case{
			ID:      "forgotten-authority",
			Summary: "comes anew with a certificate of an authority that the server was told to forget",
			Meaning: "An authority that was thrown out goes on vouching until the server is started anew, and nothing tells.",
			Reasons: []wire.Reason{wire.UnknownAuthority},
			Rules:   alike(MustRefuse, "RFC 5280, 6.1.1 (d)"),
		}, ForgetAuthority),
		of(Case{
			ID:      "new-authority",
			Summary: "comes with a certificate of an authority that the server was told to take",
			Meaning: "An authority that is added is not trusted until the server is started anew, so none can be replaced " +
				"while it runs.",
			Reasons: []wire.Reason{wire.UnknownAuthority},
			Rules:   alike(MustAccept, policy),
		}, TakeAuthority),
		of(Case{
			ID:      "goes-on",
			Summary: "is good, and the server was told to forget an authority that is nothing to it",
			Meaning: "A reload ends the service of those whom it does not concern.",
			Rules:   alike(MustAccept, policy),
		}, ForgetOther),
		of(Case{
			ID: "own-certificate", Attacker: Honest,
			Summary: "is good, and looks for the certificate that the server was told to take in place of its own",
			Meaning: "The server goes on showing the certificate from before, until that expires.",
			Rules:   alike(MustAccept, policy),
		}, TakeCertificate),
	})
}
