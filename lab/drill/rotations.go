package drill

import (
	"time"

	"github.com/mtlslab/mtlslab/lab/hindrance"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/timeline"
	"github.com/mtlslab/mtlslab/lab/wire"
)

const (
	briefly = 7 * time.Second // longer than it takes to start a drill, and to see that all is well
	day     = 24 * time.Hour
)

var both = []Authority{Old, New}

// The four phases of replacing a root, each of both sides.
var (
	trustBoth = phase("both roots are trusted", Kit{Trusts: both}, Kit{Trusts: both})
	issueNew  = phase("the server is of the new root", Kit{From: New, Trusts: both}, Kit{Trusts: both})
	taintOld  = phase("the clients are of the new root", Kit{From: New, Trusts: both}, Kit{From: New, Trusts: both})
	removeOld = phase("the old root is removed", Kit{From: New, Trusts: []Authority{New}},
		Kit{From: New, Trusts: []Authority{New}})
)

func phase(name string, server, client Kit) Step {
	return Step{Name: name, Server: &server, Clients: clients(client, "client")}
}

// named is a step under another name: a drill that takes it twice has to tell which.
func named(name string, s Step) Step {
	s.Name = name
	return s
}

var backToOld = phase("only the old root is trusted", Kit{}, Kit{})

// forgotten is a client that nobody has given anything new: it is let in until the old root is
// removed. It trusts the new one, so that it is the server who has to refuse.
func forgotten(until ...string) Client {
	course := []Span{{Fate: timeline.Delivered}}
	for _, step := range until {
		course = append(course, Span{
			From: step, Fate: timeline.Refused, By: wire.Server, Reasons: []wire.Reason{wire.UnknownAuthority},
		})
	}
	return Client{Holder: "forgotten", Kit: Kit{Trusts: both}, Over: streams(), Course: course}
}

var rootRotation = Drill{
	Name:    "root-rotation",
	Summary: "the root is replaced in four phases: trust both, issue from the new, renew the rest, remove the old",
	Why: "Done in this order nobody is turned away, and who was forgotten is, at the end, and at once: on new " +
		"connections, on resumed sessions and on those that are open.",
	Clients: []Client{good(), forgotten(removeOld.Name)},
	Steps:   []Step{trustBoth, issueNew, taintOld, removeOld},
}

var rootRotationBack = Drill{
	Name:    "root-rotation-back",
	Summary: "the root is being replaced, and each of the phases is taken back",
	Why:     "A rotation that cannot be taken back is one that nobody dares to begin.",
	Clients: []Client{good()},
	Steps: []Step{
		trustBoth,
		backToOld,
		named("both are trusted again", trustBoth),
		issueNew,
		named("the server is of the old root again", trustBoth),
		named("only the old root is trusted again", backToOld),
		named("both are trusted a third time", trustBoth),
		named("the server is of the new root again", issueNew),
		taintOld,
		removeOld,
		named("the old root is trusted again", taintOld),
		named("the clients are of the old root again", issueNew),
		named("all are of the old root", trustBoth),
	},
}

var rootRotationKilled = Drill{
	Name:    "root-rotation-killed",
	Summary: "the root is replaced, and the server is killed and started again after each phase",
	Why:     "What a server was given has to be what it starts with, or it falls back a phase when nobody expects it.",
	Clients: []Client{good(), forgotten(removeOld.Name)},
	Steps: []Step{
		trustBoth, killed("killed once"), issueNew, killed("killed twice"), taintOld, killed("killed three times"), removeOld,
		killed("killed at the end"),
	},
}

func killed(name string) Step { return Step{Name: name, Act: Kill, Within: slow} }

// slow is how long a server may take to be there again.
const slow = 5 * time.Second

var rootRotationWrongOrder = Drill{
	Name:    "root-rotation-wrong-order",
	Summary: "the server is of the new root before its clients trust that: an outage, until they do",
	Why:     "What a rotation looks like that somebody hurried. Connections that are open hide it while they last.",
	Clients: []Client{
		{
			Holder: "client", Over: begun,
			Course: refusedBetween(hurried, "the clients trust both", wire.Client, wire.UnknownAuthority),
		},
		{Holder: "steady", Over: []peer.Connections{peer.Kept}},
	},
	Steps: []Step{
		{Name: hurried, Server: &Kit{From: New, Trusts: both}},
		{Name: "the clients trust both", Clients: clients(Kit{Trusts: both}, "client")},
	},
}

