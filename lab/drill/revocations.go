package drill

import (
	"github.com/mtlslab/mtlslab/lab/timeline"
	"github.com/mtlslab/mtlslab/lab/wire"
)

var revocation = Drill{
	Name:    "revocation",
	Summary: "one client is revoked by a list: it is out at once, and its siblings go on",
	Why: "A list that is read at a start, or asked on new connections alone, leaves a thief in for as long as he keeps " +
		"his connection, or his session.",
	Server: Kit{Lists: &Lists{}},
	Clients: []Client{
		good(),
		{
			Holder: "thief", Over: streams(),
			Course: refusedFrom("the thief's certificate is revoked", wire.Revoked),
		},
	},
	Steps: []Step{
		{Name: "the thief's certificate is revoked", Server: &Kit{Lists: &Lists{Revoked: []string{"thief"}}}},
	},
}

var staples = Drill{
	Name:    "staples",
	Summary: "the server's OCSP staple is good, revoked, out of date, another's, and absent",
	Why: "A staple shows that a server is not revoked. Who takes a bad one for none has none at all; who demands " +
		"none is told nothing by a thief, who leaves it out.",
	Server: Kit{Staple: &Staple{}},
	Clients: []Client{
		{
			Holder: "client", Over: begun, Flags: []string{"-require-staple"},
			Course: append(stapled(), Span{
				From: "it has none", Fate: timeline.Refused, By: wire.Client, Reasons: []wire.Reason{wire.RevocationUnknown},
			}),
		},
		{
			Holder: "lenient", Over: begun,
			Course: append(stapled(), Span{From: "it has none", Fate: timeline.Delivered}),
		},
	},
	Steps: []Step{
		{Name: "the server's staple says that it is revoked", Server: &Kit{Staple: &Staple{Revoked: true}}},
		{Name: "it says that it is good again", Server: &Kit{Staple: &Staple{}}},
		{Name: "it is out of date", Server: &Kit{Staple: &Staple{Stale: true}}},
		{Name: "it is another one", Server: &Kit{Staple: &Staple{}}},
		{Name: "it is another authority's", Server: &Kit{Staple: &Staple{By: Other}}},
		{Name: "it has none", Server: &Kit{}},
	},
}

// stapled is the course of who heeds staples.
func stapled() []Span {
	refused := func(from string, reason wire.Reason) Span {
		return Span{From: from, Fate: timeline.Refused, By: wire.Client, Reasons: []wire.Reason{reason}}
	}
	return []Span{
		{Fate: timeline.Delivered},
		refused("the server's staple says that it is revoked", wire.Revoked),
		{From: "it says that it is good again", Fate: timeline.Delivered},
		refused("it is out of date", wire.RevocationUnknown),
		{From: "it is another one", Fate: timeline.Delivered},
		refused("it is another authority's", wire.RevocationUnknown),
	}
}

var listExpires = Drill{
	Name:    "list-expires",
	Summary: "the revocation lists expire, and nobody is let in until there are others",
	Why: "A list that is out of date says nothing of today. Who goes by it all the same lets in whoever was revoked " +
		"since; who does not has an outage, and should have been warned of it.",
	Server: Kit{Lists: &Lists{Life: briefly}},
	Clients: []Client{{
		Holder: "client", Over: streams(),
		Course: refusedBetween("the lists expire", "there are other lists", wire.Server, wire.RevocationUnknown),
	}},
	Steps: []Step{
		{Name: "the lists expire", Expires: theLists},
		{Name: "there are other lists", Server: &Kit{Lists: &Lists{}}},
	},
}

var listOfAnother = Drill{
	Name:    "list-of-another",
	Summary: "the server is given revocation lists of another authority",
	Why: "Lists that speak of nobody's certificates revoke nobody. Who takes them for lists on which nobody is has " +
		"none at all.",
	Server: Kit{Lists: &Lists{}},
	Clients: []Client{{Holder: "client", Over: streams(), Course: []Span{
		{Fate: timeline.Delivered},
		{
			From: "the lists are another's", Fate: timeline.Refused, By: wire.Server,
			Reasons: []wire.Reason{wire.RevocationUnknown},
		},
		{From: "the lists are the right ones", Fate: timeline.Delivered},
	}}},
	Steps: []Step{
		{Name: "the lists are another's", Server: &Kit{Lists: &Lists{By: Other}}},
		{Name: "the lists are the right ones", Server: &Kit{Lists: &Lists{}}},
	},
}
