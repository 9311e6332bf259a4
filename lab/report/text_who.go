package report

import (
	"fmt"
	"strings"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// whoWidth is the column of an attacker's name, or of what stands in its place.
const whoWidth = 13

// who prints a line for each attacker: how many ways were tried, and how many let him in.
func (p *page) who(a finding.Audit) {
	lines := a.WhoGetsIn()
	if len(lines) == 0 {
		return
	}
	p.Rows("who gets in", whoWidth, "", []string{"tried    in"})
	for _, l := range lines {
		count := fmt.Sprintf("%5d %5d  ", l.Tried, l.In)
		said := saidOf(l)
		style := console.Style("")
		switch {
		case l.In > 0 && l.Demanded:
			style = console.Red
		case l.In > 0:
			style = console.Yellow
		}
		indent := whoWidth + len(count)
		for i, line := range console.Wrap(said, p.Width-indent) {
			if i == 0 {
				p.Rows(string(l.Attacker), whoWidth, "", []string{p.Paint(style, count) + line})
				continue
			}
			p.Rows("", indent, "", []string{line})
		}
	}
	for _, kind := range []finding.IncidentKind{finding.Crash, finding.LockOut, finding.ClockApart} {
		if n := a.CountIncidents(kind); n > 0 {
			p.Rows(string(kind), whoWidth, "", []string{fmt.Sprintf("%5d        told of below", n)})
		}
	}
	whole := a.Whole()
	if whole.Void > 0 {
		p.Rows("void", whoWidth, "", []string{fmt.Sprintf("%5d        of these nothing was shown", whole.Void)})
	}
	if whole.Untried > 0 {
		p.Rows(
			"untried",
			whoWidth,
			"",
			[]string{fmt.Sprintf("%5d        the peer cannot be put into them", whole.Untried)},
		)
	}
}

// saidOf is what a line of the table says beside its numbers.
func saidOf(l finding.Line) string {
	var words []string
	if l.Attacker == cases.Good || l.Attacker == cases.Honest {
		words = append(words, map[cases.Attacker]string{
			cases.Good: "good peers turned away", cases.Honest: "what it says is not so",
		}[l.Attacker])
	} else {
		words = append(words, "holds "+finding.Holds(l.Attacker))
	}
	if l.In > 0 && !l.Demanded {
		words = append(words, "told")
	}
	if l.Accepted > 0 {
		words = append(words, fmt.Sprintf("%d more are known", l.Accepted))
	}
	return strings.Join(words, "; ")
}

// answers are those to what people ask first.
func (p *page) answers(all []finding.Answer) {
	if len(all) == 0 {
		return
	}
	p.WriteByte('\n')
	indent := 0
	for _, a := range all {
		indent = max(indent, console.Columns(a.Question)+2)
	}
	for _, a := range all {
		p.Row(a.Question, indent, "", wire.Printable(a.Answer), 0)
	}
}

// faults shows what is wrong: what fails in full, and what is told in a few lines unless all
// is asked for.
func (p *page) faults(a finding.Audit, all bool) {
	told := false
	for _, f := range a.Faults() {
		label, style, full := "told", console.Yellow, all
		if a.Fails(f.First()) {
			label, style, full = "FAILS", console.Red, true
		}
		if full || !told {
			p.WriteByte('\n')
		}
		p.Row(label, labelWidth, style, string(f.Attacker)+": "+finding.Or(f.Means, "nobody has said of what"), 0)
		if !full {
			told = true
			p.Row("", labelWidth, "", shownBy(f, all), 0)
			continue
		}
		p.Row("  shown by", labelWidth, "", shownBy(f, all), 0)
		p.account(f)
		p.remedies(a.RemediesFor(idsOf(f)))
	}
	p.inVain(a.Remedies)
}

// idsOf are the cases of a fault.
func idsOf(f finding.Fault) (ids []string) {
	for _, c := range f.Cases {
		ids = append(ids, c[0].Case)
	}
	return ids
}

// remedies shows the settings that were seen to help against a fault.
func (p *page) remedies(all []finding.Remedy) {
	for _, r := range all {
		p.Row("  remedy", labelWidth, console.Green, wire.Printable(r.Setting)+"; seen to help"+costOf(r), 0)
		p.Row("", labelWidth, "", wire.Printable(r.Source), 0)
	}
}

// inVain shows the settings that are no remedies, though it was said or hoped.
func (p *page) inVain(all []finding.Remedy) {
	for _, r := range all {
		if r.Works() {
			continue
		}
		p.WriteByte('\n')
		p.Row("no remedy", labelWidth, console.Yellow, wire.Printable(r.Setting), 0)
		p.Row("  because", labelWidth, "", wire.Printable(r.Why()), 0)
	}
}

// incidents shows what became of the peer while it was put to the test.
func (p *page) incidents(all []finding.Incident) {
	for _, i := range all {
		label, style := "told", console.Yellow
		if i.Fails() {
			label, style = "FAILS", console.Red
		}
		p.WriteByte('\n')
		p.Row(label, labelWidth, style, string(i.Kind)+": "+wire.Printable(i.Says), 0)
		if i.Case == "" {
			continue
		}
		title := finding.Finding{Case: i.Case, Version: i.Version}.Title()
		p.Row("  by", labelWidth, "", title+", which takes "+finding.Holds(i.Attacker), 0)
		if i.Differs != "" {
			p.Row("  differs", labelWidth, "", wire.Printable(i.Differs), 0)
		}
		p.Command("  repeat", labelWidth, finding.Or(i.Repeat, "none"))
	}
}

// named is how many cases of a fault are named.
const named = 3

// shownBy names the cases of a fault, or how many there are and the first of them.
func shownBy(f finding.Fault, all bool) string {
	var ids []string
	for i, c := range f.Cases {
		if i == named && !all && len(f.Cases) > named+1 {
			return fmt.Sprintf("%s, such as %s", console.Plural(len(f.Cases), "case"), strings.Join(ids, ", "))
		}
		ids = append(ids, wire.Printable(c[0].Case))
	}
	return strings.Join(ids, ", ")
}

// account is what a person needs to act on a fault, by the first finding of it.
func (p *page) account(f finding.Fault) {
	first := f.First()
	p.Row("  he holds", labelWidth, "", finding.Holds(f.Attacker), 0)
	if len(f.Cases) > 1 || first.Version != "" {
		p.Row("  such as", labelWidth, "", first.Title(), 0)
	}
	p.parts(first, wire.Printable(f.Means))
}
