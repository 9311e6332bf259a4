package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// transcript keeps what is written to it, and lets tests wait for a line.
type transcript struct {
	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{} // closed when something is written
}

func newTranscript() *transcript { return &transcript{changed: make(chan struct{})} }

func (l *transcript) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
	return l.text.Write(p)
}

func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *transcript) lines() []string {
	lines := strings.Split(l.String(), "\n")
	return lines[:len(lines)-1]
}

// await returns the first line that is found, there already or yet to come.
func (l *transcript) await(t testing.TB, what string, found func(line string) bool) string {
	t.Helper()
	return l.awaitAfter(t, 0, what, found)
}

// awaitAfter does not look at the first lines.
func (l *transcript) awaitAfter(t testing.TB, skip int, what string, found func(line string) bool) string {
	t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for seen := skip; ; {
		l.mu.Lock()
		changed := l.changed
		l.mu.Unlock()
		lines := l.lines()
		for ; seen < len(lines); seen++ {
			if found(lines[seen]) {
				return lines[seen]
			}
		}
		select {
		case <-changed:
		case <-limit.C:
			t.Fatalf("waited in vain: %s\n%.4000s", what, l)
		}
	}
}

// parse reads an outcome; what is none is an empty one.
func parse(line string) wire.Outcome {
	o, _ := wire.ParseOutcome([]byte(line))
	return o
}

func isKind(kind wire.Kind) func(string) bool {
	return func(line string) bool { return parse(line).Kind == kind }
}

// procStatus reads one figure of /proc/PID/status.
func procStatus(t testing.TB, pid int, key string) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	try(t, err)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			var figure int
			_, err := fmt.Sscan(rest, &figure)
			try(t, err)
			return figure
		}
	}
	t.Fatalf("no %s in /proc/%d/status", key, pid)
	return 0
}
