package lab_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// fickleCases are of each kind: some that are refused, some that are let in, and the dates.
var fickleCases = []string{
	"chain/self-signed", "chain/other-authority", "chain/namesake", "chain/tampered-names", "chain/cross-signed",
	"chain/root-presented", "chain/second-root", "usage/other-role", "usage/both-roles", "identity/other-id",
	"protocol/no-client-certificate", "protocol/wrong-key", "framing/plain-text-client", "resumption/while-valid",
	"operational/no-trust", "operational/no-key",
	"validity/expired", "validity/expired-a-second-ago", "validity/begins-now", "validity/not-yet-valid",
}

// fickleAtOnce bounds how many are audited at a time: what they are is told from how long
// they take, among others.
const fickleAtOnce = 2

// TestFicklePeers audits servers that change while they are put to the test, and honest ones
// that may seem to: what they are is named, and no case is judged by it.
func TestFicklePeers(t *testing.T) {
	t.Parallel()
	requireEngine(t)
	l := start(t, lab.Config{Runtime: sandbox.Containers})
	turns := make(chan struct{}, fickleAtOnce)
	expired := []string{"validity/expired", "validity/expired-a-second-ago"}
	for _, test := range []struct {
		name  string
		args  []string
		fixed bool // its files are at fixed places

		// With material that it cannot work with its socket is there, and nobody behind it. That
		// shows nothing, and takes a while.
		unanswered bool
		want       finding.Status

		incidents []finding.IncidentKind // each kind once or more
		by        []string               // the cases that bring crashes
		void      []string
	}{
		{name: "honest", want: finding.Passed},
		{name: "honest, slow", args: []string{"-fault", "slow"}, want: finding.Passed},
		{name: "honest, four workers", args: []string{"-workers=4"}, want: finding.Passed, unanswered: true},
		{name: "honest, closes without alert", args: []string{"-fault", "closes-on-bad-input"}, want: finding.Passed},
		{name: "honest, at fixed places", fixed: true, want: finding.Passed},
		{
			name: "locks out", args: []string{"-fault", "locks-out"}, want: finding.Passed,
			incidents: []finding.IncidentKind{finding.LockOut},
		},
		{
			name: "locks out at once", args: []string{"-fault", "locks-out-at-once"}, want: finding.Passed,
			incidents: []finding.IncidentKind{finding.LockOut}, void: []string{"framing/plain-text-client"},
		},
		{
			name: "ends", args: []string{"-fault", "ends-when-expired"}, want: finding.Failed,
			incidents: []finding.IncidentKind{finding.Crash}, by: expired, void: expired,
		},
		{
			name: "ends, and is started again", args: []string{"-supervised", "-fault", "ends-when-expired"},
			want: finding.Failed, incidents: []finding.IncidentKind{finding.Crash}, by: expired,
			void: expired, unanswered: true,
		},
		{
			name: "one of four workers ends", args: []string{"-workers=4", "-fault", "ends-when-expired"},
			want: finding.Failed, incidents: []finding.IncidentKind{finding.Crash}, by: expired,
			void: expired, unanswered: true,
		},
		{
			name: "its clock is behind", args: []string{"-fault", "behind"}, want: finding.Passed,
			incidents: []finding.IncidentKind{finding.ClockApart},
			void:      []string{"validity/expired-a-second-ago", "validity/begins-now"},
		},
		{
			name: "its clock is ahead", args: []string{"-fault", "ahead"}, want: finding.Passed,
			incidents: []finding.IncidentKind{finding.ClockApart},
			void:      []string{"validity/expired-a-second-ago", "validity/begins-now"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			turns <- struct{}{}
			defer func() { <-turns }()
			a := serverAs(t, l, brokenServer, test.args...)
			a.Reload = adapter.Reload{}
			if test.fixed {
				a.Material.Dir = "/certs"
				a.Command = []string{"-material", "/certs", "-listen", ":12345", "-allow", "{{.Client}}"}
			}
			tried := fickleCases
			if test.unanswered {
				tried = slices.DeleteFunc(
					slices.Clone(tried),
					func(id string) bool { return strings.HasPrefix(id, "operational/") },
				)
			}
			result, err := l.Audit(t.Context(), audit.Audit{
				Role: wire.Server, Peer: foreign.Image{Adapter: a}, Cases: tried, Versions: []string{"1.3"},
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := result.Verdict(); got != test.want {
				t.Errorf("the verdict is %s, want %s", got, test.want)
			}
			checkIncidents(t, result.Incidents, test.incidents, test.by)
			for _, f := range result.Findings {
				void := f.Status == finding.Inconclusive
				if f.Status == finding.Failed || void != slices.Contains(test.void, f.Case) {
					t.Errorf("%s is %s: %s %s\n  client: %s", f.Case, f.Status, f.Decision, f.Means, f.Client)
				}
			}
		})
	}
	if !slices.ContainsFunc(cases.All(), func(c cases.Case) bool { return c.ID == fickleCases[0] }) {
		t.Error("there is no such case")
	}
}

func checkIncidents(t *testing.T, got []finding.Incident, kinds []finding.IncidentKind, by []string) {
	t.Helper()
	seen, blamed := []finding.IncidentKind{}, []string{}
	for _, i := range got {
		if !slices.Contains(seen, i.Kind) {
			seen = append(seen, i.Kind)
		}
		if i.Case != "" {
			blamed = append(blamed, i.Case)
		}
	}
	slices.Sort(blamed)
	if !slices.Equal(seen, kinds) && len(seen)+len(kinds) > 0 || !slices.Equal(blamed, by) && len(blamed)+len(by) > 0 {
		t.Errorf("incidents %+v, want %q by %q", got, kinds, by)
	}
}
