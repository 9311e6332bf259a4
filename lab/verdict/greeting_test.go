package verdict_test

import (
	"testing"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// A server that greets whoever comes, and closes, has refused. One that answers in words of its own,
// and closes, may have taken the message for something else.
func TestGreeting(t *testing.T) {
	t.Parallel()
	const greeting = "220 here\r\n"
	c := end(attack.EndEOF)
	c.Heard, c.HeardBytes = greeting, len(greeting)
	trial := seen(wire.Server, refuse, nil, c)
	if r := trial.Judge(); r.Decision != verdict.WasRefused || r.Status != finding.Passed {
		t.Errorf("greeted: %s, %s: %s", r.Decision, r.Status, r.Means)
	}
	trial.Answered = true
	if r := trial.Judge(); r.Decision != verdict.Inconclusive || r.Status != finding.Inconclusive {
		t.Errorf("answered: %s, %s: %s", r.Decision, r.Status, r.Means)
	}
}
