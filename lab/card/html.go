package card

import (
	_ "embed" // the parts of the page
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/report"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// The parts of the page. Script and style are files of their own so that their
// digests, by which the page's policy admits them, are those of all that they are.
var (
	//go:embed scorecard.html.tmpl
	htmlSource string
	//go:embed scorecard.css
	htmlStyle string
	//go:embed scorecard.js
	htmlScript string
)

var htmlPage = template.Must(template.New("scorecard").Parse(htmlSource))

// htmlView is what the template shows. What needs no script is in it as it is to be
// read; the rest is Data, from which the script makes what is asked for.
type htmlView struct {
	Policy string
	Style  template.CSS
	Script template.JS
	Data   *htmlData

	Title, Profile, Tried, Began, Took, Command, Engine string
	Facts                                               []htmlFact
	Columns                                             []string
	Sections                                            []htmlSection
	Crossed                                             string
	Servers                                             []string
	Clients                                             []htmlClient
	Versions                                            string
}

type (
	htmlFact struct {
		Number int
		What   string
		Class  string
	}
	htmlSection struct {
		Head  string
		Peers []htmlPeer
	}
	htmlPeer struct {
		Index         int
		Name, Version string
		Role          wire.Role
		Speaks        string // the protocol, and by which library: by these the table is filtered
		Library       string
		In            string // the attackers who get in, parted by spaces
		Verdict       finding.Status
		Controls      string // why the findings prove nothing, if so
		Failed, Tried int
		Cells         []htmlCell
		Complaints    []string
		Failures      []htmlFailure
	}
	htmlCell struct {
		Peer, Column       int
		Mark, Class, Label string
	}
	htmlFailure struct{ Case, Versions, Summary, Outcome string }
	htmlClient  struct {
		Name  string
		Cells []htmlInterop
	}
	htmlInterop struct {
		Index int // of the pair in Data
		Marks []htmlMark
		Label string
		Wrong []string // what was seen where it was not delivered
	}
	htmlMark struct{ Mark, Class string }
)

// HTML writes the scorecard as one page that needs nothing else: it loads
// nothing, its policy (CSP) forbids it to, and it works from a file. A table of peers
// by attackers opens into cases by group, and a case into what was sent and what either side
// saw. Without scripts it shows the tables and what failed. The error is the
// writer's.
func HTML(w io.Writer, sc finding.Scorecard) error {
	sc = arranged(sc)
	names := columnNames(sc, column)
	data := dataOf(sc, names)
	delivered, tried := crossed(sc)
	view := htmlView{
		Policy: fmt.Sprintf(
			"default-src 'none'; script-src 'sha256-%s'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'",
			report.PolicyDigest(htmlScript),
			report.PolicyDigest(htmlStyle),
		),
		Style:  template.CSS(htmlStyle), //nolint:gosec // it is embedded, and nothing is put into it
		Script: template.JS(htmlScript), //nolint:gosec // it is embedded, and nothing is put into it
		Data:   data,

		Title:   "Mutual TLS scorecard",
		Profile: finding.Or(string(sc.Profile), "unnamed"),
		Tried:   whatTried(sc),
		Began:   sc.Began.UTC().Format("2 January 2006, 15:04 UTC"),
		Took:    console.Duration(sc.Took),
		Command: finding.Or(sc.Command, "none"),
		Engine:  finding.Or(sc.Engine, "unnamed"),
		Facts: []htmlFact{
			{len(sc.Audits), word(len(sc.Audits), "peer"), ""},
			{findingsOf(sc), word(findingsOf(sc), "finding"), ""},
			{summed(sc, finding.Passed), "passed", "passed"},
			{summed(sc, finding.Failed), "failed", "failed"},
			{summed(sc, finding.Inconclusive), "inconclusive", "inconclusive"},
		},
		Columns:  names,
		Sections: sectionsOf(sc, names),
		Crossed:  fmt.Sprintf("%d of %d", delivered, tried),
		Versions: strings.Join(interopVersions(sc), ", then "),
	}
	view.addInterops(sc)
	return htmlPage.Execute(w, view)
}

func word(n int, what string) string {
	return strings.TrimPrefix(console.Plural(n, what), fmt.Sprint(n)+" ")
}

func sectionsOf(sc finding.Scorecard, names []string) []htmlSection {
	all := make([]htmlSection, len(sections))
	for i, s := range sections {
		all[i].Head = strings.ToUpper(s.head[:1]) + s.head[1:] + "s"
	}
	for i, a := range sc.Audits {
		s := &all[sectionIndex(a)]
		s.Peers = append(s.Peers, peerOf(i, a, names))
	}
	return all
}

func peerOf(index int, a finding.Audit, names []string) htmlPeer {
	p := htmlPeer{
		Index: index, Name: peerName(a), Verdict: a.Verdict(), Role: a.Role, Speaks: "unknown", Library: "unknown",
		Failed: a.Count(finding.Failed), Tried: len(a.Findings) - a.Count(finding.Untried), Controls: a.Unproven(),
	}
	if a.Product != nil {
		p.Version = wire.Printable(a.Product.Version)
		p.Speaks, p.Library = finding.Or(a.Product.Speaks, p.Speaks), finding.Or(a.Product.Library, p.Library)
	}
	for _, line := range a.WhoGetsIn() {
		if line.In > 0 {
			p.In = strings.TrimSpace(p.In + " " + string(line.Attacker))
		}
	}
	for _, complaint := range a.Complaints {
		p.Complaints = append(p.Complaints, wire.Printable(complaint))
	}
	for i, g := range byColumn(a.Findings, names, column) {
		mark, s := mark(g)
		p.Cells = append(p.Cells, htmlCell{
			Peer: index, Column: i, Mark: mark, Class: heatClass(g, s), Label: fmt.Sprintf(
				"%s, %s: %s", p.Name, names[i], words(g),
			),
		})
	}
	for _, f := range withStatus(a, finding.Failed) {
		p.Failures = append(p.Failures, htmlFailure{
			Case: wire.Printable(f.findings[0].Case), Versions: f.versions(),
			Summary: finding.Or(f.findings[0].Summary, "does what the case says"), Outcome: f.findings[0].Outcome(),
		})
	}
	return p
}

// heatClass is the style of a cell: of a failure, how much of what was tried failed.
func heatClass(g finding.Group, s finding.Status) string {
	if s != finding.Failed {
		return string(s)
	}
	tried := len(g.Findings) - g.Count(finding.Untried)
	switch share := float64(g.Count(finding.Failed)) / float64(tried); {
	case share > 0.5:
		return "failed most"
	case share > 0.15:
		return "failed many"
	default:
		return "failed"
	}
}

// words says how many findings there are of each status.
func words(g finding.Group) string {
	var words []string
	for _, s := range []finding.Status{
		finding.Failed, finding.Inconclusive, finding.Waived, finding.Passed, finding.Untried,
	} {
		if n := g.Count(s); n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, s))
		}
	}
	if len(words) == 0 {
		return "nothing tried"
	}
	return strings.Join(words, ", ")
}

