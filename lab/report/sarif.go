package report

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// SARIF writes the audit as a SARIF 2.1.0 log (OASIS, 27 March 2020): a rule for each case,
// with a security-severity by its attacker; a result for each finding that did not pass, of
// level error if it fails the audit, warning if it is told or inconclusive, and note with a
// suppression if it is waived or known; of kind notApplicable and no level if it was not
// tried. Complaints and controls are notifications. The error is the writer's.
//
// GitHub code scanning rejects a whole log in which a result has no physical
// location, so each has one: a path made of the subject's name, which need not
// exist, without tag and digest, so that an alert is the same alert in the next
// release. GitHub reads neither suppressions nor kinds: drop results that have one
// before uploading there, or dismiss their alerts with the action advanced-security/dismiss-alerts.
func SARIF(w io.Writer, a finding.Audit) error {
	findings := finding.Ordered(a.Findings)
	run := sarifRun{
		// GitHub replaces the alerts of an earlier log by those of a later one of
		// the same category, which is what comes before the last slash.
		Automation: sarifAutomation{
			ID: strings.Join(
				[]string{"mtlslab", slug(string(a.Role)), slug(string(a.Profile)), artifact(a.Subject), ""},
				"/",
			),
		},
		Invocations: []sarifInvocation{invocation(a)},
		Results:     []sarifResult{},
		Properties: map[string]any{
			"subject": wire.Printable(a.Subject), "role": a.Role, "profile": a.Profile,
			"runtime": wire.Printable(a.Runtime), "isolated": a.Isolated, "verdict": a.Verdict(),
		},
	}
	run.Tool.Driver = sarifDriver{
		Name:           "mtlslab",
		InformationURI: "https://github.com/mtlslab/mtlslab",
		Rules:          []sarifRule{},
	}
	rules := &run.Tool.Driver.Rules
	for _, f := range findings {
		last := len(*rules) - 1
		if last < 0 || (*rules)[last].ID != f.Case {
			*rules = append(*rules, ruleOf(f))
			last++
		} else if f.Means != "" {
			(*rules)[last] = ruleOf(f) // what passed need not say what it means
		}
		if f.Status != finding.Passed {
			run.Results = append(run.Results, resultOf(a, f, last))
		}
	}
	return Encode(w, sarifLog{
		Schema:  "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
		Version: "2.1.0", Runs: []sarifRun{run},
	})
}

// severities are those of letting an attacker in, on the scale of CVSS. GitHub calls what is
// over 9.0 critical, from 7.0 on high, from 4.0 on medium.
var severities = map[cases.Attacker]string{
	finding.Unnamed: "9.8", cases.Nobody: "9.8", cases.Former: "8.8", cases.Insider: "8.1", cases.Wire: "5.9",
	cases.Authority: "5.3", cases.Honest: "3.7", cases.Good: "0.1",
}

func ruleOf(f finding.Finding) sarifRule {
	summary := finding.Or(f.Summary, f.Case)
	means := wire.Printable(f.Means)
	if means == "" {
		means = summary
	}
	help := []string{means, "Source: " + finding.Or(f.Cite, "none")}
	if c, known := cases.Find(f.Case); known {
		for _, part := range Explanation(c) {
			help = append(help, part.Label+": "+part.Text)
		}
	}
	properties := map[string]any{
		"tags":      []string{"security", "mtls", finding.Or(f.Group, "none"), finding.Or(string(f.Attacker), "open")},
		"precision": "very-high",
	}
	if severity := severities[f.Attacker]; severity != "" {
		properties["security-severity"] = severity
	}
	return sarifRule{
		ID:               f.Case,
		ShortDescription: sarifText{summary},
		FullDescription:  sarifText{means},
		Help:             sarifText{strings.Join(help, "\n\n")},
		Default:          sarifLevel{"error"},
		Properties:       properties,
	}
}

