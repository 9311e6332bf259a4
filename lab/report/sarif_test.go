package report_test

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/report"
	"github.com/mtlslab/mtlslab/lab/wire"
)

type sarif struct {
	Version string
	Runs    []struct {
		Tool struct {
			Driver struct {
				Rules []struct {
					ID                                      string
					ShortDescription, FullDescription, Help struct{ Text string }
				}
			}
		}
		AutomationDetails struct{ ID string }
		Invocations       []struct {
			ExecutionSuccessful                                        bool
			ToolConfigurationNotifications, ToolExecutionNotifications []struct{ Level string }
		}
		Results []sarifResult
	}
}

type sarifResult struct {
	RuleID    string
	RuleIndex int
	Kind      string
	Level     string
	Message   struct{ Text string }
	Locations []struct {
		PhysicalLocation struct {
			ArtifactLocation struct{ URI string }
			Region           struct{ StartLine, StartColumn, EndLine, EndColumn int }
		}
	}
	PartialFingerprints struct{ PrimaryLocationLineHash string }
	Suppressions        []struct{ Kind, Status, Justification string }
}

// checkSARIF holds a log against what GitHub documents that it requires, in "SARIF
// support for code scanning"; the rest of the standard is its schema's.
func checkSARIF(t *testing.T, got []byte, a finding.Audit) {
	t.Helper()
	var log sarif
	if err := json.Unmarshal(got, &log); err != nil || log.Version != "2.1.0" || len(log.Runs) != 1 {
		t.Fatalf("error %v, %d runs, version %s", err, len(log.Runs), log.Version)
	}
	run := log.Runs[0]
	rules := run.Tool.Driver.Rules
	for i, rule := range rules {
		if rule.ID == "" || rule.ShortDescription.Text == "" || rule.FullDescription.Text == "" || rule.Help.Text == "" {
			t.Errorf("rule %+v lacks a text", rule)
		}
		if i > 0 && rule.ID <= rules[i-1].ID {
			t.Errorf("rule %s is not after %s", rule.ID, rules[i-1].ID)
		}
	}
	if len(run.Results) != len(a.Findings)-a.Count(finding.Passed) {
		t.Errorf("%d results", len(run.Results))
	}
	if run.Results == nil || rules == nil {
		t.Error("results or rules are null")
	}
	prints := map[string]bool{}
	for _, r := range run.Results {
		if r.RuleID != rules[r.RuleIndex].ID {
			t.Errorf("rule %d is not %s", r.RuleIndex, r.RuleID)
		}
		checkSARIFResult(t, r)
		if prints[r.PartialFingerprints.PrimaryLocationLineHash] {
			t.Errorf("two results of one fingerprint, the second %s", r.RuleID)
		}
		prints[r.PartialFingerprints.PrimaryLocationLineHash] = true
	}
	invocation := run.Invocations[0]
	if len(invocation.ToolConfigurationNotifications) != len(a.Complaints) ||
		invocation.ExecutionSuccessful != a.Controlled() ||
		(len(invocation.ToolExecutionNotifications) == 0) != a.Controlled() {
		t.Errorf("invocation %+v", invocation)
	}
}

func checkSARIFResult(t *testing.T, r sarifResult) {
	t.Helper()
	if r.Message.Text == "" || len(r.Locations) != 1 || r.PartialFingerprints.PrimaryLocationLineHash == "" {
		t.Fatalf("result %+v", r)
	}
	if (r.Level == "note") != (len(r.Suppressions) == 1) ||
		!slices.Contains([]string{"error", "warning", "note", "none"}, r.Level) ||
		r.Suppressions == nil {
		t.Errorf("level %s with suppressions %v", r.Level, r.Suppressions)
	}
	if (r.Level == "none") != (r.Kind == "notApplicable") || r.Kind != "" && r.Kind != "notApplicable" {
		t.Errorf("level %s of kind %q", r.Level, r.Kind)
	}
	if strings.Contains(strings.ReplaceAll(r.Message.Text, "{{", ""), "{") || strings.Contains(r.Message.Text, "](") {
		t.Errorf("a placeholder or a link in %q", r.Message.Text)
	}
	physical := r.Locations[0].PhysicalLocation
	uri, err := url.Parse(physical.ArtifactLocation.URI)
	if err != nil || uri.Path == "" || uri.IsAbs() || strings.HasPrefix(uri.Path, "/") {
		t.Errorf("location %q, error %v", physical.ArtifactLocation.URI, err)
	}
	if physical.Region.StartLine*physical.Region.StartColumn*physical.Region.EndLine*physical.Region.EndColumn == 0 {
		t.Errorf("region %+v", physical.Region)
	}
}

// An alert stays the same alert in the next release, and another one elsewhere.
func TestSARIFIsTheSameForAnotherTag(t *testing.T) {
	t.Parallel()
	results := func(subject string, role wire.Role) (string, sarifResult) {
		a := clean()
		a.Subject, a.Role = subject, role
		a.Findings = []finding.Finding{found("usage/no-eku", "1.3", finding.Failed)}
		a.Findings[0].Role = role
		var out bytes.Buffer
		var log sarif
		if err := report.SARIF(&out, a); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out.Bytes(), &log); err != nil {
			t.Fatal(err)
		}
		return log.Runs[0].AutomationDetails.ID, log.Runs[0].Results[0]
	}
	digest := "@sha256:" + strings.Repeat("0", 64)
	for _, c := range []struct{ subject, path string }{
		{"shop/server:1" + digest, "shop/server"},
		{"shop/server", "shop/server"},
		{"localhost:5000/shop/server:1", "localhost%3A5000/shop/server"},
		{"localhost:5000/shop/server", "localhost%3A5000/shop/server"},
		{"/usr/local/bin/server", "usr/local/bin/server"},
		{"../bin/./my server", "bin/my%20server"},
		{"server:1", "server"},
		{"", "mtlslab"},
		{"///", "mtlslab"},
	} {
		category, r := results(c.subject, wire.Server)
		if got := r.Locations[0].PhysicalLocation.ArtifactLocation.URI; got != c.path {
			t.Errorf("%q is at %q, want %q", c.subject, got, c.path)
		}
		if want := "mtlslab/server/strict/" + c.path + "/"; category != want {
			t.Errorf("%q is in category %q, want %q", c.subject, category, want)
		}
		checkSARIFResult(t, r)
	}
	_, one := results("shop/server:1", wire.Server)
	_, next := results("shop/server:2", wire.Server)
	_, other := results("shop/server:1", wire.Client)
	if one.PartialFingerprints != next.PartialFingerprints || one.PartialFingerprints == other.PartialFingerprints {
		t.Errorf("fingerprints %v, %v of the next release, %v of the other role",
			one.PartialFingerprints, next.PartialFingerprints, other.PartialFingerprints)
	}
}
