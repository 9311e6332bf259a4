package lab_test

import (
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// TestOwnPeersAreStrict audits our own server and client with nothing waived.
func TestOwnPeersAreStrict(t *testing.T) {
	t.Parallel()
	eachRuntime(t, func(t *testing.T, runtime lab.Runtime) {
		for _, role := range []wire.Role{wire.Server, wire.Client} {
			t.Run(string(role), func(t *testing.T) {
				t.Parallel()
				l := start(t, lab.Config{Runtime: runtime, Timeout: time.Minute})
				audit, err := l.Audit(t.Context(), lab.Audit{Role: role})
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range append(audit.Controls, audit.Findings...) {
					if f.Status != cases.Passed {
						t.Errorf("%s [%s] %s: %s %s %s\n  client: %s\n  server: %s\n  %s",
							f.Case, f.Version, f.Status, f.Decision, f.By, f.Reason, f.Client, f.Server, f.Means)
					}
				}
				t.Logf("%d findings in %v", len(audit.Findings), audit.Took)
			})
		}
	})
}
