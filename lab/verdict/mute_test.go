package verdict_test

import (
	"testing"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// TestMute judges a server that answers nothing: what is in its log arrived. Of one that answers,
// the same shows nothing.
func TestMute(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mute     bool
		logged   bool
		rule     cases.Rule
		seen     attack.Connection
		decision verdict.Decision
		status   finding.Status
	}{
		"logged":                   {true, true, accept, end(attack.EndEOF), verdict.WasDelivered, finding.Passed},
		"an impostor's is logged":  {true, true, refuse, end(attack.EndEOF), verdict.WasDelivered, finding.Failed},
		"logged after an alert":    {true, true, refuse, alert(), verdict.WasDelivered, finding.Failed},
		"an alert":                 {true, false, refuse, alert(), verdict.WasRefused, finding.Passed},
		"closed, and not logged":   {true, false, refuse, end(attack.EndEOF), verdict.WasRefused, finding.Passed},
		"good, and not logged":     {true, false, accept, end(attack.EndEOF), verdict.WasRefused, finding.Failed},
		"it does not close":        {true, false, refuse, end(attack.EndTimeout), verdict.Inconclusive, finding.Inconclusive},
		"logged, and it would say": {false, true, refuse, end(attack.EndEOF), verdict.Inconclusive, finding.Failed},
	} {
		trial := seen(wire.Server, test.rule, nil, test.seen)
		trial.Mute = test.mute
		if test.logged {
			trial.Account = says(wire.Server, wire.Received, "")
			trial.Account.Message = &trial.Sent
		}
		if r := trial.Judge(); r.Decision != test.decision || r.Status != test.status {
			t.Errorf("%s: %s, %s; want %s, %s", name, r.Decision, r.Status, test.decision, test.status)
		}
	}
}