func resultOf(a finding.Audit, f finding.Finding, rule int) sarifResult {
	r := sarifResult{
		RuleID: f.Case, RuleIndex: rule, Level: "warning", Message: sarifText{message(f)},
		Suppressions: []sarifSuppression{}, // none, which is not the same as not known
		Properties: map[string]any{
			"status": f.Shown(), "attacker": f.Attacker, "version": wire.Printable(f.Version),
			"client": wire.Printable(f.Client), "server": wire.Printable(f.Server),
		},
	}
	switch known := f.Accepted(); {
	case known != "":
		r.Level = "note"
		r.Suppressions = append(
			r.Suppressions,
			sarifSuppression{Kind: "external", Status: "accepted", Justification: wire.Printable(known)},
		)
	case a.Fails(f):
		r.Level = "error"
	case f.Status == finding.Untried:
		r.Kind, r.Level = "notApplicable", "none" // any other level says that it failed (3.27.10)
	}
	path := artifact(a.Subject)
	var location sarifLocation
	location.Physical.Artifact.URI = path
	location.Physical.Region = sarifRegion{1, 1, 1, 1} // GitHub wants all four
	location.Logical = []sarifLogical{{
		Name: strings.TrimSpace(
			string(f.Role) + " " + wire.Printable(f.Version),
		), FullName: finding.Or(a.Subject, path), Kind: "resource",
	}}
	r.Locations = []sarifLocation{location}
	// GitHub knows alerts again by this one fingerprint and no other.
	sum := sha256.Sum256([]byte(strings.Join([]string{path, string(f.Role), f.Case, f.Version}, "\x00")))
	r.Fingerprints = map[string]string{"primaryLocationLineHash": fmt.Sprintf("%x:1", sum[:8])}
	return r
}

// message is what a person needs, the first sentence being all that some viewers show.
func message(f finding.Finding) string {
	lines := []string{literal(f.Title()+" "+string(f.Shown())+": "+finding.Or(f.Summary, f.Case)) + "."}
	for _, part := range f.Parts() {
		lines = append(lines, part.Label+": "+literal(part.Text))
	}
	return strings.Join(lines, "\n")
}

// literal keeps a peer's words from reading as a placeholder or a link of SARIF
// (2.1.0, 3.11.5 and 3.11.6).
func literal(text string) string {
	return strings.NewReplacer("{", "{{", "}", "}}", "](", "] (").Replace(text)
}

func invocation(a finding.Audit) sarifInvocation {
	run := sarifInvocation{
		Successful: a.Controlled(),
		Start:      a.Began.UTC().Format("2006-01-02T15:04:05.000Z"),
		End:        a.Began.UTC().Add(a.Took).Format("2006-01-02T15:04:05.000Z"),
	}
	for _, complaint := range a.Complaints {
		run.Configuration = append(
			run.Configuration,
			sarifNotification{"error", sarifText{literal(wire.Printable(complaint))}},
		)
	}
	for _, i := range a.Incidents {
		level := "warning"
		if i.Fails() {
			level = "error"
		}
		said := literal(wire.Printable(i.Title() + ": " + i.Says))
		run.Execution = append(run.Execution, sarifNotification{level, sarifText{said}})
	}
	if why := a.Uncontrolled(); why != "" {
		run.Execution = append(run.Execution, sarifNotification{"error", sarifText{why}})
	}
	for i, f := range a.Controls {
		if f.Status != finding.Passed {
			run.Execution = append(run.Execution, sarifNotification{"error", sarifText{message(a.Control(i))}})
		}
	}
	return run
}

// artifact is a relative path made of the name of an image or a program.
func artifact(subject string) string {
	subject, _, _ = strings.Cut(subject, "@")
	if tag := strings.LastIndexByte(subject, ':'); tag > strings.LastIndexByte(subject, '/') {
		subject = subject[:tag]
	}
	var path []string
	for part := range strings.SplitSeq(subject, "/") {
		if part != "" && part != "." && part != ".." {
			path = append(path, slug(part))
		}
	}
	if len(path) == 0 {
		return "mtlslab"
	}
	return strings.Join(path, "/")
}

// slug is a part of a path; a colon in the first part would make it a scheme (RFC
// 3986, 4.2).
func slug(part string) string {
	return strings.ReplaceAll(url.PathEscape(part), ":", "%3A")
}
