package report_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/card"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// manualOf is a peer that a page sets up, with what came of some cases.
func manualOf(name string, role wire.Role, came ...finding.Finding) finding.Audit {
	control := finding.Finding{
		Case:     "control",
		Role:     role,
		Version:  "1.3",
		Status:   finding.Passed,
		Decision: "delivered",
	}
	return finding.Audit{
		Role: role, Controls: []finding.Finding{control, control}, Findings: came, Isolated: true,
		Product: &finding.Product{
			Name: "manual-" + name, About: "as the page has it", Manual: "https://example.test/" + name, Read: "2026-11-30",
		},
	}
}

func cameTo(id string, attacker cases.Attacker, status finding.Status) finding.Finding {
	return finding.Finding{Case: id, Version: "1.3", Status: status, Attacker: attacker, Expect: cases.MustRefuse}
}

func TestManuals(t *testing.T) {
	t.Parallel()
	sc := finding.Scorecard{Profile: cases.RFC5280, Began: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)}
	for _, test := range []struct {
		want  finding.Promise
		audit finding.Audit
	}{
		{finding.VerifiesNobody, manualOf("verifies-nobody", wire.Server,
			cameTo("chain/other-authority", cases.Nobody, finding.Failed),
			cameTo("protocol/no-client-certificate", cases.Nobody, finding.Failed))},
		{finding.AsksNobody, manualOf("asks-nobody", wire.Server,
			cameTo("chain/other-authority", cases.Nobody, finding.Passed),
			cameTo("protocol/no-client-certificate", cases.Nobody, finding.Failed))},
		{finding.TakesFormer, manualOf("takes-former", wire.Server,
			cameTo("chain/other-authority", cases.Nobody, finding.Passed),
			cameTo("revocation/leaf", cases.Former, finding.Failed))},
		{finding.TakesAnybody, manualOf("takes-anybody", wire.Server,
			cameTo("chain/other-authority", cases.Nobody, finding.Passed),
			cameTo("protocol/no-client-certificate", cases.Nobody, finding.Passed),
			cameTo("identity/other-id", cases.Insider, finding.Untried))},
		{finding.TakesAnybody, manualOf("compares-no-name", wire.Client,
			cameTo("chain/other-authority", cases.Nobody, finding.Passed),
			cameTo("identity/other-host", cases.Insider, finding.Failed))},
		{finding.Authenticates, manualOf("is-told-whom-to-admit", wire.Server,
			cameTo("chain/other-authority", cases.Nobody, finding.Passed),
			cameTo("protocol/no-client-certificate", cases.Nobody, finding.Passed),
			cameTo("identity/other-id", cases.Insider, finding.Passed))},
		{finding.TakesSome, manualOf("takes-common-names", wire.Client,
			cameTo("chain/other-authority", cases.Nobody, finding.Passed),
			cameTo("identity/other-host", cases.Insider, finding.Passed),
			cameTo("identity/host-only-in-common-name", cases.Insider, finding.Failed))},
		{finding.Authenticates, manualOf("client", wire.Client,
			cameTo("chain/other-authority", cases.Nobody, finding.Passed),
			cameTo("identity/other-host", cases.Insider, finding.Passed))},
		{finding.Unproven, finding.Audit{Role: wire.Server, Broke: "it ended"}},
	} {
		if got := test.audit.Promise(); got != test.want {
			t.Errorf("%v: got %q, want %q", test.audit.Product, got, test.want)
		}
		sc.Audits = append(sc.Audits, test.audit)
	}
	var page bytes.Buffer
	if err := card.Manuals(&page, sc); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"[asks-nobody](https://example.test/asks-nobody) | 2026-11-30 | server: as the page has it | - | lets in who",
		"| nobody 1 of 2 |", "30 November 2026, profile rfc5280: 9 pages.", "| could not be put to the test so | it ended |",
	} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("no %q in\n%s", want, page.String())
		}
	}
}

// Nothing good is said of what was not shown.
func TestPromiseUnshown(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		want finding.Promise
		came []finding.Finding
	}{
		{finding.Unproven, []finding.Finding{
			cameTo("chain/other-authority", cases.Nobody, finding.Inconclusive),
			cameTo("protocol/no-client-certificate", cases.Nobody, finding.Passed),
		}},
		{finding.Unproven, []finding.Finding{cameTo("chain/other-authority", cases.Nobody, finding.Passed)}},
		{finding.TakesStrangers, []finding.Finding{
			cameTo("chain/other-authority", cases.Nobody, finding.Passed),
			cameTo("protocol/no-client-certificate", cases.Nobody, finding.Passed),
			cameTo("protocol/wrong-key", cases.Nobody, finding.Failed),
		}},
	} {
		if got := manualOf("some", wire.Server, test.came...).Promise(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
