package remedy_test

import (
	"testing"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// What was seen of a peer that does not serve the good client to the end shows nothing of a remedy.
func TestUncontrolled(t *testing.T) {
	t.Parallel()
	without := found(map[string]finding.Status{"chain/other-authority": finding.Failed})
	with := found(map[string]finding.Status{"chain/other-authority": finding.Passed})
	if r := (finding.Remedy{}).Compare(without, with, nil, nil); !r.Works() {
		t.Errorf("it does not work: %s", r.Why())
	}
	with.Controls[1].Status = finding.Failed
	if r := (finding.Remedy{}).Compare(without, with, nil, nil); r.Works() {
		t.Error("it works, and the good client was not served any more")
	}
}

// A peer that lets anybody in lets good ones in, too, and that is no merit. But one that then refuses
// most of these has no remedy.
func TestCosts(t *testing.T) {
	t.Parallel()
	audit := func(stranger finding.Status, good ...finding.Status) finding.Audit {
		a := found(map[string]finding.Status{"chain/other-authority": stranger})
		for i, status := range good {
			a.Findings = append(a.Findings, finding.Finding{
				Case: "good/" + string(rune('a'+i)), Role: wire.Server, Version: "1.3", Status: status,
				Attacker: cases.Good, Expect: cases.MustAccept,
			})
		}
		return a
	}
	const well, ill = finding.Passed, finding.Failed
	for _, test := range []struct {
		name          string
		without, with finding.Audit
		works         bool
		costs         int
	}{
		{"none", audit(ill, well, well, well), audit(well, well, well, well), true, 0},
		{"one of three", audit(ill, well, well, well), audit(well, ill, well, well), true, 1},
		{"most", audit(ill, well, well, well), audit(well, ill, ill, well), false, 0},
		{"one where strangers were refused anyway", audit(well, well, well, well), audit(well, ill, well, well), false, 0},
	} {
		r := finding.Remedy{}.Compare(test.without, test.with, nil, nil)
		if r.Works() != test.works || len(r.Costs) != test.costs {
			t.Errorf("%s: works %t, costs %q, worse %q", test.name, r.Works(), r.Costs, r.Worse)
		}
	}
}

// Nothing is demanded in a case that may be either: that it came to nothing makes no remedy worse.
// Where anything is demanded, it does.
func TestVoid(t *testing.T) {
	t.Parallel()
	for expect, works := range map[cases.Expectation]bool{
		cases.MayEither: true, cases.MustAccept: false, cases.MustRefuse: false,
	} {
		audit := func(stranger, other finding.Status) finding.Audit {
			a := found(map[string]finding.Status{"chain/other-authority": stranger})
			a.Findings = append(a.Findings, finding.Finding{
				Case: "other", Role: wire.Server, Version: "1.3", Status: other, Expect: expect,
			})
			return a
		}
		r := finding.Remedy{}.Compare(
			audit(finding.Failed, finding.Passed), audit(finding.Passed, finding.Inconclusive), nil, nil)
		if r.Works() != works {
			t.Errorf("%s: works %t: %s", expect, r.Works(), r.Why())
		}
	}
}
