package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/finding"
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

// fullProblems is how many problems of a group are shown in full unless all are
// asked for: a server that lets everybody in has hundreds, which say the same.
const fullProblems = 3

// Text writes the audit for a person: a table by group; of what failed or is
// inconclusive what each side saw, what it means, where it is written and the
// command that repeats just that case, for the first three of each group or, if
// Verbose, all; complaints; and a last line that begins with PASS, FAIL or
// INCONCLUSIVE. The error is the writer's.
func Text(w io.Writer, a finding.Audit, o Options) error {
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
	p.problems(findings, finding.Failed, o.Verbose)
	for i, f := range a.Controls {
		if f.Status != finding.Passed {
			p.problem(control(a, i))
		}
	}
	p.problems(findings, finding.Inconclusive, o.Verbose)
	p.WriteByte('\n')
	if a.Product != nil && a.Product.Hint != "" && a.Count(finding.Failed) > 0 {
		p.row("hint", nameWidth, "", wire.Printable(a.Product.Hint), 0)
	}
	p.untried(findings)
	for _, complaint := range a.Complaints {
		p.row("complaint", nameWidth, "", wire.Printable(complaint), 0)
	}
	if why := uncontrolled(a); why != "" {
		p.row(void(a), nameWidth, "", why, 0)
	}
	if !a.Isolated {
		p.row("isolation", nameWidth, "", "not proven on "+or(a.Runtime, "an unnamed runtime"), 0)
	}
	p.verdict(a)
	_, err := w.Write(p.Bytes())
	return err
}

