package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Live says how far the audits of many peers have come: on a terminal in a table
// that is redrawn, elsewhere in a line for each peer that is finished. Its methods
// may be called at the same time. A peer is known by any text that is its own, such
// as its role and name. It is not for results; those belong on standard output.
type Live struct {
	Out      io.Writer
	Terminal bool     // whether Out understands control sequences; see [IsTerminal]
	Color    bool     // for terminals only, and not where NO_COLOR is set
	Width    int      // in columns; 80 if 0
	Height   int      // in lines; 24 if 0; see [Size]
	Peers    []string // in the order of their lines; one that is not among them comes last

	mu    sync.Mutex
	lines []liveLine
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

type liveLine struct {
	peer  string
	phase phase
	text  string
	style style
}

const defaultHeight = 24

// Update says that done of total findings are made; the peer is starting as long as
// there is no total. A writer that fails is not worth failing an audit for.
func (l *Live) Update(peer string, done, total int) {
	text := "starting"
	if total > 0 {
		done = min(max(done, 0), total)
		text = fmt.Sprintf("%3d %%  %d of %d", done*100/total, done, total)
	}
	l.set(liveLine{peer: peer, phase: running, text: text}, "")
}

// Done says that the peer's audit is finished.
func (l *Live) Done(peer string, a finding.Audit) {
	verdict := a.Verdict()
	text := counts(a)
	if !a.Controlled() {
		text += ", without controls"
	}
	l.set(liveLine{peer: peer, phase: finished, text: "done   " + text, style: styles[verdict]},
		fmt.Sprintf("%s: %s in %s", verdict, text, Duration(a.Took)))
}

// Exchanged says that the plain exchanges are over.
func (l *Live) Exchanged(line string, all []finding.Interop) {
	arrived := 0
	for _, c := range all {
		if c.Status == finding.Passed {
			arrived++
		}
	}
	text, verdict := fmt.Sprintf("%d of %d arrived", arrived, len(all)), finding.Passed
	if arrived < len(all) {
		verdict = finding.Failed
	}
	l.set(liveLine{peer: line, phase: finished, text: "done   " + text, style: styles[verdict]}, text)
}

// Broke says that the peer could not be audited, and why.
func (l *Live) Broke(peer string, err error) {
	text := "broke: " + wire.Printable(err.Error())
	l.set(liveLine{peer: peer, phase: broke, text: text, style: red}, text)
}

// Clear takes the table away, before anything else is printed.
func (l *Live) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.drawn > 0 {
		_, _ = io.WriteString(l.Out, l.home()+"\x1b[J") // all below, too (ECMA-48, 8.3.39)
		l.drawn = 0
	}
}

// set has a line say something else; plain is for where lines are not redrawn.
func (l *Live) set(line liveLine, plain string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begin()
	i := slices.IndexFunc(l.lines, func(o liveLine) bool { return o.peer == line.peer })
	if i < 0 {
		i = len(l.lines)
		l.lines = append(l.lines, liveLine{})
	}
	was := l.lines[i]
	// An update that comes late must not bring back a peer that is finished.
	if line.phase == running && (was.phase == finished || was.phase == broke) {
		return
	}
	l.lines[i] = line
	switch {
	case l.Terminal && (line != was || l.drawn == 0):
		l.draw()
	case !l.Terminal && plain != "":
		_, _ = fmt.Fprintln(l.Out, wire.Printable(line.peer)+"  "+plain)
	}
}

// begin has every peer wait.
func (l *Live) begin() {
	if l.lines != nil {
		return
	}
	for _, peer := range l.Peers {
		l.lines = append(l.lines, liveLine{peer: peer, phase: waiting, text: "waiting"})
	}
}

// home takes the cursor to where the table begins (ECMA-48, 8.3.22).
func (l *Live) home() string {
	if l.drawn == 0 {
		return ""
	}
	return fmt.Sprintf("\r\x1b[%dA", l.drawn)
}

// draw writes the whole table at once, so that none is seen in part.
func (l *Live) draw() {
	var out bytes.Buffer
	out.WriteString(l.home())
	shown, rest := l.fitting()
	broad := 0
	for _, line := range shown {
		broad = max(broad, columnsOf(wire.Printable(line.peer)))
	}
	// A character in the last column makes some terminals begin a new line.
	width := max(1, cmp.Or(l.Width, defaultWidth)-1)
	broad = min(broad, width/2)
	p := page{color: l.Color}
	for _, line := range shown {
		name := wire.Printable(line.peer)
		name = pad(name[:fit(name, max(1, broad))], broad)
		room := max(1, width-columnsOf(name)-2)
		out.WriteString("\x1b[K" + name + "  " + p.paint(line.style, line.text[:fit(line.text, room)]) + "\n")
	}
	drawn := len(shown)
	if rest != "" {
		out.WriteString("\x1b[K" + rest[:fit(rest, width)] + "\n")
		drawn++
	}
	out.WriteString("\x1b[J")
	l.drawn = drawn
	_, _ = l.Out.Write(out.Bytes())
}

// fitting returns the lines that the terminal has room for, in their order, and what
// to say of the others. What scrolls away can be redrawn no more.
func (l *Live) fitting() (shown []liveLine, rest string) {
	room := max(2, cmp.Or(l.Height, defaultHeight)) - 1 // the cursor's
	if len(l.lines) <= room {
		return l.lines, ""
	}
	room-- // for the rest
	hidden := map[phase]int{}
	in := map[int]bool{}
	for _, wanted := range []phase{running, broke, finished, waiting} {
		for i, line := range l.lines {
			switch {
			case line.phase != wanted:
			case len(in) < room:
				in[i] = true
			default:
				hidden[wanted]++
			}
		}
	}
	for i, line := range l.lines {
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
