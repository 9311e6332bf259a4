package timeline

import (
	"fmt"
	"slices"
	"time"

	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// judgeConnections claims that a connection that is kept lasts, but for what ends it with reason:
// its client was given other material, a step breaks connections, what the server showed has expired, or it
// is refused.
func (t *Timeline) judgeConnections(stream *Stream) {
	var ended []Message
	for i := 1; i < len(stream.Messages); i++ {
		was, is := stream.Messages[i-1], stream.Messages[i]
		if is.Connection == was.Connection || was.Fate != Delivered || is.Fate != Delivered && t.may(stream, is, is.Fate) {
			continue
		}
		if !t.ends(stream, was.Ended, is.Ended) && !t.over(was.Server, is.Ended) {
			ended = append(ended, is)
		}
	}
	saw := ""
	if len(ended) > 0 {
		saw = fmt.Sprintf("%d ended, the first before #%d, after %s",
			len(ended), ended[0].Number, console.Duration(ended[0].Began))
	}
	t.claim("connections/"+stream.Name, "open connections of "+stream.Name+" last", len(ended) == 0, saw,
		"A reload ends connections that it does not concern: each time, all clients come back at once.")
}

// over says whether the certificate of that serial has expired by then. Dates are whole seconds.
func (t *Timeline) over(serial string, by time.Duration) bool {
	at, ok := t.Over[serial]
	return ok && by > at-time.Second
}

// judgeAgain claims that no message has to be sent again, but for those that a step which breaks
// connections cut short: sending again mends what a reload breaks, and hides it.
func (t *Timeline) judgeAgain(stream *Stream) {
	var again []Message
	for _, m := range stream.Messages {
		if m.Attempts > 1 && m.Fate == Delivered && !t.ends(stream, m.Began, m.Ended) {
			again = append(again, m)
		}
	}
	t.claim("again/"+stream.Name, "no message of "+stream.Name+" has to be sent again", len(again) == 0, t.first(again),
		"For a moment nobody is served, or calls are cut off: only because it is sent again does a message arrive.")
}

// ends says whether a step ends the connections of a stream between two moments.
func (t *Timeline) ends(stream *Stream, from, to time.Duration) bool {
	for i, s := range t.Steps {
		if !s.Breaks && !s.Rough && !slices.Contains(s.Renews, stream.Holder) {
			continue
		}
		last := t.settled(i)
		if s.Rough {
			last = max(last, t.until(i))
		}
		if to >= s.Began && from <= last {
			return true
		}
	}
	return false
}

func stray(n int) string {
	if n == 0 {
		return ""
	}
	return console.Plural(n, "message")
}

// judgeReceipts holds what clients were told to what the server says that it took. Nothing is
// claimed of a server that does not say.
func (t *Timeline) judgeReceipts() {
	takes := false
	var untaken, doubled, refused []Message
	again := 0
	for _, stream := range t.Streams {
		for _, m := range stream.Messages {
			takes = takes || m.Taken > 0
			switch {
			case m.Fate == Delivered && m.Taken == 0:
				untaken = append(untaken, m)
			case m.Taken > 1 && m.Attempts == 1:
				doubled = append(doubled, m)
			case m.Taken > 1:
				again++
			case m.Fate == Refused && m.Taken > 0 && m.By == wire.Server && !m.Unsure:
				refused = append(refused, m)
			}
		}
	}
	if !takes {
		return
	}
	t.claim("receipts/taken", "what has a receipt was taken", len(untaken) == 0, t.first(untaken),
		"A receipt is given for what was not taken: it is lost, and its sender believes otherwise.")
	saw := t.first(doubled)
	if again > 0 && saw == "" {
		saw = fmt.Sprintf("%d were taken twice, each sent again with its number since nobody had said", again)
	}
	t.claim("receipts/once", "what was sent once was taken once", len(doubled) == 0, saw,
		"A message is taken twice though it was sent once.")
	t.claim("receipts/refused", "what was refused was not taken", len(refused) == 0, t.first(refused),
		"Its sender was turned away, and the message was taken all the same.")
	t.claim("receipts/stray", "nothing was taken that nobody sent", t.Stray == 0, stray(t.Stray),
		"Messages were taken that no client has sent.")
}
