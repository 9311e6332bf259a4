package console

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// Board says how far the audits of many peers have come: on a terminal in a table
// that is redrawn, elsewhere in a line for each peer that is finished. Its methods
// may be called at the same time. A peer is known by any text that is its own, such
// as its role and name. It is not for results; those belong on standard output.
type Board struct {
	Out      io.Writer
	Terminal bool     // whether Out understands control sequences; see [IsTerminal]
	Color    bool     // for terminals only, and not where NO_COLOR is set
	Width    int      // in columns; 80 if 0
	Height   int      // in lines; 24 if 0; see [Size]
	Peers    []string // in the order of their lines; one that is not among them comes last

	mu    sync.Mutex
	lines []boardLine
	drawn int // how many lines are there
}

// phase is how far an audit is. Where not all fit, what is under way is shown first,
// then what went wrong.
type phase int

const (
	running phase = iota
	broke
	finished
	waiting
)

type boardLine struct {
	peer  string
	phase phase
	text  string
	style Style
}

const defaultHeight = 24

// Update says that done of total findings are made; the peer is starting as long as
// there is no total. A writer that fails is not worth failing an audit for.
func (b *Board) Update(peer string, done, total int) {
	text := "starting"
	if total > 0 {
		done = min(max(done, 0), total)
		text = fmt.Sprintf("%3d %%  %d of %d", done*100/total, done, total)
	}
	b.set(boardLine{peer: peer, phase: running, text: text}, "")
}

// Done says how it ended for a peer. Elsewhere than on a terminal plain is printed in
// place of the text.
func (b *Board) Done(peer, text, plain string, s Style) {
	b.set(boardLine{peer: peer, phase: finished, text: "done   " + text, style: s}, plain)
}

// Broke says why a peer could not be tried.
func (b *Board) Broke(peer string, err error) {
	text := "broke: " + wire.Printable(err.Error())
	b.set(boardLine{peer: peer, phase: broke, text: text, style: Red}, text)
}

// Clear takes the table away, before anything else is printed.
func (b *Board) Clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.drawn > 0 {
		_, _ = io.WriteString(b.Out, b.home()+"\x1b[J") // all below, too (ECMA-48, 8.3.39)
		b.drawn = 0
	}
}

// set has a line say something else; plain is for where lines are not redrawn.
func (b *Board) set(line boardLine, plain string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.begin()
	i := slices.IndexFunc(b.lines, func(o boardLine) bool { return o.peer == line.peer })
	if i < 0 {
		i = len(b.lines)
		b.lines = append(b.lines, boardLine{})
	}
	was := b.lines[i]
	// An update that comes late must not bring back a peer that is finished.
	if line.phase == running && (was.phase == finished || was.phase == broke) {
		return
	}
	b.lines[i] = line
	switch {
	case b.Terminal && (line != was || b.drawn == 0):
		b.draw()
	case !b.Terminal && plain != "":
		_, _ = fmt.Fprintln(b.Out, wire.Printable(line.peer)+"  "+plain)
	}
}

// begin has every peer wait.
func (b *Board) begin() {
	if b.lines != nil {
		return
	}
	for _, peer := range b.Peers {
		b.lines = append(b.lines, boardLine{peer: peer, phase: waiting, text: "waiting"})
	}
}

// home takes the cursor to where the table begins (ECMA-48, 8.3.22).
func (b *Board) home() string {
	if b.drawn == 0 {
		return ""
	}
	return fmt.Sprintf("\r\x1b[%dA", b.drawn)
}

// draw writes the whole table at once, so that none is seen in part.
func (b *Board) draw() {
	var out bytes.Buffer
	out.WriteString(b.home())
	shown, rest := b.fitting()
	broad := 0
	for _, line := range shown {
		broad = max(broad, Columns(wire.Printable(line.peer)))
	}
	// A character in the last column makes some terminals begin a new line.
	width := max(1, cmp.Or(b.Width, DefaultWidth)-1)
	broad = min(broad, width/2)
	p := Page{Color: b.Color}
	for _, line := range shown {
		name := wire.Printable(line.peer)
		name = Pad(name[:Fit(name, max(1, broad))], broad)
		room := max(1, width-Columns(name)-2)
		out.WriteString("\x1b[K" + name + "  " + p.Paint(line.style, line.text[:Fit(line.text, room)]) + "\n")
	}
	drawn := len(shown)
	if rest != "" {
		out.WriteString("\x1b[K" + rest[:Fit(rest, width)] + "\n")
		drawn++
	}
	out.WriteString("\x1b[J")
	b.drawn = drawn
	_, _ = b.Out.Write(out.Bytes())
}

// fitting returns the lines that the terminal has room for, in their order, and what
// to say of the others. What scrolls away can be redrawn no more.
func (b *Board) fitting() (shown []boardLine, rest string) {
	room := max(2, cmp.Or(b.Height, defaultHeight)) - 1 // the cursor's
	if len(b.lines) <= room {
		return b.lines, ""
	}
	room-- // for the rest
	hidden := map[phase]int{}
	in := map[int]bool{}
	for _, wanted := range []phase{running, broke, finished, waiting} {
		for i, line := range b.lines {
			switch {
			case line.phase != wanted:
			case len(in) < room:
				in[i] = true
			default:
				hidden[wanted]++
			}
		}
	}
	for i, line := range b.lines {
		if in[i] {
			shown = append(shown, line)
		}
	}
	var words []string
	for _, count := range []struct {
		phase phase
		word  string
	}{{running, "running"}, {broke, "broke"}, {finished, "done"}, {waiting, "waiting"}} {
		if n := hidden[count.phase]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, count.word))
		}
	}
	return shown, "and " + strings.Join(words, ", ")
}
