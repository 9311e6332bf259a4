package remedy_test

import (
	"context"
	"slices"
	"testing"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/remedy"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Every remedy and every report of the gallery is about cases that there are.
func TestGallery(t *testing.T) {
	t.Parallel()
	all, err := foreign.Gallery()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if err := remedy.Check(p); err != nil {
			t.Error(err)
		}
	}
}

// found is an audit that came to a status for each case.
func found(statuses map[string]finding.Status) finding.Audit {
	control := finding.Finding{Case: "control", Status: finding.Passed, Decision: "delivered"}
	a := finding.Audit{Controls: []finding.Finding{control, control}}
	for id, status := range statuses {
		a.Findings = append(a.Findings, finding.Finding{
			Case: id, Role: wire.Server, Version: "1.3", Status: status, Attacker: cases.Nobody, Expect: cases.MustRefuse,
		})
	}
	return a
}

// answers is an auditor to whom the audits with a remedy are known.
type answers struct {
	with  finding.Audit
	err   error
	asked []audit.Audit
}

func (a *answers) Audit(_ context.Context, what audit.Audit) (finding.Audit, error) {
	a.asked = append(a.asked, what)
	return a.with, a.err
}

func TestTry(t *testing.T) {
	t.Parallel()
	const stranger, expired, good = "chain/other-authority", "validity/expired", "chain/cross-signed"
	shop := &adapter.Adapter{
		Name: "shop", Command: []string{"serve", "off"},
		Remedies: []adapter.Remedy{{
			Setting: "on", Source: "the manual", Change: map[string]string{"off": "on"},
			Mends: []string{"chain/"}, Fails: []string{expired},
		}},
	}
	without := map[string]finding.Status{stranger: finding.Failed, expired: finding.Failed, good: finding.Passed}
	for _, test := range []struct {
		name  string
		with  map[string]finding.Status
		err   error
		works bool
		why   string
	}{
		{
			name: "it mends what it is to", works: true, why: "with it validity/expired fail as before",
			with: map[string]finding.Status{stranger: finding.Passed, expired: finding.Failed, good: finding.Passed},
		},
		{
			name: "it refuses everybody", why: "with it chain/cross-signed no longer pass",
			with: map[string]finding.Status{stranger: finding.Passed, expired: finding.Failed, good: finding.Failed},
		},
		{
			name: "nothing is shown any more of a good peer", why: "with it chain/cross-signed no longer pass",
			with: map[string]finding.Status{stranger: finding.Passed, expired: finding.Failed, good: finding.Inconclusive},
		},
		{
			name: "it mends nothing", why: "it is said to mend chain/, and does not",
			with: map[string]finding.Status{stranger: finding.Failed, expired: finding.Failed, good: finding.Passed},
		},
		{
			name: "nothing is shown of what it is to mend", why: "it is said to mend chain/, and does not",
			with: map[string]finding.Status{stranger: finding.Inconclusive, expired: finding.Failed, good: finding.Passed},
		},
		{
			name: "it mends what it was tried for in vain",
			why:  "it is said to have been tried for validity/expired in vain, and mends it",
			with: map[string]finding.Status{stranger: finding.Passed, expired: finding.Passed, good: finding.Passed},
		},
		{
			name: "the peer does not start with it", err: &peer.UnusableError{Peer: "shop", What: "it ended"},
			why: "with it the peer cannot be put to the test: it ended",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			by := &answers{with: found(test.with), err: test.err}
			what := audit.Audit{Role: wire.Server, Peer: foreign.Image{Adapter: shop}, Cases: []string{stranger}}
			a, err := remedy.Try(t.Context(), by, what, found(without))
			if err != nil {
				t.Fatal(err)
			}
			if len(a.Remedies) != 1 {
				t.Fatalf("%d remedies", len(a.Remedies))
			}
			r := a.Remedies[0]
			if r.Works() != test.works || r.Why() != test.why {
				t.Errorf("works %t, because %q", r.Works(), r.Why())
			}
			if open := slices.Contains(a.Open(), stranger); open == test.works {
				t.Errorf("%s is open: %t", stranger, open)
			}
			asked := by.asked[0].Peer.(foreign.Image).Adapter
			if !slices.Equal(asked.Command, []string{"serve", "on"}) || len(asked.Remedies) > 0 {
				t.Errorf("the second peer is run by %q, with %d remedies", asked.Command, len(asked.Remedies))
			}
		})
	}
}
