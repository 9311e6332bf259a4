package drill_test

import (
	"testing"

	"github.com/mtlslab/mtlslab/lab/drill"
)

// In containers what is done to a server is done by the engine. They are heavy to start, and would
// disturb the times of drills beside them.
func TestDrillsInContainers(t *testing.T) {
	l := inContainers(t)
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
	l := onProcesses(t)
	d, err := drill.Named("network-cut")
	if err != nil {
		t.Fatal(err)
	}
	if shown, err := l.Drill(t.Context(), d, drill.Run{}); err == nil {
		t.Errorf("it was carried out: %v", shown.Verdict())
	}
}
