package main

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/mtlslab/mtlslab/lab/command"
)

// A signal that comes before its program has made ready for it waits for that, and neither ends it nor
// goes unheard.
func TestEarlySignal(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, first string }{{"not caught", "echo me"}, {"ignored", "trap '' USR1; echo me"}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			testEarlySignal(t, test.first)
		})
	}
}

func testEarlySignal(t *testing.T, first string) {
	t.Helper()
	in, lines := io.Pipe()
	out, reports := io.Pipe()
	go newRunner(reports).read(t.Context(), in)
	script := first + "; sleep 0.5; trap 'echo again; exit 5' USR1; while :; do sleep 0.02; done"
	what := command.Command{ID: "s", Argv: []string{"sh", "-c", script}, Limit: ample, Lines: true}
	go func() {
		_, _ = lines.Write(lineOf(t, what))
		_, _ = lines.Write(lineOf(t, command.Command{ID: "s", Signal: "USR1"}))
	}()
	var said []string
	for scanner := bufio.NewScanner(out); scanner.Scan(); {
		var back command.Result
		if err := json.Unmarshal(scanner.Bytes(), &back); err != nil {
			t.Fatal(err)
		}
		if back.Says == "" {
			if back.Exit != 5 || strings.Join(said, " ") != "me again" {
				t.Errorf("%+v, said %q", back, said)
			}
			return
		}
		said = append(said, back.Says)
	}
}
