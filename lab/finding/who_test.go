package finding_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// of is a finding of that attacker.
func of(attacker cases.Attacker, id, version string, s finding.Status) finding.Finding {
	group, _, _ := strings.Cut(id, "/")
	return finding.Finding{
		Case: id, Group: group, Version: version, Role: wire.Server, Attacker: attacker, Status: s, Means: "of " + group,
	}
}

// audited is an audit of such findings, between controls that were delivered.
func audited(findings ...finding.Finding) finding.Audit {
	control := finding.Finding{Status: finding.Passed, Decision: "delivered"}
	return finding.Audit{
		Format: finding.Format, Role: wire.Server, Profile: cases.RFC5280,
		Began:    time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC),
		Controls: []finding.Finding{control, control}, Findings: findings,
	}
}

func TestWhoGetsIn(t *testing.T) {
	t.Parallel()
	const pass, fail, open = finding.Passed, finding.Failed, finding.Inconclusive
	const untried, waived = finding.Untried, finding.Waived
	a := audited(
		of(cases.Authority, "crypto/one", "1.3", fail),
		of(cases.Nobody, "chain/one", "1.2", pass), of(cases.Nobody, "chain/one", "1.3", fail), // in one version of two
		of(cases.Nobody, "chain/two", "1.2", open), of(cases.Nobody, "chain/two", "1.3", pass), // shown in one
		of(cases.Nobody, "chain/three", "1.3", open),
		of(cases.Former, "validity/one", "1.3", waived),
		of(cases.Former, "revocation/one", "1.3", untried),
		of("", "framing/either", "1.3", open), // the profile leaves it open
		of("", "framing/odd", "1.3", fail),    // nobody says whose it is
	)
	want := []finding.Line{
		{Attacker: finding.Unnamed, Demanded: true, Tried: 1, In: 1},
		{Attacker: cases.Nobody, Demanded: true, Tried: 2, In: 1, Void: 1},
		{Attacker: cases.Former, Demanded: true, Tried: 1, Untried: 1, Accepted: 1},
		{Attacker: cases.Authority, Tried: 1, In: 1},
	}
	if diff := cmp.Diff(want, a.WhoGetsIn()); diff != "" {
		t.Error(diff)
	}
	if whole := a.Whole(); whole.Tried != 5 || whole.In != 3 || whole.Void != 2 || whole.Untried != 1 {
		t.Errorf("of all: %+v", whole)
	}
}

// What fails an audit is who gets in, and what is demanded; and it comes out the other way.
func TestDemands(t *testing.T) {
	t.Parallel()
	every := append([]cases.Attacker{""}, cases.Attackers()...)
	for _, attacker := range every {
		for _, demand := range cases.Attackers() {
			a := audited(
				of(attacker, "chain/one", "1.3", finding.Failed),
				of(cases.Nobody, "chain/two", "1.3", finding.Passed),
			)
			a.Demands = []cases.Attacker{demand}
			want := finding.Passed
			if attacker == demand || attacker == "" {
				want = finding.Failed
			}
			if got := a.Verdict(); got != want {
				t.Errorf("%q is let in, and %q is to stay out: %s", attacker, demand, got)
			}
		}
	}
	byDefault := map[cases.Attacker]bool{cases.Nobody: true, cases.Former: true, cases.Insider: true, "": true}
	for _, attacker := range every {
		a := audited(of(attacker, "chain/one", "1.3", finding.Failed))
		if got := a.Verdict() == finding.Failed; got != byDefault[attacker] {
			t.Errorf("that %q is let in fails by default: %t", attacker, got)
		}
	}
}