// void names what is uncontrolled or unproven.
func void(a finding.Audit) string {
	if a.Broke != "" {
		return "broke"
	}
	return "controls"
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

var styles = map[finding.Status]style{
	finding.Passed:       green,
	finding.Failed:       red,
	finding.Inconclusive: yellow,
	finding.Waived:       yellow,
}

func (p *page) paint(s style, text string) string {
	if !p.color || s == "" || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// row prints a name, a text in the room beside it and, unless it is zero, a time.
func (p *page) row(name string, indent int, s style, text string, took time.Duration) {
	if took <= 0 {
		p.rows(name, indent, s, Wrap(text, p.width-indent))
		return
	}
	stamp := fmt.Sprintf("%*s", timeWidth, "  "+Duration(took))
	room := p.width - indent - len(stamp)
	lines := Wrap(text, room)
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

func (p *page) head(a finding.Audit) {
	p.row("audit", nameWidth, "", fmt.Sprintf("%s %s", or(string(a.Role), "peer"), or(a.Subject, "without a name")), 0)
	whole := group{findings: a.Findings}
	p.row("", nameWidth, "", fmt.Sprintf("profile %s on %s; %s, %s; %d of %s delivered",
		or(string(a.Profile), "unnamed"), or(a.Runtime, "an unnamed runtime"),
		plural(whole.cases(), "case"), plural(len(a.Findings), "finding"),
		delivered(a), plural(len(a.Controls), "control")), 0)
	if a.Product != nil {
		p.row("product", nameWidth, "", product(*a.Product), 0)
	}
	p.WriteByte('\n')
}

// delivered is how many controls were.
func delivered(a finding.Audit) int { return finding.Audit{Findings: a.Controls}.Count(finding.Passed) }

// product names somebody else's image in a line.
func product(p finding.Product) string {
	text := or(p.Name, "without a name")
	if p.Version != "" {
		text += ", " + wire.Printable(p.Version)
	}
	if p.Digest != "" {
		text += ", " + shortDigest(p.Digest)
	}
	return text
}

// shortDigest is enough of a digest for a person to tell images apart.
func shortDigest(digest string) string {
	const digits = 12
	algorithm, sum, ok := strings.Cut(wire.Printable(digest), ":")
	if !ok {
		algorithm, sum = "", algorithm
	} else {
		algorithm += ":"
	}
	return algorithm + sum[:fit(sum, digits)]
}

// table prints how many cases each group has, and how many findings of each
// status: a case makes one finding a version. Few peers leave anything untried, so
// that column is there only if it has something to say.
func (p *page) table(all []group) {
	total := group{name: "all"}
	broad := len("group")
	for _, g := range all {
		total.findings = append(total.findings, g.findings...)
		broad = max(broad, columnsOf(wire.Printable(g.name)))
	}
	counted := []finding.Status{finding.Passed, finding.Failed, finding.Inconclusive, finding.Waived}
	if total.count(finding.Untried) > 0 {
		counted = append(counted, finding.Untried)
	}
	const gap = 2
	words := []string{"", "cases"}
	for _, s := range counted {
		words = append(words, string(s))
	}
	head := strings.Join(words, "  ")
	broad = min(broad, p.width-len(head))
	p.rows("group", broad, "", []string{head})
	for _, g := range append(all, total) {
		cells := fmt.Sprintf("%*d", gap+len("cases"), g.cases())
		for _, s := range counted {
			cells += p.cell(g, s, gap+len(s))
		}
		for _, name := range Wrap(wire.Printable(g.name), broad) {
			p.rows(name, broad, "", []string{cells})
			cells = ""
		}
	}
}

// cell is a count, coloured if it is one to look at.
func (p *page) cell(g group, s finding.Status, columns int) string {
	n := g.count(s)
	text := fmt.Sprintf("%*d", columns, n)
	if n == 0 {
		return text
	}
	if s == finding.Passed {
		return text
	}
	return p.paint(styles[s], text)
}

// finding is all of one in a line or, if it is long, a few.
func (p *page) finding(f finding.Finding) {
	text := title(f) + ": " + outcome(f)
	switch f.Status {
	case finding.Waived:
		text += "; " + or(f.Waiver, "no reason given")
	case finding.Untried:
		text = title(f) + ": " + or(f.Means, unreachable)
	}
	s := status(f)
	p.row(string(s), statusWidth, styles[s], text, f.Took)
}

// problems shows the findings of that status, or the first few of each group.
func (p *page) problems(findings []finding.Finding, s finding.Status, all bool) {
	for _, g := range groups(findings) {
		n := 0
		for _, f := range g.findings {
			if status(f) != s {
				continue
			}
			if n++; all || n <= fullProblems {
				p.problem(f)
			}
		}
		if more := n - fullProblems; more > 0 && !all {
			p.WriteByte('\n')
			p.row(
				string(s),
				statusWidth,
				styles[s],
				fmt.Sprintf("%d more in %s; -v shows them", more, or(g.name, "no group")),
				0,
			)
		}
	}
}

// untried says, once for each reason, what could not be tried.
func (p *page) untried(findings []finding.Finding) {
	count := map[string]int{}
	var reasons []string
	for _, f := range findings {
		if f.Status != finding.Untried {
			continue
		}
		why := or(f.Means, unreachable)
		if count[why]++; count[why] == 1 {
			reasons = append(reasons, why)
		}
	}
	for _, why := range reasons {
		p.row("untried", nameWidth, "", fmt.Sprintf("%s: %s", plural(count[why], "finding"), why), 0)
	}
}

func (p *page) problem(f finding.Finding) {
	s := status(f)
	p.WriteByte('\n')
	p.row(string(s), statusWidth, styles[s], title(f), 0)
	for _, part := range accounts(f) {
		if part.label == "repeat" {
			p.command("  "+part.label, labelWidth, part.text)
			continue
		}
		p.rows("  "+part.label, labelWidth, "", Wrap(part.text, p.width-labelWidth))
	}
}

// command prints a command to be pasted, below its label if it needs the room.
func (p *page) command(label string, indent int, command string) {
	lines, whole := wrapCommand(command, p.width-indent)
	if whole {
		p.rows(label, indent, "", lines)
		return
	}
	lines, _ = wrapCommand(command, p.width)
	p.rows(label, indent, "", []string{""})
	p.rows("", 0, "", lines)
}

var verdicts = map[finding.Status]string{
	finding.Passed:       "PASS",
	finding.Failed:       "FAIL",
	finding.Inconclusive: "INCONCLUSIVE",
}

// verdict prints the last line, which is one line whatever the counts.
func (p *page) verdict(a finding.Audit) {
	s := a.Verdict()
	counts := counts(a)
	if n := len(a.Complaints); n > 0 {
		counts += ", " + plural(n, "complaint")
	}
	in := " in " + Duration(a.Took)
	if columnsOf(verdicts[s]+": "+counts+in) > p.width {
		counts = plural(len(a.Findings), "finding")
	}
	p.WriteString(p.paint(styles[s], verdicts[s]) + ": " + counts + in + "\n")
}

// counts says how many findings there are of each status, if any.
func counts(a finding.Audit) string {
	words := []string{fmt.Sprintf("%d passed", a.Count(finding.Passed))}
	for _, other := range []finding.Status{finding.Failed, finding.Inconclusive, finding.Waived, finding.Untried} {
		if n := a.Count(other); n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, other))
		}
	}
	return strings.Join(words, ", ")
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// Duration is a time for people: a few digits and their unit, ms, s, or min with s.
func Duration(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	case d < 2*time.Minute:
		return fmt.Sprintf("%.2f s", d.Seconds())
	default:
		seconds := int64(d.Round(time.Second) / time.Second)
		return fmt.Sprintf("%d min %d s", seconds/60, seconds%60)
	}
}
