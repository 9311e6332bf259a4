package lab

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/mtlslab/mtlslab/lab/command"
)

// Errands return in whatever order, each to whoever sent it; those that are still
// out when their container ends are over with it.
func TestErrandsReturnToTheirSenders(t *testing.T) {
	t.Parallel()
	in, stdin := io.Pipe()
	stdout, out := io.Pipe()
	c := sentOn("peer", &process{stdin: stdin, stdout: stdout, stderr: new(tail)})
	told := make(chan string)
	go func() {
		for lines := bufio.NewScanner(in); lines.Scan(); {
			e, _ := command.Parse(lines.Bytes())
			told <- e.ID
		}
	}()
	sent := make(map[string]*errand)
	for _, id := range []string{"first", "second", "lost"} {
		e, err := c.send(command.Command{ID: id, Argv: []string{"true"}, Limit: startLimit})
		if err != nil || <-told != id {
			t.Fatal(err)
		}
		sent[id] = e
	}
	go func() {
		_, _ = fmt.Fprintln(out, `{"id":"second","exit":2}`)
		_, _ = fmt.Fprintln(out, `{"id":"nobody","exit":9}`)
		_, _ = fmt.Fprintln(out, `{"id":"first","says":"hello","exit":0}`)
		_, _ = fmt.Fprintln(out, `{"id":"first","exit":1}`)
		_ = out.Close()
	}()
	for id, want := range map[string]int{"first": 1, "second": 2} {
		if back, err := sent[id].wait(t.Context()); err != nil || back.Exit != want {
			t.Errorf("%s: %+v, %v", id, back, err)
		}
	}
	if said := sent["first"].says.all(); len(said) != 1 || said[0] != "hello" {
		t.Errorf("first said %q", said)
	}
	if _, err := sent["lost"].wait(t.Context()); !errors.Is(err, errSilent) {
		t.Errorf("lost: %v", err)
	}
	if _, err := c.send(command.Command{ID: "late", Argv: []string{"true"}, Limit: startLimit}); !errors.Is(err, errSilent) {
		t.Errorf("late: %v", err)
	}
}
