package console_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/mtlslab/mtlslab/lab/console"
)

func TestBoard(t *testing.T) {
	t.Parallel()
	steps := func(l *console.Board) {
		l.Update("server nginx", 0, 0)
		l.Update("server nginx", 1, 3)
		l.Update("server nginx", 1, 3) // says nothing new
		l.Done("server nginx", "1 failed", "failed: 1 failed in 4.20 s", console.Red)
		l.Update("server nginx", 2, 3) // comes late
		l.Broke("client \u202ecurl", errors.New("no image \x1b[2J"))
		l.Clear()
		l.Clear()
	}
	const top, line, end = "\r\x1b[2A", "\x1b[K", "\n\x1b[J"
	const nginx, curl = line + "server nginx       ", "\n" + line + `client \u202ecurl  `
	for _, c := range []struct {
		name     string
		terminal bool
		want     string
	}{
		{"file", false, "server nginx  failed: 1 failed in 4.20 s\n" +
			`client \u202ecurl  broke: no image \x1b[2J` + "\n"},
		{"terminal", true, nginx + "starting" + curl + "waiting" + end +
			top + nginx + " 33 %  1 of 3" + curl + "waiting" + end +
			top + nginx + "done   1 failed" + curl + "waiting" + end +
			top + nginx + "done   1 failed" + curl + `broke: no image \x1b[2J` + end +
			top + "\x1b[J"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			steps(&console.Board{Out: &out, Terminal: c.terminal, Peers: []string{"server nginx", "client \u202ecurl"}})
			if out.String() != c.want {
				t.Errorf("got %q, want %q", out.String(), c.want)
			}
		})
	}
}

// screen is what a terminal shows that understands what Board sends, and is of a
// height: what has scrolled away is out of reach.
type screen struct {
	lines  []string
	height int
	row    int
}

func (s *screen) write(t *testing.T, text string) {
	t.Helper()
	for text != "" {
		var up int
		switch {
		case strings.HasPrefix(text, "\x1b[K"):
			text = text[3:]
		case strings.HasPrefix(text, "\x1b[J"):
			s.lines = s.lines[:s.row]
			text = text[3:]
		case strings.HasPrefix(text, "\r"):
			text = text[1:]
		case strings.HasPrefix(text, "\x1b["):
			if _, err := fmt.Sscanf(text, "\x1b[%dA", &up); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			s.row -= up
			if s.row < 0 || len(s.lines)-s.row >= s.height {
				t.Fatalf("the cursor goes to row %d of %d", s.row, len(s.lines))
			}
			text = text[strings.IndexByte(text, 'A')+1:]
		default:
			line, rest, _ := strings.Cut(text, "\n")
			s.lines = append(s.lines[:s.row], append([]string{line}, s.lines[min(s.row+1, len(s.lines)):]...)...)
			s.row++
			text = rest
		}
	}
}

// More peers than the terminal has lines: those at work are shown, and the others
// are counted.
func TestBoardOnALowTerminal(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 28 {
		names = append(names, fmt.Sprintf("server %02d", i))
	}
	var out bytes.Buffer
	l := console.Board{Out: &out, Terminal: true, Height: 8, Width: 40, Peers: names}
	terminal := &screen{height: 8}
	for i, name := range names {
		l.Update(name, 1, 4)
		if i >= 3 {
			l.Done(names[i-3], "3 passed", "", console.Green)
		}
		terminal.write(t, out.String())
		out.Reset()
		if len(terminal.lines) != 7 {
			t.Fatalf("%d lines: %q", len(terminal.lines), terminal.lines)
		}
		for _, line := range terminal.lines {
			if console.Columns(line) > 39 {
				t.Errorf("%q is too long", line)
			}
		}
		if shown := strings.Join(terminal.lines, "\n"); !strings.Contains(shown, name+"   25 %") {
			t.Errorf("%s is not shown in\n%s", name, shown)
		}
	}
	if last := terminal.lines[6]; last != "and 22 done" {
		t.Errorf("the last line is %q", last)
	}
	l.Clear()
	terminal.write(t, out.String())
	if len(terminal.lines) != 0 {
		t.Errorf("left over: %q", terminal.lines)
	}
}

func TestBoardFromManySides(t *testing.T) {
	t.Parallel()
	for _, terminal := range []bool{true, false} {
		var out bytes.Buffer
		l := console.Board{Out: &out, Terminal: terminal, Color: true}
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				name := fmt.Sprint("peer ", i)
				for done := range 10 {
					l.Update(name, done, 10)
				}
				l.Done(name, "2 passed", "passed: 2 passed", console.Green)
			})
		}
		all.Wait()
		l.Clear()
		if !terminal && strings.Count(out.String(), "passed: 2 passed\n") != 20 {
			t.Errorf("got %q", out.String())
		}
	}
}
