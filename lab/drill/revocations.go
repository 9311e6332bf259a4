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
		{Name: "the lists expire", Expires: "lists"},
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
