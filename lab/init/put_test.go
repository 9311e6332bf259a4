//go:build unix

package main

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/mtlslab/mtlslab/lab/command"
)

// TestPut puts files where there are none, and in place of others, which whoever reads them goes on
// reading as they were.
func TestPut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key := command.File{
		Path: filepath.Join(dir, "made", "tls.key"), Data: []byte("first"), Mode: 0o600,
		User: os.Getuid(), Group: os.Getgid(),
	}
	shared := command.File{
		Path: filepath.Join(dir, "shared"), Mode: fs.ModeDir | 0o755, User: os.Getuid(), Group: os.Getgid(),
	}
	if back := put("id", []command.File{key, shared}); back.Fault != "" {
		t.Fatal(back.Fault)
	}
	reader, err := os.Open(key.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close() //nolint:errcheck // read-only
	key.Data, key.Mode = []byte("second"), 0o640
	if back := put("id", []command.File{key}); back.Fault != "" {
		t.Fatal(back.Fault)
	}
	now, err := os.ReadFile(key.Path)
	before, readErr := io.ReadAll(reader)
	if err != nil || readErr != nil || string(now) != "second" || string(before) != "first" {
		t.Errorf("now %q, %v; before %q, %v", now, err, before, readErr)
	}
	for path, want := range map[string]fs.FileMode{key.Path: 0o640, shared.Path: fs.ModeDir | 0o755} {
		if found, err := os.Stat(path); err != nil || found.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", path, found.Mode(), err, want)
		}
	}
	if left, err := os.ReadDir(filepath.Dir(key.Path)); err != nil || len(left) != 1 {
		t.Errorf("beside the key: %v, %v", left, err)
	}
	below := command.File{Path: filepath.Join(key.Path, "below"), Mode: 0o600}
	if back := put("id", []command.File{below}); back.Fault == "" {
		t.Error("a file was put below a file")
	}
}
