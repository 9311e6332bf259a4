package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Options are how text is laid out. The zero value is plain and 80 columns wide.
type Options struct {
	Verbose bool // a line for every finding, too
	Color   bool // for terminals only, and not where NO_COLOR is set
	Width   int  // in columns; 80 if 0, and never less than 60
}

// Columns of the parts of a line.
const (
	defaultWidth = 80
	leastWidth   = 60
	nameWidth    = 11 // "complaint", "isolation"
	labelWidth   = 14 // "  client saw  "
	statusWidth  = 14 // "inconclusive  "
	timeWidth    = 10 // "   12.34 s"
)

// Text writes the audit for a person: a table by group; of every failure and of
// all that is inconclusive what each side saw, what it means, where it is written
// and the command that repeats just that case; complaints; and a last line that
// begins with PASS, FAIL or INCONCLUSIVE. The error is the writer's.
func Text(w io.Writer, a cases.Audit, o Options) error {
	p := &page{width: max(leastWidth, cmp.Or(o.Width, defaultWidth)), color: o.Color}
	p.head(a)
	p.table(groups(a.Findings))
	findings := ordered(a.Findings)
	if o.Verbose && len(a.Controls)+len(findings) > 0 {
		p.WriteByte('\n')
		for i := range a.Controls {
			p.finding(control(a, i))
		}
		for _, f := range findings {
			p.finding(f)
		}
	}
	p.problems(findings, cases.Failed)
	for i, f := range a.Controls {
		if f.Status != cases.Passed {
			p.problem(control(a, i))
		}
	}
	p.problems(findings, cases.Inconclusive)
	p.WriteByte('\n')
	for _, complaint := range a.Complaints {
		p.row("complaint", nameWidth, "", wire.Printable(complaint), 0)
	}
	if why := uncontrolled(a); why != "" {
		p.row("controls", nameWidth, "", why, 0)
	}
	if !a.Isolated {
		p.row("isolation", nameWidth, "", "not proven on "+or(a.Runtime, "an unnamed runtime"), 0)
	}
	p.verdict(a)
	_, err := w.Write(p.Bytes())
	return err
}

// page is text of a width in the making.
type page struct {
	bytes.Buffer
	width int
	color bool
}

// style is how a terminal shows something, as the parameter of SGR (ECMA-48, 8.3.117).
type style string

const (
	red    style = "31"
	green  style = "32"
	yellow style = "33"
)

var styles = map[cases.Status]style{cases.Passed: green, cases.Failed: red, cases.Inconclusive: yellow, cases.Waived: yellow}

