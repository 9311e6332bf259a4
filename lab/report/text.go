package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/mtlslab/mtlslab/lab/console"
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
	leastWidth  = 60
	nameWidth   = 11 // "complaint", "isolation"
	labelWidth  = 14 // "  client saw  "
	statusWidth = 14 // "inconclusive  "
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
	p := &page{console.Page{Width: max(leastWidth, cmp.Or(o.Width, console.DefaultWidth)), Color: o.Color}}
	p.head(a)
	p.table(finding.Groups(a.Findings))
	findings := finding.Ordered(a.Findings)
	if o.Verbose && len(a.Controls)+len(findings) > 0 {
		p.WriteByte('\n')
		for i := range a.Controls {
			p.finding(a.Control(i))
		}
		for _, f := range findings {
			p.finding(f)
		}
	}
	p.problems(findings, finding.Failed, o.Verbose)
	for i, f := range a.Controls {
		if f.Status != finding.Passed {
			p.problem(a.Control(i))
		}
	}
	p.problems(findings, finding.Inconclusive, o.Verbose)
	p.WriteByte('\n')
	if a.Product != nil && a.Product.Hint != "" && a.Count(finding.Failed) > 0 {
		p.Row("hint", nameWidth, "", wire.Printable(a.Product.Hint), 0)
	}
	p.untried(findings)
	for _, complaint := range a.Complaints {
		p.Row("complaint", nameWidth, "", wire.Printable(complaint), 0)
	}
	if why := a.Uncontrolled(); why != "" {
		p.Row(void(a), nameWidth, "", why, 0)
	}
	if !a.Isolated {
		p.Row("isolation", nameWidth, "", "not proven on "+finding.Or(a.Runtime, "an unnamed runtime"), 0)
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

// page is an audit, or a scorecard, for people.
type page struct{ console.Page }

// StyleOf is how a status is shown.
func StyleOf(s finding.Status) console.Style { return styles[s] }

var styles = map[finding.Status]console.Style{
	finding.Passed:       console.Green,
	finding.Failed:       console.Red,
	finding.Inconclusive: console.Yellow,
	finding.Waived:       console.Yellow,
}

func (p *page) head(a finding.Audit) {
	p.Row(
		"audit",
		nameWidth,
		"",
		fmt.Sprintf("%s %s", finding.Or(string(a.Role), "peer"), finding.Or(a.Subject, "without a name")),
		0,
	)
	whole := finding.Group{Findings: a.Findings}
	p.Row("", nameWidth, "", fmt.Sprintf("profile %s on %s; %s, %s; %d of %s delivered",
		finding.Or(string(a.Profile), "unnamed"), finding.Or(a.Runtime, "an unnamed runtime"),
		console.Plural(whole.Cases(), "case"), console.Plural(len(a.Findings), "finding"),
		a.Delivered(), console.Plural(len(a.Controls), "control")), 0)
	if a.Product != nil {
		p.Row("product", nameWidth, "", product(*a.Product), 0)
	}
	p.WriteByte('\n')
}

// product names somebody else's image in a line.
func product(p finding.Product) string {
	text := finding.Or(p.Name, "without a name")
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
	return algorithm + sum[:console.Fit(sum, digits)]
}

// table prints how many cases each group has, and how many findings of each
// status: a case makes one finding a version. Few peers leave anything untried, so
// that column is there only if it has something to say.
func (p *page) table(all []finding.Group) {
	total := finding.Group{Name: "all"}
	broad := len("group")
	for _, g := range all {
		total.Findings = append(total.Findings, g.Findings...)
		broad = max(broad, console.Columns(wire.Printable(g.Name)))
	}
	counted := []finding.Status{finding.Passed, finding.Failed, finding.Inconclusive, finding.Waived}
	if total.Count(finding.Untried) > 0 {
		counted = append(counted, finding.Untried)
	}
	const gap = 2
	words := []string{"", "cases"}
	for _, s := range counted {
		words = append(words, string(s))
	}
	head := strings.Join(words, "  ")
	broad = min(broad, p.Width-len(head))
	p.Rows("group", broad, "", []string{head})
	for _, g := range append(all, total) {
		cells := fmt.Sprintf("%*d", gap+len("cases"), g.Cases())
		for _, s := range counted {
			cells += p.cell(g, s, gap+len(s))
		}
		for _, name := range console.Wrap(wire.Printable(g.Name), broad) {
			p.Rows(name, broad, "", []string{cells})
			cells = ""
		}
	}
}

// cell is a count, coloured if it is one to look at.
func (p *page) cell(g finding.Group, s finding.Status, columns int) string {
	n := g.Count(s)
	text := fmt.Sprintf("%*d", columns, n)
	if n == 0 {
		return text
	}
	if s == finding.Passed {
		return text
	}
	return p.Paint(styles[s], text)
}

// finding is all of one in a line or, if it is long, a few.
func (p *page) finding(f finding.Finding) {
	text := f.Title() + ": " + f.Outcome()
	switch f.Status {
	case finding.Waived:
		text += "; " + finding.Or(f.Waiver, "no reason given")
	case finding.Untried:
		text = f.Title() + ": " + finding.Or(f.Means, finding.NoWay)
	}
	s := f.Shown()
	p.Row(string(s), statusWidth, styles[s], text, f.Took)
}

// problems shows the findings of that status, or the first few of each group.
func (p *page) problems(findings []finding.Finding, s finding.Status, all bool) {
	for _, g := range finding.Groups(findings) {
		n := 0
		for _, f := range g.Findings {
			if f.Shown() != s {
				continue
			}
			if n++; all || n <= fullProblems {
				p.problem(f)
			}
		}
		if more := n - fullProblems; more > 0 && !all {
			p.WriteByte('\n')
			p.Row(
				string(s),
				statusWidth,
				styles[s],
				fmt.Sprintf("%d more in %s; -v shows them", more, finding.Or(g.Name, "no group")),
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
		why := finding.Or(f.Means, finding.NoWay)
		if count[why]++; count[why] == 1 {
			reasons = append(reasons, why)
		}
	}
	for _, why := range reasons {
		p.Row("untried", nameWidth, "", fmt.Sprintf("%s: %s", console.Plural(count[why], "finding"), why), 0)
	}
}

func (p *page) problem(f finding.Finding) {
	s := f.Shown()
	p.WriteByte('\n')
	p.Row(string(s), statusWidth, styles[s], f.Title(), 0)
	for _, part := range f.Parts() {
		if part.Label == "repeat" {
			p.Command("  "+part.Label, labelWidth, part.Text)
			continue
		}
		p.Rows("  "+part.Label, labelWidth, "", console.Wrap(part.Text, p.Width-labelWidth))
	}
}

var verdicts = map[finding.Status]string{
	finding.Passed:       "PASS",
	finding.Failed:       "FAIL",
	finding.Inconclusive: "INCONCLUSIVE",
}

// verdict prints the last line, which is one line whatever the counts.
func (p *page) verdict(a finding.Audit) {
	s := a.Verdict()
	counts := a.Sum()
	if n := len(a.Complaints); n > 0 {
		counts += ", " + console.Plural(n, "complaint")
	}
	in := " in " + console.Duration(a.Took)
	if console.Columns(verdicts[s]+": "+counts+in) > p.Width {
		counts = console.Plural(len(a.Findings), "finding")
	}
	p.WriteString(p.Paint(styles[s], verdicts[s]) + ": " + counts + in + "\n")
}
