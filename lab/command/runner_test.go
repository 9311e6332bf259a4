package command_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/command"
	"github.com/mtlslab/mtlslab/lab/journal"
)

// Results come in whatever order, each to whoever gave the command; commands that have
// none when their container ends are over with it.
func TestResultsComeToTheirCommands(t *testing.T) {
	t.Parallel()
	in, stdin := io.Pipe()
	stdout, out := io.Pipe()
	c := command.NewRunner("peer", stdin, stdout, func() string { return "" })
	told := make(chan string)
	go func() {
		for lines := bufio.NewScanner(in); lines.Scan(); {
			e, _ := command.Parse(lines.Bytes())
			told <- e.ID
		}
	}()
	sent := make(map[string]*command.Running)
	for _, id := range []string{"first", "second", "lost"} {
		e, err := c.Start(command.Command{ID: id, Argv: []string{"true"}, Limit: time.Minute})
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
		if back, err := sent[id].Wait(t.Context()); err != nil || back.Exit != want {
			t.Errorf("%s: %+v, %v", id, back, err)
		}
	}
	if said := sent["first"].Lines.All(); len(said) != 1 || said[0] != "hello" {
		t.Errorf("first said %q", said)
	}
	if _, err := sent["lost"].Wait(t.Context()); !errors.Is(err, journal.ErrEnded) {
		t.Errorf("lost: %v", err)
	}
	if _, err := c.Start(command.Command{ID: "late", Argv: []string{"true"}, Limit: time.Minute}); !errors.Is(
		err,
		journal.ErrEnded,
	) {
		t.Errorf("late: %v", err)
	}
}
