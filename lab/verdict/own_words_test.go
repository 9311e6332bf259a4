package verdict_test

import (
	"testing"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// TestOwnWords judges a client that says what it says anyway, and of which nobody learns what it
// thinks came of it.
func TestOwnWords(t *testing.T) {
	t.Parallel()
	request := heard("GET / HTTP/1.1")
	nameless := request
	nameless.Peer = nil
	for name, test := range map[string]struct {
		rule     cases.Rule
		seen     attack.Connection
		decision verdict.Decision
		status   finding.Status
	}{
		"what it says is its message":              {accept, request, verdict.WasDelivered, finding.Passed},
		"an impostor that is said it has won":      {refuse, request, verdict.WasDelivered, finding.Failed},
		"an alert refuses":                         {refuse, alert(), verdict.WasRefused, finding.Passed},
		"without its certificate it shows nothing": {accept, nameless, verdict.Inconclusive, finding.Inconclusive},
		"a handshake alone shows nothing": {
			accept, end(attack.EndTimeout), verdict.Inconclusive, finding.Inconclusive,
		},
	} {
		trial := seen(wire.Client, test.rule, says(wire.Client, wire.Failed, ""), test.seen)
		trial.OwnWords = true
		if r := trial.Judge(); r.Decision != test.decision || r.Status != test.status {
			t.Errorf("%s: %s, %s; want %s, %s", name, r.Decision, r.Status, test.decision, test.status)
		}
		if trial.Anonymous = true; name == "without its certificate it shows nothing" {
			test.decision, test.status = verdict.WasDelivered, finding.Passed // it has none to show
		}
		if r := trial.Judge(); r.Decision != test.decision || r.Status != test.status {
			t.Errorf("%s, anonymous: %s, %s; want %s, %s", name, r.Decision, r.Status, test.decision, test.status)
		}
	}
}
