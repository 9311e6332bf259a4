package cli_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mtlslab/mtlslab/lab/cmd/cli"
)

// A file is written whole or not at all, and one that cannot be is found out at once.
func TestOutput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.json")
	if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	content := func() string {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	left := func() int {
		t.Helper()
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	out, err := cli.OpenOutput(path)
	if err != nil {
		t.Fatal(err)
	}
	out.Discard()
	if content() != "before" || left() != 1 {
		t.Errorf("what was discarded left %q, and %d files", content(), left())
	}
	if err := cli.ReplaceFile(path, func(w io.Writer) error {
		_, _ = w.Write([]byte("half"))
		return os.ErrDeadlineExceeded
	}); err == nil || content() != "before" || left() != 1 {
		t.Errorf("error %v, %q, and %d files", err, content(), left())
	}
	out, err = cli.OpenOutput(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Write(func(w io.Writer) error {
		_, err := w.Write([]byte("after"))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	out.Discard()
	if content() != "after" || left() != 1 {
		t.Errorf("it was written as %q, and %d files", content(), left())
	}
	for _, bad := range []string{dir, filepath.Join(dir, "nowhere", "audit.json"), filepath.Join(path, "audit.json")} {
		if _, err := cli.OpenOutput(bad); err == nil || !strings.HasPrefix(err.Error(), bad) {
			t.Errorf("%s: error %v", bad, err)
		}
	}
	if err := cli.ReplaceFile(os.DevNull, func(w io.Writer) error {
		_, err := w.Write([]byte("gone"))
		return err
	}); err != nil {
		t.Error(err)
	}
}
