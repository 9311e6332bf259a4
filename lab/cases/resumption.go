package cases

import (
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// BriefLife is how long after its making the leaf is good for that an attack
// with Resume.AfterExpiry presents, cut to the whole second: at least a second,
// in which the session is made, and at most two. The adversary waits for what is
// left of it, and a second more, because notAfter is inclusive (RFC 5280,
// 4.1.2.5).
const BriefLife = 2 * time.Second

// resumptionCases come back with a session.
func resumptionCases() []Case {
	return by(Former, []Case{
		{
			ID: "resumption/while-valid", Roles: asClient,
			Summary: "comes back with its session, as it may",
			Meaning: "Clients that resume are turned away, or the server resumes what it cannot go on with.",
			Rules:   alike(MustAccept, "RFC 8446, 4.2.11"),
			Attack:  func(a *attack.Attack) { a.Resume = new(attack.Resume) },
		},
		{
			ID: "resumption/after-expiry", Roles: asClient, Margin: time.Second,
			Summary: "comes back with its session when its certificate has expired",
			Meaning: "A certificate is good for as long as its holder keeps a session alive, whatever its dates say.",
			Reasons: []wire.Reason{wire.Expired},
			Rules: strictOnly("RFC 8446, 4.6.1",
				"policy: a session is good for no longer than the certificate that it stands for (RFC 5246, F.1.4)"),
			Attack: func(a *attack.Attack) { a.Resume = &attack.Resume{AfterExpiry: true} },
		},
		{
			ID: "resumption/after-authority-removal", Roles: asClient,
			Summary:   "comes back with its session when its authority is trusted no more",
			Meaning:   "An authority that was thrown out goes on letting in whoever was in before.",
			Reasons:   []wire.Reason{wire.UnknownAuthority},
			Rules:     alike(MustRefuse, "CVE-2025-68121"),
			Withdrawn: true,
		},
	})
}
