package timeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/wire"
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

// judgeCourse claims that all messages of a stream fare as they must between the steps, and that
// none is lost at any time.
func (t *Timeline) judgeCourse(stream *Stream) {
	var lost []Message
	for _, m := range stream.Messages {
		if m.Fate == Lost && !t.may(stream, m, Lost) {
			lost = append(lost, m)
		}
	}
	t.claim("lost/"+stream.Name, "no message of "+stream.Name+" is lost", len(lost) == 0, t.first(lost),
		"A message went out, and nobody learns what became of it.")
	for k, span := range stream.Course {
		if span.Fate != Anything && span.From < len(t.Steps) { // else it did not come to that
			t.judgeSpan(stream, k)
			t.judgeTaken(stream, k)
		}
	}
}

// bounds are from when until when a span of a stream holds.
func (t *Timeline) bounds(stream *Stream, k int) (from, to time.Duration) {
	if k+1 < len(stream.Course) && stream.Course[k+1].From < len(t.Steps) {
		return t.settled(stream.Course[k].From), t.Steps[stream.Course[k+1].From].Began
	}
	return t.settled(stream.Course[k].From), t.Took
}

// when says the same in words.
func (t *Timeline) when(stream *Stream, k int) (text string) {
	if from := stream.Course[k].From; from >= 0 {
		text = " once " + quoted(t.Steps[from].Name)
	}
	if k+1 < len(stream.Course) && stream.Course[k+1].From < len(t.Steps) {
		text += " until " + quoted(t.Steps[stream.Course[k+1].From].Name)
	}
	return text
}

// may says whether a message may have that fate, as it falls into a span in which any will do.
func (t *Timeline) may(stream *Stream, m Message, fate Fate) bool {
	for k, span := range stream.Course {
		if span.From >= len(t.Steps) {
			break
		}
		to := t.Took
		if k+1 < len(stream.Course) && stream.Course[k+1].From < len(t.Steps) {
			to = t.settled(stream.Course[k+1].From)
		}
		from := time.Duration(0)
		if span.From >= 0 {
			from = t.Steps[span.From].Began
		}
		if (span.Fate == Anything || span.Fate == fate) && m.Ended >= from && m.Began <= to {
			return true
		}
	}
	return false
}

// judgeSpan claims one span. In the time that the steps within it need to settle, a message that is
// to be delivered must be so all the same: a change that all sides are prepared for turns nobody
// away.
func (t *Timeline) judgeSpan(stream *Stream, k int) {
	span := stream.Course[k]
	from, to := t.bounds(stream, k)
	var wrong []Message
	held := 0
	for _, m := range stream.Messages {
		if m.Began < from || m.Ended > to {
			continue
		}
		if span.holds(m) {
			held++
		} else if m.Fate != Lost {
			wrong = append(wrong, m)
		}
	}
	says := fmt.Sprintf("messages of %s are %s%s%s", stream.Name, span.Fate, span.how(), t.when(stream, k))
	id := fmt.Sprintf("course/%s/%d", stream.Name, k+1)
	switch {
	case len(wrong) > 0:
		t.claim(id, says, false, t.first(wrong), t.means(stream, k, wrong[0]))
	case held == 0:
		t.claim(id, says, false, "no message fell into that time", "Nothing was shown.")
	default:
		t.claim(id, says, true, fmt.Sprintf("%d of %[1]d", held), "")
	}
}

// judgeTaken claims that nothing is taken of whom the server is to refuse, from when it says that the
// step is in use: of a message that its client is not told about, and comes again with, to be refused.
// What is delivered the course tells, and what is refused at once the receipts.
func (t *Timeline) judgeTaken(stream *Stream, k int) {
	span := stream.Course[k]
	if span.Fate != Refused || span.By != wire.Server || span.From < 0 || !t.Steps[span.From].InUse {
		return
	}
	from := t.Steps[span.From].Done
	_, to := t.bounds(stream, k)
	var taken []Message
	for _, m := range stream.Messages {
		if m.Fate == Refused && m.Unsure && m.Taken > 0 && m.TakenAt > from && m.TakenAt < to {
			taken = append(taken, m)
		}
	}
	t.claim(fmt.Sprintf("taken/%s/%d", stream.Name, k+1),
		fmt.Sprintf("no message of %s is taken%s", stream.Name, t.when(stream, k)), len(taken) == 0, t.first(taken),
		"The message of whom it refuses has arrived all the same: it is looked at who he is once it is taken.")
}

// holds says whether a message has the fate of a span.
func (s Span) holds(m Message) bool {
	if m.Fate != s.Fate {
		return false
	}
	return m.Fate != Refused || (s.By == "" || m.By == s.By) &&
		(len(s.Reasons) == 0 || m.Reason == "" || slices.Contains(s.Reasons, m.Reason))
}

func (s Span) how() string {
	var text strings.Builder
	if s.By != "" {
		fmt.Fprintf(&text, " by the %s", s.By)
	}
	for i, reason := range s.Reasons {
		text.WriteString([]string{" for ", " or "}[min(i, 1)] + strings.ReplaceAll(string(reason), "_", " "))
	}
	return text.String()
}

// first tells of the first of several messages, and how many there are.
func (t *Timeline) first(all []Message) string {
	if len(all) == 0 {
		return ""
	}
	m := all[0]
	text := fmt.Sprintf("%d, the first #%d after %s: %s", len(all), m.Number, console.Duration(m.Began), m.Fate)
	if m.By != "" {
		text += " by the " + string(m.By)
	}
	if m.Reason != "" {
		text += ", " + strings.ReplaceAll(string(m.Reason), "_", " ")
	}
	return text
}

// means says what it is that a message which fares otherwise than a span demands shows.
func (t *Timeline) means(stream *Stream, k int, m Message) string {
	span := stream.Course[k]
	if span.Fate == Refused && m.Fate == Delivered {
		switch {
		case (stream.Connections == kept || stream.Connections == open) && !t.elsewhere(stream, k):
			return "Open connections are not looked at again: whoever was let in stays, whatever is withdrawn."
		case m.Resumed && !t.elsewhere(stream, k):
			return "A session from before is resumed with no question whether its holder is still good."
		default:
			return "What was withdrawn is still good: the change is not looked at, or trust only grows."
		}
	}
	if span.Fate == Refused {
		return "It is turned away, and for another reason than the one that holds: what would be let in with that one mended?"
	}
	if m.Reason == wire.BadSignature {
		return "The new certificate is shown with the key of another: nobody can have it for who it says it is."
	}
	if m.By == wire.Client {
		return "A good server is turned away by its clients: it shows what they were not prepared for."
	}
	return "A good client is turned away: the change ends the service of those whom it does not concern."
}

// elsewhere says whether the same holder gets through on full handshakes as well: then it is not
// the connections that are at fault.
func (t *Timeline) elsewhere(stream *Stream, k int) bool {
	from, to := t.bounds(stream, k)
	for _, other := range t.Streams {
		if other.Holder != stream.Holder || other.Connections != anew {
			continue
		}
		for _, m := range other.Messages {
			if m.Began >= from && m.Ended <= to && m.Fate == Delivered {
				return true
			}
		}
	}
	return false
}
