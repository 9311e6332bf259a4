package drill_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/drill"
	"github.com/mtlslab/mtlslab/lab/labtest"
	"github.com/mtlslab/mtlslab/lab/sandbox"
)

// In containers what is done to a server is done by the engine. They are heavy to start, and would
// disturb the times of drills beside them.
func TestDrillsInContainers(t *testing.T) {
	if testing.Short() {
		t.Skip("containers take seconds")
	}
	l, err := lab.Start(t.Context(), lab.Config{Runtime: sandbox.Containers})
	switch {
	case errors.Is(err, sandbox.ErrNoEngine) && os.Getenv(labtest.RequireEngine) != "1":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	for _, name := range []string{"root-rotation", "network-cut", "step-ca", "step-ca-late"} {
		d, err := drill.Named(name)
		if err != nil {
			t.Fatal(err)
		}
		shown, err := l.Drill(t.Context(), d, drill.Run{Rate: drillRate})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		mustHold(t, name, shown)
	}
}

// A process has no network of its own.
func TestIsolatedDrill(t *testing.T) {
	t.Parallel()
	l, err := lab.Start(t.Context(), lab.Config{Runtime: sandbox.Processes})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close(t.Context()) //nolint:errcheck // nothing was started
	d, err := drill.Named("network-cut")
	if err != nil {
		t.Fatal(err)
	}
	if shown, err := l.Drill(t.Context(), d, drill.Run{}); err == nil {
		t.Errorf("it was carried out: %v", shown.Verdict())
	}
}
