//go:build unix

package main

import (
	"cmp"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/command"
)

// answersBy is a worker that answers what an expression of sed makes of a request, and for
// "N" the number of it.
func answersBy(expression string) []string {
	number := `\1`
	expression = strings.ReplaceAll(expression, "N", number)
	return []string{"sed", "-u", `s/.*"requestId":\([0-9]*\)}/` + expression + "/"}
}

func ended(how string) string { return "its worker ended without an answer: " + how + "\n" }

func TestWorker(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		worker []string
		words  string           // "word" if empty
		want   []command.Result // of as many runs in turn
		fault  string
	}{
		{
			name:   "carries out one after the other",
			worker: answersBy(`{"exitCode":N,"output":"said N\\n","requestId":N}`),
			want:   []command.Result{{Exit: 1, Out: "said 1\n"}, {Exit: 2, Out: "said 2\n"}, {Exit: 3, Out: "said 3\n"}},
		},
		{
			name:   "ends without an answer, and another is started for the next",
			worker: []string{"sh", "-c", "read line; echo gone >&2; exit 7"},
			want: []command.Result{
				{Exit: -1, Err: "gone\n" + ended("exit status 7")}, {Exit: -1, Err: "gone\n" + ended("exit status 7")},
			},
		},
		{
			name:   "is killed",
			worker: []string{"sh", "-c", "read line; kill -9 $$"},
			want:   []command.Result{{Exit: -1, Err: ended("signal: killed")}},
		},
		{
			name:   "answers and ends",
			worker: []string{"sh", "-c", `read line; echo '{"exitCode":4,"requestId":1}'`},
			want:   []command.Result{{Exit: 4}},
		},
		{
			name:   "ends as if all were well",
			worker: []string{"true"},
			want:   []command.Result{{Exit: -1, Err: ended("exit status 0")}},
		},
		{name: "answers no JSON", worker: answersBy("hello"), want: []command.Result{{Exit: -1}}, fault: "hello"},
		{
			name:   "answers something else",
			worker: answersBy(`{"exitCode":0,"requestId":9}`), want: []command.Result{{Exit: -1}}, fault: "9",
		},
		{
			name:   "hangs",
			worker: []string{"sh", "-c", "sleep 60; true"},
			want:   []command.Result{{Exit: -1, TimedOut: true}, {Exit: -1, TimedOut: true}},
		},
		{
			name:   "reads nothing of a request that is larger than a pipe",
			worker: []string{"sleep", "60"}, words: strings.Repeat("w", 1<<20),
			want: []command.Result{{Exit: -1, TimedOut: true}},
		},
		{name: "is not there", worker: []string{"/no/such/program"}, want: []command.Result{{Exit: -1}}, fault: "no such"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRunner(io.Discard)
			for i, want := range test.want {
				limit := ample
				if want.TimedOut {
					limit = 100 * time.Millisecond
				}
				got := r.runInWorker(
					t.Context(),
					command.Command{Worker: test.worker, Argv: []string{cmp.Or(test.words, "word")}, Limit: limit},
				)
				if !strings.Contains(got.Fault, test.fault) || (got.Fault == "") != (test.fault == "") {
					t.Errorf("run %d: fault %q, want one of %q", i+1, got.Fault, test.fault)
				}
				if got.Fault = ""; got != want {
					t.Errorf("run %d: got  %+v\nwant %+v", i+1, got, want)
				}
			}
		})
	}
}

// A line that nobody asked for is not taken for the next answer.
func TestWorkerThatSaysMore(t *testing.T) {
	t.Parallel()
	r := newRunner(io.Discard)
	what := command.Command{
		Worker: []string{"sh", "-c", `while read line; do echo '{"exitCode":3,"requestId":1}'; echo; echo more; done`},
		Argv:   []string{"word"}, Limit: ample,
	}
	for i := range 2 {
		if got := r.runInWorker(t.Context(), what); got.Exit != 3 || got.Fault != "" {
			t.Errorf("run %d: %+v", i+1, got)
		}
		for _, w := range slices.Concat(slices.Collect(maps.Values(r.workers.idle))...) {
			w.answers <- <-w.answers // it has been said
		}
	}
}

// TestWorkersAtOnce has each command carried out by a worker that does nothing else, and no more
// workers than there were commands at once.
func TestWorkersAtOnce(t *testing.T) {
	t.Parallel()
	r := newRunner(io.Discard)
	what := command.Command{Worker: answersBy(`{"output":"N","requestId":N}`), Limit: ample}
	const rounds, atOnce = 10, 3
	sum := 0
	for range rounds {
		var group sync.WaitGroup
		outs := make([]string, atOnce)
		for i := range atOnce {
			group.Go(func() { outs[i] = r.runInWorker(t.Context(), what).Out })
		}
		group.Wait()
		for _, out := range outs {
			n, err := strconv.Atoi(out)
			if err != nil {
				t.Fatalf("%q is no number of a run", out)
			}
			sum += n
		}
	}
	idle := 0
	for _, of := range r.workers.idle {
		idle += len(of)
	}
	if idle > atOnce || sum < rounds*(rounds+1)/2*atOnce {
		t.Errorf("%d workers at the end, whose runs were of number %d in sum", idle, sum)
	}
}