// More void than shown of one who is to stay out shows nothing, however much is shown of
// others.
func TestMostlyVoid(t *testing.T) {
	t.Parallel()
	shown := func(n int, attacker cases.Attacker) (all []finding.Finding) {
		for i := range n {
			all = append(all, of(attacker, "crypto/"+strings.Repeat("x", i+1), "1.3", finding.Passed))
		}
		return all
	}
	void := of(cases.Nobody, "chain/one", "1.3", finding.Inconclusive)
	told := of(cases.Wire, "protocol/x", "1.3", finding.Inconclusive)
	untried := of(cases.Nobody, "chain/one", "1.3", finding.Untried)
	for name, c := range map[string]struct {
		findings []finding.Finding
		want     finding.Status
	}{
		"of nobody all is void":         {append(shown(9, cases.Authority), void), finding.Inconclusive},
		"of nobody less than was shown": {append(shown(9, cases.Nobody), void), finding.Passed},
		"of one who is told":            {append(shown(9, cases.Nobody), told), finding.Passed},
		"nothing but untried":           {[]finding.Finding{untried}, finding.Inconclusive},
	} {
		if got := audited(c.findings...).Verdict(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	var all []finding.Finding
	for _, id := range []string{"chain/a", "chain/b", "protocol/c", "protocol/d", "chain/e"} {
		all = append(all, of(cases.Nobody, id, "1.2", finding.Failed), of(cases.Nobody, id, "1.3", finding.Failed))
	}
	all = append(all,
		of(cases.Insider, "usage/a", "1.3", finding.Failed), of(cases.Insider, "usage/b", "1.3", finding.Passed),
		of(cases.Insider, "identity/a", "1.3", finding.Failed), of(cases.Insider, "identity/b", "1.3", finding.Failed),
	)
	type fault struct {
		Attacker cases.Attacker
		Means    string
		Cases    int
	}
	var got []fault
	for _, f := range audited(all...).Faults() {
		got = append(got, fault{f.Attacker, f.Means, len(f.Cases)})
	}
	want := []fault{
		{cases.Nobody, finding.LetIn(cases.Nobody), 5}, // by every way there is, so once
		{cases.Insider, "of identity", 2},
		{cases.Insider, "of usage", 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBaseline(t *testing.T) {
	t.Parallel()
	before := audited(
		of(cases.Nobody, "chain/known", "1.3", finding.Failed),
		of(cases.Nobody, "chain/waived", "1.3", finding.Waived),
		of(
			cases.Nobody,
			"chain/passed",
			"1.3",
			finding.Passed,
		),
		of(cases.Nobody, "chain/void", "1.3", finding.Inconclusive),
		of(cases.Nobody, "chain/one-version", "1.2", finding.Failed),
	)
	text, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	earlier, err := finding.ReadBaseline(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for id, version := range map[string]string{
		"chain/known": "", "chain/waived": "", "chain/brought": "",
		"chain/passed": "fails", "chain/void": "fails", "chain/one-version": "fails",
	} {
		now := audited(of(cases.Nobody, id, "1.3", finding.Failed)).Since(earlier)
		if fails := version != ""; (now.Verdict() == finding.Failed) != fails ||
			(now.Findings[0].Known == "") != fails {
			t.Errorf("%s: %s, known: %q", id, now.Verdict(), now.Findings[0].Known)
		}
	}
	if err := audited().Fits(earlier); err != nil {
		t.Error(err)
	}
	other := before
	other.Role = wire.Client
	strict := before
	strict.Profile = cases.Strict
	for _, wrong := range []finding.Audit{other, strict} {
		if audited().Fits(wrong) == nil {
			t.Errorf("a baseline of a %s by %s fits", wrong.Role, wrong.Profile)
		}
	}
}

func TestReadBaselineRefuses(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		"":                               "no audit",
		"[]":                             "no audit",
		"<testsuites/>":                  "no audit",
		`{"format": 1}`:                  "of format 1",
		`{"format": 2}`:                  "no findings",
		`{"format": 2, "findings":[{}]}`: "controls",
	} {
		if _, err := finding.ReadBaseline(strings.NewReader(document)); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", document, err, want)
		}
	}
}

func TestParseAttackers(t *testing.T) {
	t.Parallel()
	got, err := finding.ParseAttackers([]string{"authority", " good"})
	if diff := cmp.Diff([]cases.Attacker{cases.Authority, cases.Good}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if all, err := finding.ParseAttackers([]string{"all"}); err != nil || len(all) != len(cases.Attackers()) {
		t.Errorf("all are %v, %v", all, err)
	}
	if _, err := finding.ParseAttackers([]string{"everybody"}); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("error %v does not say what there is", err)
	}
}
