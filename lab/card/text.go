package card

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/report"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// fullInterops is how many lines of interop that went wrong are shown unless all
// are asked for.
const fullInterops = 12

// page is a scorecard for people.
type page struct{ console.Page }

// Text writes the scorecard for a person: a table of counts and one by
// group, servers before clients; interop; and a last line that begins with FAIL if
// a peer failed, else with INCONCLUSIVE if one is or there is none, else with PASS.
// Interops do not count for that: that two good peers find nothing in common is no
// fault of either. If Verbose, it lists what failed, too. It is never less than 80
// columns wide. The error is the writer's.
func Text(w io.Writer, sc finding.Scorecard, o report.Options) error {
	sc = arranged(sc)
	p := &page{console.Page{Width: max(console.DefaultWidth, o.Width), Color: o.Color}}
	p.Row(
		"scorecard",
		report.NameWidth,
		"",
		fmt.Sprintf(
			"%s, profile %s; %s, %s",
			sc.Began.UTC().Format("2006-01-02 15:04 UTC"),
			finding.Or(
				string(sc.Profile),
				"unnamed",
			),
			console.Plural(len(sc.Audits), "peer"),
			console.Plural(findingsOf(sc), "finding"),
		),
		0,
	)
	p.Row("engine", report.NameWidth, "", finding.Or(sc.Engine, "unnamed"), 0)
	p.Command("command", report.NameWidth, finding.Or(sc.Command, "none"))
	p.WriteByte('\n')
	p.peers(sc)
	p.heat(sc)
	if o.Verbose {
		p.failed(sc)
	}
	p.interop(sc, o.Verbose)
	p.WriteByte('\n')
	p.voids(sc)
	p.sum(sc)
	_, err := w.Write(p.Bytes())
	return err
}

// roleSection is the part of a table for a role, with the head of its first column.
type roleSection struct {
	role wire.Role
	head string
}

var sections = []roleSection{{wire.Server, "server"}, {wire.Client, "client"}, {"", "peer"}}

// section is the one that the audit belongs to.
func section(a finding.Audit) roleSection { return sections[sectionIndex(a)] }

func sectionIndex(a finding.Audit) int {
	i := slices.IndexFunc(sections, func(s roleSection) bool { return s.role == a.Role })
	if i < 0 {
		return len(sections) - 1
	}
	return i
}

// nameRoom is the width of the column of names, beside so much else.
func (p *page) nameRoom(sc finding.Scorecard, beside int) int {
	broad := len("server")
	for _, a := range sc.Audits {
		broad = max(broad, console.Columns(peerName(a)))
	}
	return min(broad, p.Width-beside)
}

// byRole prints a table with a row for each audit, and a head above each role's.
func (p *page) byRole(sc finding.Scorecard, broad int, head string, cells func(finding.Audit) string) {
	last := -1
	for _, a := range sc.Audits {
		if s := sectionIndex(a); s != last {
			if last >= 0 {
				p.WriteByte('\n')
			}
			p.Rows(sections[s].head, broad, "", []string{head})
			last = s
		}
		text := cells(a)
		for _, name := range console.Wrap(peerName(a), broad) {
			p.Rows(name, broad, "", []string{text})
			text = ""
		}
	}
	if len(sc.Audits) == 0 {
		p.Rows("peer", broad, "", []string{head})
		p.WriteString("none\n")
	}
}

// peers prints of each peer how many cases were tried, and to what it came.
func (p *page) peers(sc finding.Scorecard) {
	const verdictRoom = 2 + len(finding.Inconclusive)
	const head = "  controls  tried   void  untried"
	broad := p.nameRoom(sc, len(head)+verdictRoom)
	p.byRole(sc, broad, head+"  verdict", func(a finding.Audit) string {
		text := fmt.Sprintf("%*s", len("  controls"), fmt.Sprintf("%d/%d", a.Delivered(), len(a.Controls)))
		if !a.Controlled() {
			text = p.Paint(console.Yellow, text)
		}
		whole := a.Whole()
		text += fmt.Sprintf("  %5d  %5d  %7d", whole.Tried, whole.Void, whole.Untried)
		verdict := a.Verdict()
		return text + "  " + p.Paint(report.StyleOf(verdict), string(verdict))
	})
}

