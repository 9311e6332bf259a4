package lab_test

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

var auditRuns = flag.Int("audit-runs", 1, "how often our own peers are audited on each runtime")

// TestOwnPeersAreStrict audits our own server and client with nothing waived.
// Every run, on whichever runtime, must come to the same verdicts for the same
// reasons; the trials of a run go on side by side, in random order.
func TestOwnPeersAreStrict(t *testing.T) {
	for _, role := range []wire.Role{wire.Server, wire.Client} {
		t.Run(string(role), func(t *testing.T) {
			var first map[string]string
			for _, runtime := range []sandbox.Runtime{sandbox.Processes, sandbox.Containers} {
				t.Run(string(runtime), func(t *testing.T) {
					if runtime == sandbox.Containers {
						requireEngine(t)
					}
					for range *auditRuns {
						verdicts := auditOwn(t, runtime, role)
						if first == nil {
							first = verdicts
						}
						if diff := cmp.Diff(first, verdicts); diff != "" {
							t.Errorf("the first run (-) and this one (+):\n%s", diff)
						}
					}
				})
			}
		})
	}
}

// beyondOwn says whether a case is none to our own programs: they speak no HTTP, and where they run no
// system trusts anybody. TestSystemStore of the server is about that.
func beyondOwn(c cases.Case) bool {
	return c.Head != nil || slices.Contains(c.Needs, cases.SystemStore)
}

// auditOwn returns what came of each case.
func auditOwn(t *testing.T, runtime sandbox.Runtime, role wire.Role) map[string]string {
	t.Helper()
	l := start(t, lab.Config{Runtime: runtime, Timeout: time.Minute})
	audit, err := l.Audit(t.Context(), audit.Audit{Role: role})
	if err != nil {
		t.Fatal(err)
	}
	verdicts := make(map[string]string)
	for _, f := range audit.Findings {
		verdicts[fmt.Sprintf("%s [%s]", f.Case, f.Version)] = fmt.Sprintf(
			"%s %s %s %s",
			f.Status,
			f.Decision,
			f.By,
			f.Reason,
		)
	}
	for _, f := range append(audit.Controls, audit.Findings...) {
		if c, _ := cases.Find(f.Case); !beyondOwn(c) && f.Status != finding.Passed {
			t.Errorf("%s [%s] %s: %s %s %s\n  client: %s\n  server: %s\n  %s",
				f.Case, f.Version, f.Status, f.Decision, f.By, f.Reason, f.Client, f.Server, f.Means)
		}
	}
	t.Logf("%d findings in %v", len(audit.Findings), audit.Took.Round(time.Millisecond))
	if err := l.Close(t.Context()); err != nil {
		t.Error(err)
	}
	return verdicts
}
