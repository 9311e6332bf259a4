package main

import (
	"bytes"
	"testing"
	"time"
)

// A name never touches what comes after it, and columns stay where they are.
func TestLine(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"go":          "go        ok: 1.26                                                        1.0 ms\n",
		"leftovers":   "leftovers ok: 1.26                                                        1.0 ms\n",
		"abcdefghij":  "abcdefghij\n          ok: 1.26                                                        1.0 ms\n",
		"debootstrap": "debootstrap\n          ok: 1.26                                                        1.0 ms\n",
	} {
		var out bytes.Buffer
		n := &narrator{out: &out}
		n.line(name, "ok: 1.26", time.Millisecond)
		if got := out.String(); got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	}
}
