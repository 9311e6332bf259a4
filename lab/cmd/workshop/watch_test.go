package workshop_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/cmd/workshop"
	"github.com/mtlslab/mtlslab/lab/exercises"
)

// said is what a command has printed so far, for whoever waits for a text in it.
type said struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
	return s.text.Write(p)
}

// patience is longer than any check takes that comes.
const patience = time.Minute

func (s *said) await(t *testing.T, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		s.mu.Lock()
		found, changed := strings.Contains(s.text.String(), text), s.changed
		s.mu.Unlock()
		if found {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			s.mu.Lock()
			defer s.mu.Unlock()
			t.Fatalf("%q is not in\n%s", text, s.text.String())
		}
	}
}

// TestWatch has each save checked, and a hint shown that another terminal has opened.
func TestWatch(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "workshop")
	learn := func(ctx context.Context, out *said, args ...string) error {
		cmd := workshop.New()
		cmd.SetArgs(append(args, "--workshop", dir))
		cmd.SetOut(out)
		return cmd.ExecuteContext(ctx)
	}
	other := &said{changed: make(chan struct{})}
	if err := learn(t.Context(), other, "start", "00", "--name", "ada"); err != nil {
		t.Fatal(err)
	}
	watching, stop := context.WithCancel(t.Context())
	defer stop()
	screen := &said{changed: make(chan struct{})}
	ended := make(chan error)
	go func() { ended <- learn(watching, screen, "watch", "--plain") }()
	screen.await(t, "Somebody who was given a")

	file := filepath.Join(dir, "00-the-lab", "lab.yaml")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	trusted := strings.Replace(string(content), "authority: stranger", "authority: lab", 1)
	if err := os.WriteFile(file, []byte(trusted), 0o600); err != nil {
		t.Fatal(err)
	}
	screen.await(t, "The impostor got in")
	if err := learn(t.Context(), other, "hint"); err != nil {
		t.Fatal(err)
	}
	screen.await(t, "symptom")
	at := strings.LastIndex(trusted, "usage: [clientAuth]")
	mended := trusted[:at] + "usage: [serverAuth]" + trusted[at+len("usage: [clientAuth]"):]
	if err := os.WriteFile(file, []byte(mended), 0o600); err != nil {
		t.Fatal(err)
	}
	all := len(exercises.All())
	screen.await(t, fmt.Sprintf("#%s 1 of %d", strings.Repeat(".", all-1), all))
	stop()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}
