package report

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// The elements of JUnit XML, which has no standard: these are the elements and
// attributes of the junit-10.xsd of Jenkins' xUnit plugin, the strictest of its
// readers. It has no attribute skipped on testsuites.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr"`
		Timestamp  string          `xml:"timestamp,attr"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`

		class string // of its tests
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name      string       `xml:"name,attr"`
		ClassName string       `xml:"classname,attr"`
		Time      string       `xml:"time,attr"`
		Failure   *junitResult `xml:"failure"`
		Error     *junitResult `xml:"error"`
		Skipped   *junitResult `xml:"skipped"`
		Out       string       `xml:"system-out,omitempty"`
	}
	junitResult struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// JUnit writes the audit as JUnit XML: a suite for each attacker, a test for each
// finding, in which one that fails the audit is a failure, an inconclusive one an error, and
// one that is told, waived, known or was not tried skipped. The suite "open" is of cases
// that the profile leaves open. A last suite, "audit", holds the controls and the
// complaints, so that an audit that did not pass never reads as passed. The error is the
// writer's.
func JUnit(w io.Writer, a finding.Audit) error {
	suites := junitSuites{
		Name: "mtlslab audit of " + wire.Printable(string(a.Role)+" "+a.Subject),
		Time: seconds(a.Took),
	}
	for _, g := range finding.ByAttacker(a.Findings) {
		suite := newJUnitSuite(a, finding.Or(g.Name, "open"), g.Took())
		for _, f := range g.Findings {
			suite.add(junitCaseOf(a, f))
		}
		suites.add(suite)
	}
	suites.add(junitOfAudit(a))
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	if err := encoder.Encode(suites); err != nil {
		return fmt.Errorf("encoding the report: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// junitOfAudit is the suite of what is about the audit as a whole.
func junitOfAudit(a finding.Audit) junitSuite {
	suite := newJUnitSuite(a, "audit", 0)
	for i := range a.Controls {
		suite.add(junitCaseOf(a, a.Control(i)))
	}
	if why := a.Uncontrolled(); why != "" {
		suite.add(junitCase{Name: "controls", Error: &junitResult{Message: why}})
	}
	if len(a.Findings) == 0 {
		suite.add(junitCase{Name: "findings", Error: &junitResult{Message: "no case was run"}})
	}
	for n, i := range a.Incidents {
		said := &junitResult{
			Message: wire.Printable(i.Says),
			Text:    wire.Printable(i.Title() + ": " + i.Says + "\nrepeat: " + i.Repeat),
		}
		c := junitCase{Name: fmt.Sprintf("%s, %d of %d", i.Kind, n+1, len(a.Incidents)), Skipped: said}
		if i.Fails() {
			c.Failure, c.Skipped = said, nil
		}
		suite.add(c)
	}
	for i, complaint := range a.Complaints {
		suite.add(junitCase{
			Name:    fmt.Sprintf("complaint %d of %d", i+1, len(a.Complaints)),
			Failure: &junitResult{Message: wire.Printable(complaint)},
		})
	}
	return suite
}

func newJUnitSuite(a finding.Audit, name string, took time.Duration) junitSuite {
	// A reader tells tests apart by class and name together, over all suites, and
	// knows them again by both.
	class := "mtlslab." + finding.Or(string(a.Role), "peer") + "." + name
	suite := junitSuite{
		Name:      name,
		class:     class,
		Time:      seconds(took),
		Timestamp: a.Began.UTC().Format("2006-01-02T15:04:05"),
	}
	for _, property := range []finding.Part{
		{Label: "subject", Text: a.Subject},
		{Label: "role", Text: string(a.Role)},
		{Label: "profile", Text: string(a.Profile)},
		{Label: "runtime", Text: a.Runtime},
		{Label: "isolated", Text: fmt.Sprint(a.Isolated)},
	} {
		suite.Properties = append(suite.Properties, junitProperty{property.Label, wire.Printable(property.Text)})
	}
	return suite
}

func junitCaseOf(a finding.Audit, f finding.Finding) junitCase {
	c := junitCase{Name: f.Title(), Time: seconds(f.Took)}
	var text strings.Builder
	parts := f.Parts()
	for i, part := range parts {
		line := part.Label + ": " + part.Text + "\n"
		text.WriteString(line)
		if i < 2 { // the two sides
			c.Out += line
		}
	}
	// GitLab shows nothing but the text of a failure, so it repeats system-out.
	result := &junitResult{
		Message: f.Outcome() + ": " + parts[2].Text,
		Type:    wire.Printable(f.Decision),
		Text:    text.String(),
	}
	switch known := f.Accepted(); {
	case f.Status == finding.Passed:
	case known != "":
		c.Skipped = &junitResult{Message: wire.Printable(known), Text: text.String()}
	case a.Fails(f):
		c.Failure = result
	case f.Status == finding.Failed:
		c.Skipped = &junitResult{Message: "told, and not demanded: " + parts[2].Text, Text: text.String()}
	case f.Status == finding.Untried:
		c.Skipped = &junitResult{Message: parts[2].Text, Text: text.String()}
	default:
		c.Error = result
	}
	return c
}

func (s *junitSuite) add(c junitCase) {
	c.ClassName = s.class
	c.Time = cmp.Or(c.Time, seconds(0))
	s.Cases = append(s.Cases, c)
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
}

func (s *junitSuites) add(suite junitSuite) {
	s.Suites = append(s.Suites, suite)
	s.Tests += suite.Tests
	s.Failures += suite.Failures
	s.Errors += suite.Errors
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