// heat prints how many findings of each attacker failed.
func (p *page) heat(sc finding.Scorecard) {
	const least = 5 // "  123", and four letters of the name of a group
	names := columnNames(sc, column)
	if len(names) == 0 {
		return
	}
	broad := p.nameRoom(sc, least*len(names))
	each := least
	for _, name := range names {
		each = max(each, 2+len(name))
	}
	each = min(each, (p.Width-broad)/len(names))
	var head strings.Builder
	for _, name := range names {
		fmt.Fprintf(&head, "%*s", each, name[:min(len(name), each-1)])
	}
	p.WriteByte('\n')
	p.byRole(sc, broad, head.String(), func(a finding.Audit) (text string) {
		for _, g := range byColumn(a.Findings, names, column) {
			mark, s := mark(g)
			cell := strings.Repeat(" ", max(0, each-console.Columns(mark))) + mark
			if s != finding.Passed && s != finding.Untried {
				cell = p.Paint(report.StyleOf(s), cell)
			}
			text += cell
		}
		return text
	})
	legend := fmt.Sprintf("a number is how many failed; %s all passed, %s inconclusive, %s waived, %s untried",
		markPassed, markInconclusive, markWaived, markUntried)
	p.Rows("", 0, "", console.Wrap(legend, p.Width))
}

// failed lists what failed in each peer.
func (p *page) failed(sc finding.Scorecard) {
	for _, a := range sc.Audits {
		all := withStatus(a, finding.Failed)
		if len(all) == 0 {
			continue
		}
		p.WriteByte('\n')
		p.Row(
			string(finding.Failed),
			report.StatusWidth,
			report.StyleOf(finding.Failed),
			fmt.Sprintf("%s %s", finding.Or(string(a.Role), "peer"), peerName(a)),
			0,
		)
		for _, f := range all {
			p.Row(
				"",
				report.StatusWidth,
				"",
				fmt.Sprintf("%s [%s]: %s", wire.Printable(f.findings[0].Case), f.versions(), f.findings[0].Outcome()),
				0,
			)
		}
	}
}

func (p *page) interop(sc finding.Scorecard, all bool) {
	if len(sc.Interop) == 0 {
		return
	}
	delivered, tried := crossed(sc)
	text := fmt.Sprintf("%d of %d delivered", delivered, tried)
	if untried := len(sc.Interop) - tried; untried > 0 {
		text += fmt.Sprintf(", %d untried", untried)
	}
	p.WriteByte('\n')
	p.Row("interop", report.StatusWidth, "", text, 0)
	wrong := wrongInterops(sc)
	for i, w := range wrong {
		if i == fullInterops && !all {
			p.Row("", report.StatusWidth, "", fmt.Sprintf("%d more; -v shows them", len(wrong)-i), 0)
			break
		}
		p.Row(string(w.status), report.StatusWidth, report.StyleOf(w.status),
			fmt.Sprintf("%s to %s [%s]: %s", strings.Join(w.clients, ", "), w.server, w.version, w.saw), 0)
	}
}

// voids prints what keeps an audit of the scorecard from being believed.
func (p *page) voids(sc finding.Scorecard) {
	for _, a := range sc.Audits {
		for _, complaint := range a.Complaints {
			p.Row("complaint", report.NameWidth, "", peerName(a)+": "+wire.Printable(complaint), 0)
		}
		if why := a.Unproven(); why != "" {
			p.Row(report.Void(a), report.NameWidth, "", peerName(a)+": "+why, 0)
		}
	}
	var open []string
	for _, a := range sc.Audits {
		if !a.Isolated && a.Broke == "" {
			open = append(open, peerName(a))
		}
	}
	if len(open) > 0 {
		p.Row("isolation", report.NameWidth, "", "not proven of "+strings.Join(open, ", "), 0)
	}
}

// verdictOf is the worst that an audit came to.
func verdictOf(sc finding.Scorecard) finding.Status {
	switch {
	case summed(sc, finding.Failed) > 0:
		return finding.Failed
	case len(sc.Audits) == 0 || summed(sc, finding.Inconclusive) > 0:
		return finding.Inconclusive
	default:
		return finding.Passed
	}
}

// sum prints the last line.
func (p *page) sum(sc finding.Scorecard) {
	verdict := verdictOf(sc)
	var counts []string
	for _, s := range []finding.Status{finding.Passed, finding.Failed, finding.Inconclusive} {
		if n := summed(sc, s); n > 0 || s == finding.Passed {
			counts = append(counts, fmt.Sprintf("%d %s", n, s))
		}
	}
	p.WriteString(p.Paint(report.StyleOf(verdict), report.VerdictOf(verdict)) + ": " +
		fmt.Sprintf(
			"%s of %s in %s\n",
			strings.Join(counts, ", "),
			console.Plural(len(sc.Audits), "peer"),
			console.Duration(sc.Took),
		))
}
