package timeline

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/mtlslab/mtlslab/lab/console"
)

// Judge says what must hold of the timeline, and whether it does.
func (t *Timeline) Judge() {
	t.Claims = nil
	for i := range t.Steps {
		t.Steps[i].Effect = t.effect(i)
		t.judgeStep(i)
	}
	if t.Ended > 0 {
		last := t.Steps[t.Ended-1]
		means := "A change that cannot be used ends the service in place of being refused."
		if last.Breaks {
			means = "What it was given is not what it can start with again: from here on there is no service."
		}
		says := "the server lives through " + quoted(last.Name)
		t.claim(fmt.Sprintf("step %d/lives", t.Ended), says, false, "it ended", means)
	}
	for i := range t.Streams {
		t.judgeCourse(&t.Streams[i])
	}
	for i := range t.Streams {
		t.judgeAgain(&t.Streams[i])
		if t.Streams[i].Connections == kept {
			t.judgeConnections(&t.Streams[i])
		}
	}
	t.judgeReceipts()
}

// How messages share connections, in a stream's Connections.
const (
	kept = "keep"
	anew = "new"  // with a handshake in full
	open = "open" // one for two, which come some time apart
)

func (t *Timeline) claim(id, says string, held bool, saw, mean string) {
	if held {
		mean = ""
	}
	t.Claims = append(t.Claims, Claim{ID: id, Says: says, Held: held, Saw: saw, Mean: mean})
}

// judgeStep claims that a step has its effect in time, or that it was told to have none.
func (t *Timeline) judgeStep(i int) {
	s := &t.Steps[i]
	if s.Bad && s.Tells {
		t.claim(fmt.Sprintf("step %d/kept", i+1), quoted(s.Name)+" is told as a failure", s.Kept, said(s),
			"Material that cannot be used is taken without a word: nobody learns that a rotation has failed.")
	}
	if s.Tells && !s.Bad {
		saw := said(s)
		if s.InUse {
			saw = "after " + console.Duration(s.Done-s.Began)
		}
		t.claim(fmt.Sprintf("step %d/used", i+1), quoted(s.Name)+" is told as done", s.InUse, saw,
			"Good material was not taken up: what was renewed goes on until it expires.")
	}
	if s.Effect == nil {
		return
	}
	id := fmt.Sprintf("step %d/effect", i+1)
	says := fmt.Sprintf("%s has its effect within %v", quoted(s.Name), s.Within)
	switch e := s.Effect; {
	case !e.Seen:
		t.claim(id, says, false, "no effect of it was seen",
			"The change was never taken up by who goes on running: it takes a restart, or waits for one.")
	case e.Whole > s.Within:
		saw := fmt.Sprintf("the world from before was seen for %s", console.Duration(e.Whole))
		if e.Whole > t.until(i)-s.Began-aMoment {
			saw = "the world from before was seen to the end"
		}
		t.claim(id, says, false, saw,
			"Between the change and its effect lies a time in which what was withdrawn, or replaced, still counts.")
		if slow := t.slowest(s.Began, t.settled(i)); slow > tooSlow {
			t.Claims[len(t.Claims)-1].Void = fmt.Sprintf("a message took %s: the machine was busy", console.Duration(slow))
		}
	default:
		t.claim(id, says, true, e.String(), "")
	}
}

// aMoment is longer than from one message of a stream to the next.
const aMoment = 200 * time.Millisecond

// tooSlow is how long a message takes that nothing is wrong with, on a machine by which no time can
// be told.
const tooSlow = 250 * time.Millisecond

// slowest is the longest that a message took that was delivered at once, between two moments.
func (t *Timeline) slowest(from, to time.Duration) (longest time.Duration) {
	for _, stream := range t.Streams {
		for _, m := range stream.Messages {
			if m.Fate == Delivered && m.Attempts == 1 && m.Ended >= from && m.Began <= to {
				longest = max(longest, m.Ended-m.Began)
			}
		}
	}
	return longest
}

func said(s *Step) string { return cmp.Or(s.Says, "nothing was said of it") }

func quoted(name string) string { return "“" + name + "”" }

// effect is when step i showed: by a certificate that is replaced, or by a fate that turns. It is
// nil of a step that need not show.
func (t *Timeline) effect(i int) *Effect {
	s := t.Steps[i]
	e := &Effect{}
	shows := false
	for k := range t.Streams {
		stream := &t.Streams[k]
		is := t.sign(stream, i)
		if is == nil {
			continue
		}
		shows = true
		for _, m := range stream.Messages {
			if m.Began < s.Began || m.Ended > t.until(i) {
				continue
			}
			switch is(m) {
			case after:
				if at := m.Ended - s.Began; !e.Seen || at < e.First {
					e.First, e.Seen = at, true
				}
			case before:
				e.Whole = max(e.Whole, m.Began-s.Began)
			case neither:
			}
		}
	}
	if !shows {
		return nil
	}
	return e
}

// side of a step is where a message shows itself to be.
type side int

const (
	neither side = iota
	before
	after
)

// sign is how a message of a stream shows on which side of a step it is; nil if it cannot.
func (t *Timeline) sign(stream *Stream, i int) func(Message) side {
	s := t.Steps[i]
	if at := slices.IndexFunc(stream.Course, func(span Span) bool { return span.From == i }); at > 0 {
		was, is := stream.Course[at-1].Fate, stream.Course[at].Fate
		if was == is || was == Anything || is == Anything {
			return nil
		}
		return func(m Message) side {
			switch m.Fate {
			case is:
				return after
			case was:
				return before
			default:
				return neither
			}
		}
	}
	if s.Server != "" && stream.Connections == anew {
		return func(m Message) side { return compare(m.Server, s.Server) }
	}
	if s.Client != "" && slices.Contains(s.Renews, stream.Holder) {
		return func(m Message) side { return compare(m.Client, s.Client) }
	}
	return nil
}

func compare(serial, now string) side {
	switch serial {
	case "":
		return neither
	case now:
		return after
	default:
		return before
	}
}

// until is when the world of step i ends.
func (t *Timeline) until(i int) time.Duration {
	if i+1 < len(t.Steps) {
		return t.Steps[i+1].Began
	}
	return t.Took
}

// settled is from when on the world is as step i has made it; -1 is the beginning.
func (t *Timeline) settled(i int) time.Duration {
	if i < 0 {
		return 0
	}
	return max(t.Steps[i].Done, t.Steps[i].Began+t.Steps[i].Within)
}
