package drill_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/drill"
	"github.com/mtlslab/mtlslab/lab/limit"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/timeline"
)

// Our own server and client stand every drill.
func TestDrills(t *testing.T) {
	t.Parallel()
	stand(t, drill.Run{})
}

// stand demands that all claims of all drills hold.
func stand(t *testing.T, how drill.Run) {
	t.Helper()
	var all []drilled
	for _, d := range drill.All() {
		if !d.Isolated {
			all = append(all, drilled{d.Name, d, how})
		}
	}
	for i, shown := range drillAll(t, all) {
		mustHold(t, all[i].name, shown)
	}
}

func mustHold(t *testing.T, name string, shown *timeline.Timeline) {
	t.Helper()
	if len(shown.Claims) == 0 {
		t.Errorf("%s: nothing is claimed", name)
	}
	for _, c := range shown.Claims {
		if !c.Held {
			t.Errorf("%s: %s: %s; saw %s. %s", name, c.ID, c.Says, c.Saw, c.Mean)
		}
	}
	t.Logf("%s: %+v", name, timeline.Count(shown.Streams...))
}

type drilled struct {
	name string
	drill.Drill
	how drill.Run
}

// drillsAtOnce are as many as the machine can carry, whichever tests they are of: most of a drill
// is waiting for its next step.
var drillsAtOnce = limit.To(5)

func onProcesses(t *testing.T) *lab.Lab {
	t.Helper()
	l, err := lab.Start(t.Context(), lab.Config{Runtime: sandbox.Processes, TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return l
}

const (
	drillRate = 50 // of each, messages per second
	fewDrills = 4  // with -short
)

// drillAll carries drills out, several at once, on processes.
func drillAll(t *testing.T, all []drilled) []*timeline.Timeline {
	t.Helper()
	if testing.Short() {
		all = all[:min(len(all), fewDrills)]
	}
	l := onProcesses(t)
	shown := make([]*timeline.Timeline, len(all))
	var group errgroup.Group
	for i, d := range all {
		group.Go(func() (err error) {
			leave, err := drillsAtOnce.Enter(t.Context())
			if err != nil {
				return err
			}
			defer leave()
			d.how.Rate = drillRate
			if shown[i], err = l.Drill(t.Context(), d.Drill, d.how); err != nil {
				err = fmt.Errorf("%s: %w", d.name, err)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	return shown
}
