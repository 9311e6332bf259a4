package timeline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/wire"
)

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
