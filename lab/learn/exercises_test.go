package learn_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/exercises"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/learn"
	"github.com/mtlslab/mtlslab/lab/sandbox"
)

// TestExercises goes through every exercise as it is given, solved, mended wrongly and cheated at.
func TestExercises(t *testing.T) {
	t.Parallel()
	k := checker(t, lab.Config{Runtime: sandbox.Processes})
	for _, e := range exercises.All() {
		if e.Engine {
			continue
		}
		t.Run(e.ID, func(t *testing.T) {
			t.Parallel()
			if e.Kind == exercises.Programs {
				needLanguages(t)
			}
			faults, err := k.Verify(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range faults {
				t.Error(fault)
			}
		})
	}
}

// TestExercisesInContainers goes through the one that has an image, and those that need an engine.
func TestExercisesInContainers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: no containers")
	}
	if _, err := sandbox.Connect(t.Context()); err != nil && os.Getenv("MTLSLAB_REQUIRE_ENGINE") == "" {
		t.Skip("no engine answers")
	}
	k := checker(t, lab.Config{Runtime: sandbox.Containers})
	for _, e := range exercises.All() {
		if e.ID != "11-the-audit" && !e.Engine {
			continue
		}
		t.Run(e.ID, func(t *testing.T) {
			t.Parallel()
			faults, err := k.Verify(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range faults {
				t.Error(fault)
			}
		})
	}
}

// needLanguages skips a test whose languages are not there, and fails it where nothing may be
// missing.
func needLanguages(t *testing.T) {
	t.Helper()
	for _, l := range learn.Languages() {
		switch what := l.Missing(); {
		case what == "":
		case os.Getenv("MTLSLAB_REQUIRE_TOOLS") != "":
			t.Fatal(what, " is missing")
		default:
			t.Log(what, " is missing: not tried")
		}
	}
}

// checker audits in one lab, which ends with the test.
func checker(t *testing.T, cfg lab.Config) learn.Checker {
	t.Helper()
	cfg.TTL = time.Hour // on a slow machine, too
	l, err := lab.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return learn.Checker{
		Containers: cfg.Runtime == sandbox.Containers,
		Drill:      l.Drill,
		Audit:      func(ctx context.Context, what audit.Audit) (finding.Audit, error) { return l.Audit(ctx, what) },
	}
}