func (p *page) paint(s style, text string) string {
	if !p.color || s == "" || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// row prints a name, a text in the room beside it and, unless it is zero, a time.
func (p *page) row(name string, indent int, s style, text string, took time.Duration) {
	if took <= 0 {
		p.rows(name, indent, s, wrap(text, p.width-indent))
		return
	}
	stamp := fmt.Sprintf("%*s", timeWidth, "  "+duration(took))
	room := p.width - indent - len(stamp)
	lines := wrap(text, room)
	lines[0] = pad(lines[0], room) + stamp
	p.rows(name, indent, s, lines)
}

// rows prints a name with the lines beside it.
func (p *page) rows(name string, indent int, s style, lines []string) {
	for _, line := range lines {
		gap := strings.Repeat(" ", max(0, indent-columnsOf(name)))
		p.WriteString(strings.TrimRight(p.paint(s, name)+gap+line, " ") + "\n")
		name = ""
	}
}

func (p *page) head(a cases.Audit) {
	p.row("audit", nameWidth, "", fmt.Sprintf("%s %s", or(string(a.Role), "peer"), or(a.Subject, "without a name")), 0)
	delivered := 0
	for _, f := range a.Controls {
		if f.Status == cases.Passed {
			delivered++
		}
	}
	whole := group{findings: a.Findings}
	p.row("", nameWidth, "", fmt.Sprintf("profile %s on %s; %s, %s; %d of %s delivered",
		or(string(a.Profile), "unnamed"), or(a.Runtime, "an unnamed runtime"),
		plural(whole.cases(), "case"), plural(len(a.Findings), "finding"),
		delivered, plural(len(a.Controls), "control")), 0)
	p.WriteByte('\n')
}

// table prints how many cases each group has, and how many findings of each
// status: a case makes one finding a version.
func (p *page) table(all []group) {
	const numbers = 7 + 8 + 8 + 14 + 8
	head := []string{"cases", "passed", "failed", "inconclusive", "waived"}
	total := group{name: "all"}
	broad := len("group")
	for _, g := range all {
		total.findings = append(total.findings, g.findings...)
		broad = max(broad, columnsOf(wire.Printable(g.name)))
	}
	broad = min(broad, p.width-numbers)
	p.rows("group", broad, "", []string{fmt.Sprintf("%7s%8s%8s%14s%8s", head[0], head[1], head[2], head[3], head[4])})
	for _, g := range append(all, total) {
		cells := fmt.Sprintf("%7d%8d", g.cases(), g.count(cases.Passed)) +
			p.cell(g, cases.Failed, 8) + p.cell(g, cases.Inconclusive, 14) + p.cell(g, cases.Waived, 8)
		for _, name := range wrap(wire.Printable(g.name), broad) {
			p.rows(name, broad, "", []string{cells})
			cells = ""
		}
	}
}

// cell is a count, coloured if it is one to look at.
func (p *page) cell(g group, s cases.Status, columns int) string {
	n := g.count(s)
	text := fmt.Sprintf("%*d", columns, n)
	if n == 0 {
		return text
	}
	return p.paint(styles[s], text)
}

// finding is all of one in a line or, if it is long, a few.
func (p *page) finding(f cases.Finding) {
	text := title(f) + ": " + outcome(f)
	if f.Status == cases.Waived {
		text += "; " + or(f.Waiver, "no reason given")
	}
	s := status(f)
	p.row(string(s), statusWidth, styles[s], text, f.Took)
}

// problems shows the findings of that status.
func (p *page) problems(findings []cases.Finding, s cases.Status) {
	for _, f := range findings {
		if status(f) == s {
			p.problem(f)
		}
	}
}

func (p *page) problem(f cases.Finding) {
	s := status(f)
	p.WriteByte('\n')
	p.row(string(s), statusWidth, styles[s], title(f), 0)
	for _, part := range accounts(f) {
		if part.label == "repeat" {
			p.command(part)
			continue
		}
		p.rows("  "+part.label, labelWidth, "", wrap(part.text, p.width-labelWidth))
	}
}

// command prints a command to be pasted, below its label if it needs the room.
func (p *page) command(part account) {
	lines, whole := wrapCommand(part.text, p.width-labelWidth)
	if whole {
		p.rows("  "+part.label, labelWidth, "", lines)
		return
	}
	lines, _ = wrapCommand(part.text, p.width)
	p.rows("  "+part.label, labelWidth, "", []string{""})
	p.rows("", 0, "", lines)
}

var verdicts = map[cases.Status]string{cases.Passed: "PASS", cases.Failed: "FAIL", cases.Inconclusive: "INCONCLUSIVE"}

// verdict prints the last line, which is one line whatever the counts.
func (p *page) verdict(a cases.Audit) {
	s := a.Verdict()
	counts := fmt.Sprintf("%d passed", a.Count(cases.Passed))
	for _, other := range []cases.Status{cases.Failed, cases.Inconclusive, cases.Waived} {
		if n := a.Count(other); n > 0 {
			counts += fmt.Sprintf(", %d %s", n, other)
		}
	}
	if n := len(a.Complaints); n > 0 {
		counts += ", " + plural(n, "complaint")
	}
	in := " in " + duration(a.Took)
	if columnsOf(verdicts[s]+": "+counts+in) > p.width {
		counts = plural(len(a.Findings), "finding")
	}
	p.WriteString(p.paint(styles[s], verdicts[s]) + ": " + counts + in + "\n")
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// duration is a time for people: three digits or so, and a unit.
func duration(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	default:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
}
