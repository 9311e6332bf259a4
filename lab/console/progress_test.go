package console_test

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/mtlslab/mtlslab/lab/console"
)

func TestProgress(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		terminal bool
		width    int
		total    int
		want     string
	}{
		{"file", false, 0, 25, " 12 %  3 of 25\n 20 %  5 of 25\n 32 %  8 of 25\n 40 %  10 of 25\n 52 %  13 of 25\n" +
			" 60 %  15 of 25\n 72 %  18 of 25\n 80 %  20 of 25\n 92 %  23 of 25\n100 %  25 of 25\n"},
		{"file, few", false, 0, 2, " 50 %  1 of 2\n100 %  2 of 2\n"},
		{"file, none", false, 0, 0, ""},
		{"terminal", true, 0, 1, "\r\x1b[K  0 %  0 of 1  a/b\\u202e\r\x1b[K100 %  1 of 1  a/b\\u202e\r\x1b[K"},
		{"terminal, narrow", true, 18, 1, "\r\x1b[K  0 %  0 of 1  a/\r\x1b[K100 %  1 of 1  a/\r\x1b[K"},
		{"terminal, none", true, 0, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			p := console.Progress{Out: &out, Terminal: c.terminal, Width: c.width}
			for done := range c.total + 1 {
				p.Update(done, c.total, "a/b\u202e")
			}
			p.Clear()
			p.Clear()
			if out.String() != c.want {
				t.Errorf("got %q, want %q", out.String(), c.want)
			}
		})
	}
}

func TestProgressFromManySides(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := console.Progress{Out: &out}
	var all sync.WaitGroup
	for done := range 100 {
		all.Go(func() { p.Update(done+1, 100, "") })
	}
	all.Wait()
	if last := out.String(); !strings.HasSuffix(last, "100 %  100 of 100\n") {
		t.Errorf("got %q", last)
	}
}

func TestIsTerminal(t *testing.T) {
	t.Parallel()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, file := range []*os.File{null, reader, writer} {
			_ = file.Close()
		}
	})
	if console.IsTerminal(null) || console.IsTerminal(writer) || console.IsTerminal(&bytes.Buffer{}) {
		t.Error("what is no terminal is one")
	}
	if file, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0); err == nil {
		defer func() { _ = file.Close() }()
		if !console.IsTerminal(file) {
			t.Error("a terminal is none")
		}
	}
}