// addInterops lays out the interop, each cell with its place in Data.
func (v *htmlView) addInterops(sc finding.Scorecard) {
	g := gridOf(sc)
	for _, server := range g.servers {
		v.Servers = append(v.Servers, finding.Or(server, "unnamed"))
	}
	for _, client := range g.clients {
		row := htmlClient{Name: finding.Or(client, "unnamed")}
		for _, server := range g.servers {
			cell := htmlInterop{Index: v.Data.addPair(g.of[[2]string{client, server}])}
			var words []string
			for _, c := range g.of[[2]string{client, server}] {
				s := interopStatus(c)
				said := interopWord(s)
				cell.Marks = append(cell.Marks, htmlMark{interopMark(c), string(s)})
				words = append(words, wire.Printable(c.Version)+" "+said)
				if s != finding.Passed && s != finding.Untried {
					cell.Wrong = append(cell.Wrong, fmt.Sprintf(
						"%s to %s [%s], %s: %s",
						row.Name,
						finding.Or(server, "unnamed"),
						wire.Printable(c.Version),
						said,
						finding.Or(c.Saw, "nothing was seen"),
					))
				}
			}
			cell.Label = fmt.Sprintf("%s to %s: %s", row.Name, finding.Or(server, "unnamed"), strings.Join(words, ", "))
			row.Cells = append(row.Cells, cell)
		}
		v.Clients = append(v.Clients, row)
	}
}

func interopWord(s finding.Status) string {
	if s == finding.Passed {
		return "delivered"
	}
	return string(s)
}
