package labtest

import (
	"strings"

	"github.com/mtlslab/mtlslab/lab/drill"
	"github.com/mtlslab/mtlslab/lab/timeline"
)

// Drill changes the world of a server and its clients, our own where how names no others, while
// messages flow; and fails the test by each claim that does not hold. What becomes of every message
// is in the timeline that it returns.
//
//	labtest.Start(t).Drill("root-rotation", drill.Run{Rate: 200})
func (l *Lab) Drill(name string, how drill.Run) *timeline.Timeline {
	l.tb.Helper()
	d, err := drill.Named(name)
	if err != nil {
		l.tb.Fatal(err)
	}
	shown, err := l.usual().Drill(l.tb.Context(), d, how)
	if err != nil {
		l.tb.Fatal(err)
	}
	var text strings.Builder
	if err := shown.Text(&text, timeline.Options{}); err != nil {
		l.tb.Fatal(err)
	}
	l.tb.Log("\n" + text.String())
	for _, c := range shown.Claims {
		switch {
		case c.Held:
		case c.Void != "":
			l.tb.Errorf("%s: nothing was shown: %s; seen: %s", c.Says, c.Void, c.Saw)
		default:
			l.tb.Errorf("%s; seen: %s. %s", c.Says, c.Saw, c.Mean)
		}
	}
	return shown
}
