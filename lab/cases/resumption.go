package cases

import (
	"math/big"
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// BriefLife is how long after its making the leaf is good for, at most, that an attack
// with Resume.AfterExpiry presents, cut to the whole second. The adversary waits for what is
// left of it, and a second more, because notAfter is inclusive (RFC 5280, 4.1.2.5).
const BriefLife = 2 * time.Second

// Meanwhile is what becomes of a server between the making of a session and its being
// resumed.
type Meanwhile string

// What becomes of it.
const (
	Nothing         Meanwhile = ""
	ForgetsTrust    Meanwhile = "forgets"      // it reads its trust again, without the adversary's root
	LearnsLists     Meanwhile = "learns"       // it reads the lists again, which have the adversary's certificate by now
	StartsAnew      Meanwhile = "starts anew"  // in its place another is started, with the same material
	StrikesOff      Meanwhile = "strikes off"  // it is another, which admits the good client alone, and not a guest
	TrustsElsewhere Meanwhile = "is elsewhere" // it is another, which never trusted the adversary's root
	StaysAsItIs     Meanwhile = "stays"        // nothing, until the adversary's certificate has expired
)

// Reloads says whether the server goes on running, and reads something again.
func (m Meanwhile) Reloads() bool { return m == ForgetsTrust || m == LearnsLists }

// resumptionCases come back with a session.
func resumptionCases() []Case {
	all := append(goodSessions(), append(staleSessions(), strangeSessions()...)...)
	for i := range all {
		all[i].ID, all[i].Roles = "resumption/"+all[i].ID, asClient
	}
	return by(Former, all)
}

// openCases use a connection that was open before. No standard ends one, so what comes of them
// is told, and not judged.
func openCases() []Case {
	const cite = "policy: no standard ends a connection that is open"
	of := func(id, when string, meanwhile Meanwhile) Case {
		return Case{
			ID: "open/" + id, Roles: asClient, AnyVersion: true, Stays: true, Meanwhile: meanwhile,
			Summary: "says another thing on a connection that was open before " + when,
			Meaning: "Who is let in stays in for as long as the connection lasts.",
			Rules:   alike(MayEither, cite),
		}
	}
	revoked := of("after-revocation", "its certificate was revoked", LearnsLists)
	revoked.Needs, revoked.Reasons = []Need{RevocationLists}, []wire.Reason{wire.Revoked}
	revoked.Mutation = same(func(f *pki.Forgery) {
		issuer := f.OwnIntermediate()
		issuer.Lists = append(issuer.Lists, later(f.Leaf))
	})
	return by(Former, []Case{
		of("after-expiry", "its certificate expired", StaysAsItIs),
		of("after-authority-removal", "its authority was forgotten", ForgetsTrust),
		revoked,
	})
}

// goodSessions are of clients that may come back.
func goodSessions() []Case {
	return []Case{
		{
			ID:      "while-valid",
			Summary: "comes back with its session, as it may",
			Meaning: "Clients that resume are turned away, or the server resumes what it cannot go on with.",
			Rules:   alike(MustAccept, "RFC 8446, 4.2.11"),
			Attack:  func(a *attack.Attack) { a.Resume = new(attack.Resume) },
		},
		{
			ID: "after-restart", AnyVersion: true,
			Summary: "comes back with its session to a server that was started anew",
			Meaning: "Whoever has a session from before a restart is turned away, until he has forgotten it.",
			Rules:   alike(MustAccept, "RFC 8446, 4.2.11"), Meanwhile: StartsAnew,
		},
		{
			ID:      "altered-ticket-with-certificate",
			Summary: "comes back with a ticket that the server cannot read, and its certificate",
			Meaning: "Whoever has a ticket of keys that are gone is turned away, until he has forgotten it.",
			Rules:   alike(MustAccept, "RFC 5077, 3.4"),
			Attack:  func(a *attack.Attack) { a.Resume = &attack.Resume{Alter: true} },
		},
	}
}

// staleSessions were made by one who was let in.
func staleSessions() []Case {
	const (
		expiry = "policy: a session is good for no longer than the certificate that it stands for (RFC 5246, F.1.4)"
		lists  = "policy: a session is good for no longer than the certificate that it stands for"
		stolen = "A certificate that was taken back is good for as long as its holder keeps a session alive."
	)
	return []Case{
		{
			ID: "after-expiry", Margin: time.Second,
			Summary: "comes back with its session when its certificate has expired",
			Meaning: "A certificate is good for as long as its holder keeps a session alive, whatever its dates say.",
			Reasons: []wire.Reason{wire.Expired},
			Rules:   strictOnly("RFC 8446, 4.6.1", expiry),
			Attack:  func(a *attack.Attack) { a.Resume = &attack.Resume{AfterExpiry: true} },
		},
		{
			ID:      "after-authority-removal",
			Summary: "comes back with its session when its authority is trusted no more",
			Meaning: "An authority that was thrown out goes on letting in whoever was in before.",
			Reasons: []wire.Reason{wire.UnknownAuthority},
			Rules:   alike(MustRefuse, "CVE-2025-68121"), Meanwhile: ForgetsTrust,
		},
		{
			ID:      "after-revocation",
			Summary: "comes back with its session when its certificate is on its issuer's list",
			Meaning: stolen, Reasons: []wire.Reason{wire.Revoked},
			Rules: strictOnly("RFC 8446, 4.6.1", lists), Needs: []Need{RevocationLists}, Meanwhile: LearnsLists,
			Mutation: same(func(f *pki.Forgery) {
				issuer := f.OwnIntermediate()
				issuer.Lists = append(issuer.Lists, later(f.Leaf))
			}),
		},
		{
			ID:      "after-issuer-revocation",
			Summary: "comes back with its session when its intermediate is on the root's list",
			Meaning: stolen, Reasons: []wire.Reason{wire.Revoked},
			Rules: strictOnly("RFC 8446, 4.6.1", lists), Needs: []Need{RevocationLists}, Meanwhile: LearnsLists,
			Mutation: same(func(f *pki.Forgery) {
				root := f.OwnRoot()
				root.Lists = append(root.Lists, later(f.OwnIntermediate()))
			}),
		},
		{
			ID:      "not-admitted",
			Summary: "comes with its session to another server of the same kind, which does not admit it",
			Meaning: "Whoever is struck off the list goes on coming in for as long as he keeps a session alive, and whoever " +
				"is on the list of one server is on those of all.",
			Reasons: []wire.Reason{wire.NotAllowed},
			Rules:   alike(MustRefuse, onlyClient), Needs: []Need{Admission}, Meanwhile: StrikesOff,
			Named:    "guest",
			Mutation: same(pki.LeafNames(pki.URIName("spiffe://lab/guest"))),
		},
	}
}

// later is the list that has a certificate on it.
func later(revoked *pki.Draft) *pki.List {
	return &pki.List{Later: true, Number: 2, Revoked: []*big.Int{revoked.Template.SerialNumber}}
}

// strangeSessions are of somebody whom this server has never let in.
func strangeSessions() []Case {
	const (
		meaning = "The session is believed, and nobody looks for whom it was made: whoever gets one is in."
		cite    = "RFC 8446, 4.6.1"
	)
	uninvited := func(a *attack.Attack) { a.Resume = &attack.Resume{Uninvited: true} }
	return []Case{
		{
			ID: "without-certificate", Attacker: Nobody,
			Summary: "comes back with whatever session it was given when it had shown no certificate",
			Meaning: meaning, Rules: alike(MustRefuse, cite),
			Reasons: []wire.Reason{wire.NoCertificate},
			Attack: func(a *attack.Attack) {
				uninvited(a)
				a.NoCertificate = true
			},
		},
		{
			ID: "of-stranger", Attacker: Nobody,
			Summary: "comes back with whatever session it was given for the certificate of another authority",
			Meaning: meaning, Rules: alike(MustRefuse, cite),
			Reasons: []wire.Reason{wire.UnknownAuthority}, Attack: uninvited,
			Mutation: same(pki.Untrusted),
		},
		{
			ID:      "of-expired",
			Summary: "comes back with whatever session it was given for a certificate that had expired",
			Meaning: meaning, Rules: alike(MustRefuse, cite),
			Reasons: []wire.Reason{wire.Expired}, Attack: uninvited,
			Mutation: same(dates(pki.OfLeaf, -2*time.Hour, -time.Hour)),
		},
		{
			ID: "of-open-host", Attacker: Nobody,
			Summary: "comes back with the session of a host that asks for no certificate",
			Meaning: "What is guarded under its own name is had by a session of another, which asks for no certificate.",
			Reasons: []wire.Reason{wire.NoCertificate},
			Rules:   alike(MustRefuse, "CVE-2025-23419"), Needs: []Need{OpenHost}, Head: new(attack.Head),
			Attack: func(a *attack.Attack) {
				uninvited(a)
				a.Resume.SNI, a.NoCertificate = open, true
			},
		},
		{
			ID: "altered-ticket", Attacker: Insider,
			Summary: "comes back with a ticket of which one bit is another, and no certificate",
			Meaning: "Tickets are not sealed: whoever has one writes into it who he is.",
			Reasons: []wire.Reason{wire.NoCertificate},
			Rules:   alike(MustRefuse, "RFC 5077, 4"),
			Attack: func(a *attack.Attack) {
				a.Resume, a.NoCertificate = &attack.Resume{Alter: true}, true
			},
		},
		{
			ID: "elsewhere", Attacker: Nobody,
			Summary: "comes with a session of another server of the same kind, which trusts its authority",
			Meaning: "Servers read each other's tickets: who may go to one may go to all.",
			Reasons: []wire.Reason{wire.UnknownAuthority},
			Rules:   alike(MustRefuse, "RFC 8446, 4.6.1"), Meanwhile: TrustsElsewhere,
		},
	}
}
