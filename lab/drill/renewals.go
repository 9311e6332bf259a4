package drill

import (
	"time"

	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/timeline"
	"github.com/mtlslab/mtlslab/lab/wire"
)

var serverLeaf = Drill{
	Name:    "server-leaf",
	Summary: "the server's certificate is renewed by the same authority",
	Why:     "What happens every few weeks, or hours: nobody should notice, and the new one should be what clients see.",
	Clients: []Client{good()},
	Steps: []Step{
		{Name: "the server has its next certificate", Server: &Kit{Leaf: 1}},
		{Name: "the server has the one after that", Server: &Kit{Leaf: 2}},
	},
}

var clientLeaf = Drill{
	Name:    "client-leaf",
	Summary: "the client's certificate is renewed by the same authority",
	Why:     "A client that stays up has to take its new certificate up, or stops on the day the old one expires.",
	Clients: []Client{good()},
	Steps: []Step{
		{Name: "the client has its next certificate", Clients: clients(Kit{Leaf: 1}, "client")},
		{Name: "the client has the one after that", Clients: clients(Kit{Leaf: 2}, "client")},
	},
}

var intermediate = Drill{
	Name:    "intermediate",
	Summary: "the intermediate authority is replaced, under the same root",
	Why:     "Whoever trusts the intermediate in place of the root, or sends the old one along, finds out on that day.",
	Clients: []Client{good()},
	Steps: []Step{
		{Name: "the server is of the next intermediate", Server: &Kit{From: Next}},
		{Name: "the client is of the next intermediate", Clients: clients(Kit{From: Next}, "client")},
	},
}

var halfRotation = Drill{
	Name:    "half-rotation",
	Summary: "the server is given files that cannot be used: the old ones go on, and it says so",
	Why: "A rotation that stops half way must not end the service, nor go unnoticed until the old certificate " +
		"expires.",
	Clients: []Client{good()},
	Steps: []Step{
		bad("a new certificate with the old key is written", Kit{Leaf: 1, Spoilt: OldKey}),
		bad("half a certificate is written", Kit{Leaf: 1, Spoilt: HalfChain}),
		bad("an error page is written in place of a certificate", Kit{Leaf: 1, Spoilt: Garbage}),
		bad("trust that breaks off is written", Kit{Leaf: 1, Spoilt: HalfTrust}),
		bad("trust with nothing in it is written", Kit{Leaf: 1, Spoilt: NoTrust}),
		bad("a revocation list that breaks off is written", Kit{Leaf: 1, Lists: &Lists{}, Spoilt: BrokenList}),
		{Name: "whole files are written", Server: &Kit{Leaf: 1}},
	},
}

func bad(name string, kit Kit) Step { return Step{Name: name, Server: &kit, Bad: true} }

var clientExpires = Drill{
	Name:    "client-expires",
	Summary: "a client's certificate expires while its connections are open",
	Why: "A certificate is looked at when a connection begins. One that is open, or a session that is resumed, may " +
		"outlive it for as long as nobody looks again.",
	Clients: []Client{
		good(),
		{
			Holder: "late", Kit: Kit{Life: briefly}, Over: streams(),
			Course: refusedBetween("late's certificate expires", "late has a new one", wire.Server, wire.Expired),
		},
	},
	Steps: []Step{
		{Name: "late's certificate expires", Expires: "late"},
		{Name: "late has a new one", Clients: clients(Kit{Leaf: 1}, "late")},
	},
}

var serverExpires = Drill{
	Name:    "server-expires",
	Summary: "the server's certificate expires while connections are open, and is renewed",
	Why:     "The outage that everybody has had once: at 3 am, nobody renewed it, and clients differ in when they notice.",
	Server:  Kit{Life: briefly},
	Clients: []Client{{
		Holder: "client", Over: streams(),
		Course: refusedBetween("the server's certificate expires", "the server has a new one", wire.Client, wire.Expired),
	}},
	Steps: []Step{
		{Name: "the server's certificate expires", Expires: serverHolder},
		{Name: "the server has a new one", Server: &Kit{Leaf: 1}},
	},
}

var intermediateExpires = Drill{
	Name:    "intermediate-expires",
	Summary: "the intermediate expires above a leaf that was just renewed, and is replaced",
	Why: "Leaves are watched, and renewed by a machine. What signs them is renewed by hand, once in years, and expires " +
		"at three in the morning.",
	Server: Kit{From: Brief},
	Clients: []Client{{
		Holder: "client", Over: streams(),
		Course: refusedBetween("the intermediate expires", "the server is of the next one", wire.Client, wire.Expired),
	}},
	Steps: []Step{
		{Name: "the server's leaf is renewed", Server: &Kit{From: Brief, Leaf: 1}},
		{Name: "the intermediate expires", Expires: Intermediate},
		{Name: "the server is of the next one", Server: &Kit{From: Next}},
	},
}

var clocksApart = Drill{
	Name:    "clocks-apart",
	Summary: "certificates are issued by a clock that is a minute, an hour, a day ahead, or as far behind",
	Why: "Two clocks are never the same. An authority that lets a certificate begin some time ago is heeded all the " +
		"same; one that does not is refused by everybody whose clock is behind its own.",
	Clients: []Client{{Holder: "client", Over: begun, Course: []Span{
		{Fate: timeline.Delivered},
		{From: "a minute ahead", Fate: timeline.Refused, By: wire.Client, Reasons: notYet},
		{From: "a minute ahead, with a beginning some days before", Fate: timeline.Delivered},
		{From: "an hour ahead", Fate: timeline.Refused, By: wire.Client, Reasons: notYet},
		{From: "a day ahead, with a beginning some days before", Fate: timeline.Delivered},
		{From: "a day behind, for an hour", Fate: timeline.Refused, By: wire.Client, Reasons: []wire.Reason{wire.Expired}},
		{From: "a minute behind, for an hour", Fate: timeline.Delivered},
		{From: "the client's is an hour ahead", Fate: timeline.Refused, By: wire.Server, Reasons: notYet},
		{From: "the client's is an hour ahead, with a beginning some days before", Fate: timeline.Delivered},
	}}, {Holder: "steady", Over: []peer.Connections{peer.Kept}}},
	Steps: []Step{
		{Name: "a minute ahead", Server: &Kit{Ahead: time.Minute, Exact: true}},
		{Name: "a minute ahead, with a beginning some days before", Server: &Kit{Ahead: time.Minute}},
		{Name: "an hour ahead", Server: &Kit{Ahead: time.Hour, Exact: true}},
		{Name: "a day ahead, with a beginning some days before", Server: &Kit{Ahead: day}},
		{Name: "a day behind, for an hour", Server: &Kit{Ahead: -day, Exact: true, Life: time.Hour}},
		{Name: "a minute behind, for an hour", Server: &Kit{Ahead: -time.Minute, Exact: true, Life: time.Hour}},
		{Name: "the client's is an hour ahead", Clients: clients(Kit{Ahead: time.Hour, Exact: true}, "client")},
		{
			Name:    "the client's is an hour ahead, with a beginning some days before",
			Clients: clients(Kit{Ahead: time.Hour}, "client"),
		},
	},
}

// begun are streams whose messages each begin a connection. One that is open goes on by what it began
// with.
var begun = []peer.Connections{peer.New, peer.Resumed}

var notYet = []wire.Reason{wire.NotYetValid}
