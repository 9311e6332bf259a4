package timeline

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Options say how a timeline is shown.
type Options struct {
	Width   int  // of the terminal, in columns; 80 if less
	Color   bool // for terminals only
	Verbose bool // the claims that hold, too
}

// Columns of the text.
const (
	timeIndent = 12
	nameIndent = 32
	margin     = "  "
)

// Text writes the timeline for a person: the steps with what is known of each, a strip for each
// stream, what does not hold, and the verdict in the last line. The error is the writer's.
func (t *Timeline) Text(w io.Writer, o Options) error {
	p := &console.Page{Width: max(console.DefaultWidth, o.Width), Color: o.Color}
	for _, line := range console.Wrap(t.Drill+": "+wire.Printable(t.Summary), p.Width) {
		p.WriteString(line + "\n")
	}
	p.WriteString("\n")
	for i, s := range t.Steps {
		p.Row(fmt.Sprintf("%7.2f s %2d", s.Began.Seconds(), i+1), timeIndent+1, "", s.Name+": "+t.fared(i), 0)
	}
	p.WriteString("\n")
	t.strips(p)
	t.told(p, o)
	held := 0
	for _, c := range t.Claims {
		if c.Held {
			held++
		}
	}
	verdict, style := t.Verdict(), console.Red
	if verdict == Passed {
		style = console.Green
	}
	all := Count(t.Streams...)
	fmt.Fprintf(p, "%s %s: %d of %s hold, of %s in %s\n", p.Paint(style, last[verdict]), t.Drill, held,
		console.Plural(len(t.Claims), "claim"), console.Plural(all.Sent, "message"), console.Duration(t.Took))
	_, err := w.Write(p.Bytes())
	return err
}

var last = map[Verdict]string{Passed: "PASS", Failed: "FAIL", Inconclusive: "INCONCLUSIVE"}

// fared says what came of a step.
func (t *Timeline) fared(i int) string {
	s := t.Steps[i]
	switch {
	case t.Ended == i+1:
		return "the server ended"
	case s.Bad && s.Kept:
		return "told as a failure, the old went on"
	case s.Bad:
		return "nothing was said of it"
	case s.Effect != nil && s.Effect.Seen:
		return s.Effect.String()
	case s.Effect != nil:
		return "no effect of it was seen"
	case s.InUse:
		return "told as done after " + console.Duration(s.Done-s.Began)
	default:
		return "done after " + console.Duration(s.Done-s.Began)
	}
}

// Marks of a strip, each of a part of the time.
const (
	markDelivered = '='
	markRefused   = 'x'
	markBoth      = '%'
	markLost      = '!'
	markNothing   = ' '
	markStep      = '|'
)

// strips draws a line for each stream, in which each column is a part of the time.
func (t *Timeline) strips(p *console.Page) {
	columns := p.Width - nameIndent
	at := func(d time.Duration) int {
		if t.Took <= 0 {
			return 0
		}
		return min(columns-1, int(int64(columns)*int64(d)/int64(t.Took)))
	}
	ruler := []rune(strings.Repeat(" ", columns))
	for i, s := range t.Steps {
		for k, digit := range fmt.Sprint(i + 1) {
			if column := at(s.Began) + k; column < columns {
				ruler[column] = digit
			}
		}
	}
	p.WriteString(strings.TrimRight(strings.Repeat(" ", nameIndent)+string(ruler), " ") + "\n")
	for _, stream := range t.Streams {
		marks := []rune(strings.Repeat(string(markNothing), columns))
		for _, m := range stream.Messages {
			if m.Ended > t.Took {
				continue
			}
			marks[at(m.Began)] = joined(marks[at(m.Began)], m.Fate)
		}
		for _, s := range t.Steps {
			if marks[at(s.Began)] == markNothing {
				marks[at(s.Began)] = markStep
			}
		}
		name := stream.Name
		name = name[:console.Fit(name, nameIndent-len(margin))]
		p.WriteString(console.Pad(name, nameIndent) + strings.TrimRight(string(marks), " ") + "\n")
	}
	c := Count(t.Streams...)
	p.WriteString("\n")
	legend := fmt.Sprintf("= delivered %d   x refused %d   ! lost %d   sent again %d   taken twice %d",
		c.Delivered, c.Refused, c.Lost, c.Again, c.Doubled)
	p.WriteString(legend + "\n\n")
}

// joined is the mark of a column in which there is one message more.
func joined(mark rune, fate Fate) rune {
	of := map[Fate]rune{Delivered: markDelivered, Refused: markRefused, Lost: markLost}[fate]
	switch {
	case mark == markNothing || mark == of:
		return of
	case mark == markLost || of == markLost:
		return markLost
	default:
		return markBoth
	}
}

// told lists the claims: those that do not hold, each with what was seen and what it means.
func (t *Timeline) told(p *console.Page, o Options) {
	shown := false
	for _, c := range t.Claims {
		switch {
		case c.Held && o.Verbose:
			p.Rows(margin+"holds", timeIndent, console.Green, console.Wrap(c.Says+seen(c.Saw), p.Width-timeIndent))
		case c.Held:
			continue
		case c.Void != "":
			p.Rows(margin+"unclear", timeIndent, console.Yellow, console.Wrap(c.Says+seen(c.Saw), p.Width-timeIndent))
			p.Rows("", timeIndent, "", console.Wrap(c.Void, p.Width-timeIndent))
		default:
			p.Rows(margin+"fails", timeIndent, console.Red, console.Wrap(c.Says+seen(c.Saw), p.Width-timeIndent))
			p.Rows("", timeIndent, "", console.Wrap(c.Mean, p.Width-timeIndent))
		}
		shown = true
	}
	if shown {
		p.WriteString("\n")
	}
}

func seen(saw string) string {
	if saw == "" {
		return ""
	}
	return "; seen: " + wire.Printable(saw)
}
