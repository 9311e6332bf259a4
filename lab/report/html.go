package report

import (
	"crypto/sha256"
	_ "embed" // the parts of the page
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// The parts of an audit's page. It has no script.
var (
	//go:embed audit.html.tmpl
	auditSource string
	//go:embed audit.css
	auditStyle string
)

var auditPage = template.Must(template.New("audit").Parse(auditSource))

// auditView is what the template shows, all of it ready to be read.
type auditView struct {
	Policy string
	Style  template.CSS

	Title, Subject, Profile, Because, Began, Took string
	Verdict                                       finding.Status
	Summary                                       string
	Lines                                         []auditLine
	Void, Untried                                 int
	Answers                                       []finding.Answer
	Notes, Complaints                             []string
	Incidents                                     []auditIncident
	Faults                                        []auditFault
	Groups                                        []auditGroup
}

type (
	auditLine struct {
		finding.Line
		Says, Class string
	}
	auditIncident struct {
		finding.Incident
		Fails bool
		Holds string
	}
	auditFault struct {
		Means, Holds, Class, Label string
		Attacker                   string
		Cases                      []auditCase
	}
	// auditCase is one case in which a fault shows, by its first finding.
	auditCase struct {
		ID, Versions string
		Parts        []finding.Part
		Steps        []auditStep
	}
	auditStep struct {
		By, Says, At, Class string
	}
	auditGroup struct {
		Name                                  string
		Passed, Failed, Inconclusive, Untried int
		Findings                              []auditFinding
	}
	auditFinding struct {
		ID, Version, Says string
		Status            finding.Status
	}
)

// HTML writes the audit as one page that stands alone: who gets in, the answers to what people
// ask first, each fault with what differs and its conversation, and every finding. It needs no
// script and fetches nothing. The error is the writer's.
func HTML(w io.Writer, a finding.Audit) error {
	whole := a.Whole()
	v := auditView{
		Policy: "default-src 'none'; style-src 'sha256-" + PolicyDigest(
			auditStyle,
		) + "'; base-uri 'none'; form-action 'none'",
		Style:   template.CSS(auditStyle), //nolint:gosec // ours
		Title:   finding.Or(string(a.Role), "peer") + " " + titleOf(a),
		Subject: wire.Printable(a.Subject),
		Profile: string(a.Profile), Because: wire.Printable(a.Because), Verdict: a.Verdict(), Summary: summaryOf(a),
		Began: a.Began.UTC().Format("2 January 2006, 15:04 UTC"), Took: console.Duration(a.Took),
		Void: whole.Void, Untried: whole.Untried,
	}
	for _, answer := range a.Answers {
		v.Answers = append(v.Answers, finding.Answer{Question: answer.Question, Answer: wire.Printable(answer.Answer)})
	}
	for _, told := range append([]string{a.Uncontrolled(), a.Unproven()}, a.Complaints...) {
		if told != "" {
			v.Complaints = append(v.Complaints, wire.Printable(told))
		}
	}
	if a.Product != nil {
		for _, note := range a.Product.Notes {
			v.Notes = append(v.Notes, wire.Printable(note))
		}
		if a.Product.Hint != "" && a.Count(finding.Failed) > 0 {
			v.Notes = append(v.Notes, wire.Printable(a.Product.Hint))
		}
	}
	for _, part := range append(Remedies(a), Reports(a)...) {
		v.Notes = append(v.Notes, wire.Printable(part.Label+": "+part.Text))
	}
	for _, l := range a.WhoGetsIn() {
		v.Lines = append(v.Lines, auditLine{l, saidOf(l), classOf(l.In > 0, l.Demanded)})
	}
	for _, i := range a.Incidents {
		i.Says, i.Differs, i.Repeat = wire.Printable(i.Says), wire.Printable(i.Differs), wire.Printable(i.Repeat)
		v.Incidents = append(v.Incidents, auditIncident{i, i.Fails(), finding.Holds(i.Attacker)})
	}
	for _, f := range a.Faults() {
		v.Faults = append(v.Faults, faultView(a, f))
	}
	v.Groups = groupViews(a)
	return auditPage.Execute(w, v)
}

// titleOf is what the audited peer is called.
func titleOf(a finding.Audit) string {
	if a.Product != nil {
		return product(*a.Product)
	}
	return finding.Or(a.Subject, "without a name")
}

// classOf is how a page shows that somebody gets in.
func classOf(in, fails bool) string {
	switch {
	case in && fails:
		return "fails"
	case in:
		return "told"
	default:
		return "none"
	}
}

// summaryOf is the page's headline.
func summaryOf(a finding.Audit) string {
	if a.Broke != "" {
		return "It was not put to the test: " + wire.Printable(a.Broke)
	}
	for _, l := range a.WhoGetsIn() {
		if l.In > 0 && l.Demanded {
			return headlineOf(l)
		}
	}
	switch a.Verdict() {
	case finding.Passed:
		return "Nobody gets in who is to stay out."
	case finding.Inconclusive:
		return "Too little was shown to say who gets in."
	default:
		return "Nobody was seen to get in who is to stay out, and yet it fails: see below."
	}
}

// headlineOf is that somebody gets in who is demanded to stay out, or the like.
func headlineOf(l finding.Line) string {
	ways := fmt.Sprintf(", in %d of %s.", l.In, console.Plural(l.Tried, "case"))
	switch l.Attacker {
	case cases.Good:
		return "Good peers are turned away" + ways
	case cases.Honest:
		return "What it says is not so" + ways
	default:
		return "Who holds " + finding.Holds(l.Attacker) + " gets in" + ways
	}
}

func faultView(a finding.Audit, f finding.Fault) auditFault {
	fails := a.Fails(f.First())
	v := auditFault{
		Means: finding.Or(f.Means, "nobody has said of what"), Holds: finding.Holds(f.Attacker),
		Attacker: string(f.Attacker), Class: classOf(true, fails), Label: classOf(true, fails),
	}
	for _, findings := range f.Cases {
		first := findings[0]
		c := auditCase{ID: wire.Printable(first.Case)}
		for _, part := range first.Parts() {
			c.Parts = append(c.Parts, finding.Part{Label: part.Label, Text: wire.Printable(part.Text)})
		}
		for i, one := range findings {
			if i > 0 {
				c.Versions += " and "
			}
			c.Versions += wire.Printable(one.Version)
		}
		for _, step := range first.Steps {
			c.Steps = append(c.Steps, stepView(step))
		}
		v.Cases = append(v.Cases, c)
	}
	return v
}

func stepView(s finding.Step) auditStep {
	v := auditStep{By: s.By, Says: wire.Printable(s.Says), Class: "note"}
	switch s.By {
	case "":
	case "adversary":
		v.Class = "left"
	default:
		v.Class = "right"
	}
	if s.At > 0 {
		v.At = s.At.Round(100 * time.Microsecond).String()
	}
	return v
}

func groupViews(a finding.Audit) []auditGroup {
	var groups []auditGroup
	for _, f := range finding.Ordered(a.Findings) {
		if last := len(groups) - 1; last < 0 || groups[last].Name != wire.Printable(f.Group) {
			groups = append(groups, auditGroup{Name: wire.Printable(f.Group)})
		}
		g := &groups[len(groups)-1]
		switch f.Shown() {
		case finding.Passed:
			g.Passed++
		case finding.Failed, finding.Waived:
			g.Failed++
		case finding.Inconclusive:
			g.Inconclusive++
		case finding.Untried:
			g.Untried++
		}
		says := f.Decision
		if f.By != "" {
			says += " by the " + string(f.By)
		}
		if f.Reason != "" {
			says += ", " + string(f.Reason)
		}
		if f.Status == finding.Untried {
			says = f.Means
		}
		g.Findings = append(g.Findings, auditFinding{
			wire.Printable(f.Case), wire.Printable(f.Version), wire.Printable(says), f.Shown(),
		})
	}
	return groups
}

// PolicyDigest is how a policy names a script or a style (Content Security Policy 3, 2.3.1).
func PolicyDigest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}
