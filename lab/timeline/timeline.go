// Package timeline is what happened while the world of a server and its clients changed: each
// message of each client, each step, and when it took effect, on one clock. It says what must have
// happened, and what was shown.
//
// It exists so that judging a drill needs no drill: a timeline goes in, claims come out, with no
// engine, no clock and no I/O. It does not know how traffic is made, nor what a step does.
package timeline

import (
	"encoding/json"
	"time"

	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Format is the version of the JSON document, of which Timeline is the whole.
const Format = 1

// Timeline is one drill, carried out. Times are since its beginning.
type Timeline struct {
	Format  int       `json:"format"` // [Format]
	Drill   string    `json:"drill"`
	Summary string    `json:"summary"`
	Server  string    `json:"server"` // whose it is
	Runtime string    `json:"runtime"`
	Began   time.Time `json:"began"`

	Took    time.Duration `json:"took_ns"`
	Streams []Stream      `json:"streams"`
	Steps   []Step        `json:"steps"`
	Ended   int           `json:"ended,omitempty"` // the step, counted from 1, by which the server ended; the last, then
	Stray   int           `json:"stray,omitempty"` // messages that the server took and nobody has sent

	// Over is when certificates expired that did while it went on, by serial: connections that began with
	// one have to begin anew then.
	Over map[string]time.Duration `json:"over_ns,omitempty"`

	Claims []Claim `json:"claims"` // see [Timeline.Judge]
}

// Stream is what one client sent, one message after the other.
type Stream struct {
	Name        string    `json:"name"`
	Holder      string    `json:"holder"`      // whose certificate it has; several may share one
	Connections string    `json:"connections"` // "keep", "open", "new" or "resume": how messages share them
	Course      []Span    `json:"course"`
	Messages    []Message `json:"messages"`
}

// Fate is what becomes of a message.
type Fate string

// The fates.
const (
	Delivered Fate = "delivered" // it has its receipt
	Refused   Fate = "refused"   // either side said no
	Lost      Fate = "lost"      // nobody said anything, for as long as it was tried
	Anything  Fate = "anything"  // of a course: whatever becomes of it shows nothing
)

// Span is what must become of a stream's messages from a step on.
type Span struct {
	From    int           `json:"from"` // the step, counted from 0; the beginning if -1
	Fate    Fate          `json:"fate"`
	By      wire.Role     `json:"by,omitempty"`      // who refuses; either if empty
	Reasons []wire.Reason `json:"reasons,omitempty"` // for which; any if there are none
}

// Message is one of them.
type Message struct {
	Number     int           `json:"number"`
	Began      time.Duration `json:"began_ns"`
	Ended      time.Duration `json:"ended_ns"`
	Late       time.Duration `json:"late_ns,omitempty"` // after it was due
	Fate       Fate          `json:"fate"`
	By         wire.Role     `json:"by,omitempty"` // who refused
	Reason     wire.Reason   `json:"reason,omitempty"`
	Attempts   int           `json:"attempts"`
	Unsure     bool          `json:"unsure,omitempty"` // of an attempt before the last nobody said what became of it
	Connection int           `json:"connection"`
	Resumed    bool          `json:"resumed,omitempty"`
	Server     string        `json:"server,omitempty"`      // serial of the certificate that the client saw
	Client     string        `json:"client,omitempty"`      // and that the server saw
	Taken      int           `json:"taken"`                 // how often the server says that it took it
	TakenAt    time.Duration `json:"taken_at_ns,omitempty"` // when it did so last
}

// Step is one change of the world.
type Step struct {
	Name   string        `json:"name"`
	Began  time.Duration `json:"began_ns"`
	Done   time.Duration `json:"done_ns"`             // when whoever did it was done
	Within time.Duration `json:"within_ns"`           // of its beginning it must have its effect
	Tells  bool          `json:"tells"`               // whoever is given something says what it does with it
	Bad    bool          `json:"bad,omitempty"`       // what is given cannot be used: the old must go on
	InUse  bool          `json:"in_use,omitempty"`    // it was said to be in use
	Kept   bool          `json:"kept,omitempty"`      // it was said to be of no use
	Says   string        `json:"says,omitempty"`      // by whoever was given it, for people
	Breaks bool          `json:"breaks,omitempty"`    // connections may end by it
	Rough  bool          `json:"rough,omitempty"`     // and at any time from then on, until the next step
	Renews []string      `json:"renews,omitempty"`    // holders that begin new connections by themselves
	Server string        `json:"to_server,omitempty"` // serial of the server's certificate from then on
	Client string        `json:"to_client,omitempty"` // and of the holder's in Renews
	Effect *Effect       `json:"effect,omitempty"`    // see [Timeline.Judge]
}

// Effect is when a step showed in what became of messages, since the step's beginning.
type Effect struct {
	First time.Duration `json:"first_ns"` // of which it showed
	Whole time.Duration `json:"whole_ns"` // after which nothing else was seen
	Seen  bool          `json:"seen"`
}

// String says it for people.
func (e *Effect) String() string {
	switch {
	case !e.Seen:
		return "no effect of it was seen"
	case e.Whole == 0:
		return "seen after " + console.Duration(e.First)
	default:
		return "seen after " + console.Duration(e.First) + ", and the old for " + console.Duration(e.Whole)
	}
}

// Claim is one thing that must hold.
type Claim struct {
	ID   string `json:"id"`
	Says string `json:"says"`
	Held bool   `json:"held"`
	Void string `json:"void,omitempty"`  // why it shows nothing that it did not hold
	Saw  string `json:"saw,omitempty"`   // what was seen in its place, or how it held
	Mean string `json:"means,omitempty"` // where it did not hold
}

// Verdict is what all claims come to.
type Verdict string

// The verdicts.
const (
	Passed       Verdict = "passed"       // all hold
	Failed       Verdict = "failed"       // one does not
	Inconclusive Verdict = "inconclusive" // nothing is claimed, or what does not hold shows nothing
)

// Verdict is what the claims come to.
func (t *Timeline) Verdict() Verdict {
	verdict := Passed
	for _, c := range t.Claims {
		switch {
		case c.Held:
		case c.Void == "":
			return Failed
		default:
			verdict = Inconclusive
		}
	}
	if len(t.Claims) == 0 {
		return Inconclusive
	}
	return verdict
}

// JSON is the document.
func (t *Timeline) JSON() ([]byte, error) { return json.MarshalIndent(t, "", "  ") }

// Counts are how many messages there are of each fate, and how many were sent again or taken twice.
type Counts struct{ Sent, Delivered, Refused, Lost, Again, Doubled int }

// Count counts the messages of streams.
func Count(streams ...Stream) (c Counts) {
	for _, s := range streams {
		for _, m := range s.Messages {
			c.Sent++
			switch m.Fate {
			case Delivered:
				c.Delivered++
			case Refused:
				c.Refused++
			case Lost, Anything:
				c.Lost++
			}
			if m.Attempts > 1 {
				c.Again++
			}
			if m.Taken > 1 {
				c.Doubled++
			}
		}
	}
	return c
}