const hurried = "the server is of the new root too early"

var authorityRemoved = Drill{
	Name:    "authority-removed",
	Summary: "one of two authorities is removed: its clients are out at once, the others go on",
	Why: "An authority that was stolen has to be out when it is taken out: on new connections, resumed sessions and " +
		"on connections that are open.",
	Server: Kit{Trusts: []Authority{Old, Other}},
	Clients: []Client{
		good(),
		{
			Holder: "stranger", Kit: Kit{From: Other}, Over: streams(),
			Course: refusedFrom("the other authority is removed", wire.UnknownAuthority),
		},
	},
	Steps: []Step{{Name: "the other authority is removed", Server: &Kit{}}},
}

var serverDistrusted = Drill{
	Name:    "server-distrusted",
	Summary: "the clients are told to trust the server's authority no more",
	Why: "The other half of removing an authority: a client that goes on over the connection it has goes on talking to " +
		"whom it must not trust.",
	Server: Kit{Trusts: both},
	Clients: []Client{{
		Holder: "client", Kit: Kit{Trusts: both}, Over: streams(),
		Course: refusedBetween(distrusted, "the server is of the new root", wire.Client, wire.UnknownAuthority),
	}},
	Steps: []Step{
		{Name: distrusted, Clients: clients(Kit{Trusts: []Authority{New}}, "client")},
		{Name: "the server is of the new root", Server: &Kit{From: New, Trusts: both}},
	},
}

const distrusted = "the clients trust the old root no more"

var networkCut = Drill{
	Name:     "network-cut",
	Summary:  "the server's network is cut and joined again, and the root is replaced meanwhile",
	Why:      "Who cannot be reached cannot be told. What was on its way is unknown, and no message is lost by that.",
	Isolated: true,
	Clients:  []Client{good()},
	Steps: []Step{
		{Name: "the network is cut", Act: Cut},
		{Name: "the network is joined", Act: Join, Within: slow},
		trustBoth,
		{Name: "the network is cut again", Act: Cut},
		named("the server is of the new root meanwhile", Step{Server: &Kit{From: New, Trusts: both}, Silent: true}),
		{Name: "the network is joined again", Act: Join, Within: slow},
		taintOld,
	},
}

var hindered = Drill{
	Name:    "hindered",
	Summary: "connections are late, slow, in pieces, cut short and reset, and certificates are renewed meanwhile",
	Why: "What a bad network looks like. Whoever gets no receipt cannot know whether the message arrived, and sends it " +
		"again with its number; so what is taken twice is known, and nothing is lost.",
	Between: true,
	Clients: []Client{good()},
	Steps: []Step{
		hinders("all that the server says comes late", hindrance.Late(150*time.Millisecond)),
		{Name: "the server has its next certificate meanwhile", Server: &Kit{Leaf: 1}},
		hinders("it comes slowly", hindrance.Slowed(64)), //nolint:mnd // KiB a second
		hinders("it comes in pieces", hindrance.Pieces(100)),
		hinders("connections are cut short", hindrance.CutShort(6000)),
		{Name: "the client has its next certificate meanwhile", Clients: clients(Kit{Leaf: 1}, "client")},
		hinders("connections are reset", hindrance.ResetAfter(30*time.Millisecond)),
		hinders("all is as before", hindrance.Hindrance{}),
	},
}

func hinders(name string, h hindrance.Hindrance) Step {
	return Step{Name: name, Hinders: &h, Within: aWhile}
}

// aWhile is until when connections from before have come to an end.
const aWhile = 3 * time.Second

var serverKilled = Drill{
	Name:    "server-killed",
	Summary: "the server is killed under traffic and started again, twice",
	Why: "No message is lost without a word: what nobody has acknowledged is sent again with its number, and what was " +
		"taken twice by that can be told.",
	Clients: []Client{good()},
	Steps:   []Step{killed("the server is killed"), killed("the server is killed again")},
}
