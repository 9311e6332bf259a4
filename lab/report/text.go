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
	LeastWidth  = 60
	NameWidth   = 11 // "complaint", "isolation"
	labelWidth  = 14 // "  client saw  "
	StatusWidth = 14 // "inconclusive  "
)

// Text writes the audit for a person: who gets in, in a table by attacker; the answers to
// what people ask first; then what is wrong, gravest first, each fault once however many
// cases show it, with both sides' account of the first and the command that repeats it; what
// is void, known or untried, each reason once; complaints; and a last line that begins with
// PASS, FAIL or INCONCLUSIVE. If Verbose, what is told in a line is shown in full, and there
// is a line for every finding. The error is the writer's.
func Text(w io.Writer, a finding.Audit, o Options) error {
	p := &page{console.Page{Width: max(LeastWidth, cmp.Or(o.Width, console.DefaultWidth)), Color: o.Color}}
	p.head(a)
	p.who(a)
	p.answers(a.Answers)
	if a.Product != nil && a.Product.Hint != "" && a.Count(finding.Failed) > 0 {
		p.WriteByte('\n')
		p.Row("hint", NameWidth, "", wire.Printable(a.Product.Hint), 0)
	}
	if a.Product != nil {
		for _, note := range a.Product.Notes {
			p.WriteByte('\n')
			p.Row("note", NameWidth, "", wire.Printable(note), 0)
		}
	}
	for _, part := range Reports(a) {
		p.WriteByte('\n')
		p.Row(part.Label, NameWidth, "", wire.Printable(part.Text), 0)
	}
	p.incidents(a.Incidents)
	p.faults(a, o.Verbose)
	for i, f := range a.Controls {
		if f.Status != finding.Passed {
			p.problem(a.Control(i))
		}
	}
	if o.Verbose {
		p.everything(a)
	}
	p.WriteByte('\n')
	p.reasons("void", a.Findings, func(f finding.Finding) string {
		if f.Shown() != finding.Inconclusive {
			return ""
		}
		return cmp.Or(f.Means, finding.NothingShown)
	})
	p.reasons("known", a.Findings, finding.Finding.Accepted)
	p.reasons("untried", a.Findings, func(f finding.Finding) string {
		if f.Status != finding.Untried {
			return ""
		}
		return cmp.Or(f.Means, finding.NoWay)
	})
	for _, complaint := range a.Complaints {
		p.Row("complaint", NameWidth, "", wire.Printable(complaint), 0)
	}
	if why := a.Uncontrolled(); why != "" {
		p.Row(Void(a), NameWidth, "", why, 0)
	}
	if !a.Isolated {
		p.Row("isolation", NameWidth, "", "not proven on "+finding.Or(a.Runtime, "an unnamed runtime"), 0)
	}
	p.verdict(a)
	_, err := w.Write(p.Bytes())
	return err
}

// everything is a line for each control and each finding.
func (p *page) everything(a finding.Audit) {
	p.WriteByte('\n')
	for i := range a.Controls {
		p.finding(a.Control(i))
	}
	for _, f := range finding.Ordered(a.Findings) {
		p.finding(f)
	}
}

// Void names what is uncontrolled or unproven.
func Void(a finding.Audit) string {
	if a.Broke != "" {
		return "broke"
	}
	return "controls"
}

// page is an audit for people.
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
	subject := fmt.Sprintf("%s %s", finding.Or(string(a.Role), "peer"), finding.Or(a.Subject, "without a name"))
	p.Row("audit", NameWidth, "", subject, 0)
	if a.Product != nil {
		p.Row("product", NameWidth, "", product(*a.Product), 0)
	}
	profile := finding.Or(string(a.Profile), "unnamed")
	if a.Because != "" {
		profile += ", " + wire.Printable(a.Because)
	}
	p.Row("profile", NameWidth, "", profile, 0)
	whole := finding.Group{Findings: a.Findings}
	p.Row("", NameWidth, "", fmt.Sprintf("on %s; %s, %s; %d of %s delivered",
		finding.Or(a.Runtime, "an unnamed runtime"), console.Plural(whole.Cases(), "case"),
		console.Plural(len(a.Findings), "finding"), a.Delivered(), console.Plural(len(a.Controls), "control")), 0)
	p.WriteByte('\n')
}

// product names somebody else's image in a line.
func product(p finding.Product) string {
	text := finding.Or(p.Name, "without a name")
	if p.Version != "" {
		text += ", " + wire.Printable(p.Version)
	}
	if p.Digest != "" {
		text += ", " + ShortDigest(p.Digest)
	}
	return text
}

// ShortDigest is enough of a digest for a person to tell images apart.
func ShortDigest(digest string) string {
	const digits = 12
	algorithm, sum, ok := strings.Cut(wire.Printable(digest), ":")
	if !ok {
		algorithm, sum = "", algorithm
	} else {
		algorithm += ":"
	}
	return algorithm + sum[:console.Fit(sum, digits)]
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
	p.Row(string(s), StatusWidth, styles[s], text, f.Took)
}

func (p *page) problem(f finding.Finding) {
	s := f.Shown()
	p.WriteByte('\n')
	p.Row(string(s), labelWidth, styles[s], f.Title(), 0)
	p.parts(f, "")
}

// parts are what a person needs to act on a finding, but for what was said already.
func (p *page) parts(f finding.Finding, said string) {
	for _, part := range f.Parts() {
		if part.Text == said {
			continue
		}
		if part.Label == "repeat" {
			p.Command("  "+part.Label, labelWidth, part.Text)
			continue
		}
		p.Rows("  "+part.Label, labelWidth, "", console.Wrap(part.Text, p.Width-labelWidth))
	}
}

// reasons says, once for each, for what reason findings are as they are, and how many.
func (p *page) reasons(label string, findings []finding.Finding, of func(finding.Finding) string) {
	count := map[string]int{}
	var reasons []string
	for _, f := range findings {
		why := of(f)
		if why == "" {
			continue
		}
		if count[why]++; count[why] == 1 {
			reasons = append(reasons, why)
		}
	}
	for _, why := range reasons {
		p.Row(
			label,
			NameWidth,
			"",
			fmt.Sprintf("%s: %s", console.Plural(count[why], "finding"), wire.Printable(why)),
			0,
		)
	}
}

// VerdictOf is what an audit with that verdict ends in.
func VerdictOf(s finding.Status) string { return verdicts[s] }

var verdicts = map[finding.Status]string{
	finding.Passed:       "PASS",
	finding.Failed:       "FAIL",
	finding.Inconclusive: "INCONCLUSIVE",
}

// verdict prints the last line, which is one line whatever the counts.
func (p *page) verdict(a finding.Audit) {
	s := a.Verdict()
	said := a.Sum()
	if n := len(a.Complaints); n > 0 {
		said = append(said, console.Plural(n, "complaint"))
	}
	line := func() string {
		return verdicts[s] + ": " + strings.Join(said, "; ") + " in " + console.Duration(a.Took)
	}
	for len(said) > 1 && console.Columns(line()) > p.Width {
		said = said[:len(said)-1]
	}
	p.WriteString(p.Paint(styles[s], verdicts[s]) + strings.TrimPrefix(line(), verdicts[s]) + "\n")
}
