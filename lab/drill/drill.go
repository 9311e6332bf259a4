// Package drill changes the world of a server and its clients while messages flow: certificates
// are renewed, authorities replaced, lists expire, a reload goes wrong. It tells what became of
// every message, and when every change took effect.
//
// It exists because a handshake that is right at one moment says nothing of the next: most outages
// of mutual TLS, and most holes in it, come with a change. A drill is data, a file each; package
// timeline judges what happened.
package drill

import (
	"slices"
	"time"

	"github.com/mtlslab/mtlslab/lab/hindrance"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/timeline"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Drill is streams of messages, and steps that change the world under them.
type Drill struct {
	Name    string
	Summary string // one line: what is changed
	Why     string // one or two sentences: what goes wrong where this does

	Server  Kit
	Clients []Client
	Steps   []Step
	Lasts   time.Duration // at least; as long as its steps need if zero

	// Between says that there is a program between the clients and the server, that hinders them.
	Between bool
	// Isolated says that it needs containers: a process's network cannot be cut, and step-ca runs in one.
	Isolated bool
}

// Timed says whether something is to expire in it, so that it has its own time.
func (d Drill) Timed() bool {
	return slices.ContainsFunc(d.Steps, func(s Step) bool { return s.Expires != "" || s.Matures != "" })
}

// Client is one holder of a certificate, who sends over several streams at once.
type Client struct {
	Holder string // "client", and further names; a certificate each
	Kit    Kit
	Over   []peer.Connections // a stream each
	Flags  []string           // of its program besides
	Course []Span             // of all its messages; delivered all along if there is none
}

// Span is what becomes of messages from a step on.
type Span struct {
	From    string // the name of the step; the beginning if empty
	Fate    timeline.Fate
	By      wire.Role
	Reasons []wire.Reason
}

// Step changes the world. It does one thing.
type Step struct {
	Name string // what is so from then on: "the old root is removed"

	Server  *Kit                 // that the server is given
	Clients map[string]Kit       // that holders are given, at the same time
	Act     Act                  // that is done to the server
	Hinders *hindrance.Hindrance // what is done to connections from then on; the zero one is nothing
	Revokes string               // a holder whose certificate step-ca revokes, at his request
	Expires string               // what is waited for to expire: a holder's certificate, "server"'s, or one of below
	Matures string               // a holder two thirds of whose certificate's life are waited for

	Bad    bool          // what is given cannot be used
	Within time.Duration // after which it must have its effect; a second if zero
	Silent bool          // nothing need show it
}

// What can expire besides certificates of holders: the revocation lists, the intermediate of Brief, and all
// certificates that step-ca has issued by a token.
const (
	theLists     = "lists"
	Intermediate = "intermediate"
	Enrolled     = "enrolled"
)

// Act is what is done to a server.
type Act string

// The acts.
const (
	Kill Act = "kill" // it is killed, and another is started in its place
	Cut  Act = "cut"  // its network is cut
	Join Act = "join" // and joined again
)

// streams are how the messages of a good client go where nothing else is said.
func streams() []peer.Connections {
	return []peer.Connections{peer.Kept, peer.New, peer.Resumed}
}

// good is the client that most drills have.
func good() Client { return Client{Holder: "client", Over: streams()} }

// refusedFrom is the course of who is let in until a step, and refused from then on.
func refusedFrom(step string, reasons ...wire.Reason) []Span {
	return []Span{{Fate: timeline.Delivered}, {From: step, Fate: timeline.Refused, By: wire.Server, Reasons: reasons}}
}

// refusedBetween is the course of who is refused from a step until another.
func refusedBetween(step, until string, by wire.Role, reasons ...wire.Reason) []Span {
	return []Span{
		{Fate: timeline.Delivered},
		{From: step, Fate: timeline.Refused, By: by, Reasons: reasons},
		{From: until, Fate: timeline.Delivered},
	}
}

func clients(kit Kit, holders ...string) map[string]Kit {
	all := make(map[string]Kit)
	for _, holder := range holders {
		all[holder] = kit
	}
	return all
}
