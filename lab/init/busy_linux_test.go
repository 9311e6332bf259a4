package main

import (
	"io"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/command"
)

// Who is busy over the limit is slow, and goes on; who rests then has hung; and who never rests
// has hung as well.
func TestOutlast(t *testing.T) {
	t.Parallel()
	const busy = `end=$(($(date +%s%N) + 1500000000)); while [ $(date +%s%N) -lt $end ]; do :; done; `
	for name, test := range map[string]struct {
		script string
		want   command.Result
	}{
		"is slow":         {busy + "echo done", command.Result{Out: "done\n"}},
		"is slow, hangs":  {busy + "sleep 60", command.Result{Exit: -1, TimedOut: true}},
		"is never done":   {"while :; do :; done", command.Result{Exit: -1, TimedOut: true}},
		"its child hangs": {"sleep 60 & wait", command.Result{Exit: -1, TimedOut: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			what := command.Command{Argv: []string{"sh", "-c", test.script}, Limit: time.Second}
			began := time.Now()
			got := newRunner(io.Discard).run(t.Context(), what, newRunning())
			if got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
			if took := time.Since(began); took > ample {
				t.Errorf("it took %v", took)
			}
		})
	}
}
