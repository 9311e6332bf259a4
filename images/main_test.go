package images_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/moby/client"

	"github.com/mtlslab/mtlslab/images"
)

// TestMain gives the tests a cache of their own, so that they neither profit from the user's nor leave anything in it.
// Go's cache stays the user's: filling one takes a minute.
func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	goCache, err := exec.CommandContext(context.Background(), "go", "env", "GOCACHE").Output()
	if err != nil {
		fmt.Fprintln(os.Stderr, "asking for Go's cache:", err)
		return 1
	}
	dir, err := os.MkdirTemp("", "mtlslab-images-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for name, value := range map[string]string{
		"GOCACHE":        strings.TrimSpace(string(goCache)),
		"XDG_CACHE_HOME": dir,
	} {
		if err := os.Setenv(name, value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

// hello is a source that says hello, under a name that no other test has.
func hello() images.Source {
	name := "test-" + strings.ToLower(rand.Text()[:12])
	return images.Source{Name: name, Package: "./images/testdata/hello", Like: "server"}
}

// mimic changes into a module that is called as ours and has a server that prints a word.
func mimic(t *testing.T, word string) (main string) {
	t.Helper()
	dir := t.TempDir()
	main = filepath.Join(dir, "server", "main.go")
	write(t, filepath.Join(dir, "go.mod"), "module github.com/mtlslab/mtlslab\n\ngo 1.26.0\n")
	write(t, main, program(word))
	t.Chdir(dir)
	return main
}

func program(word string) string {
	return fmt.Sprintf("package main\n\nfunc main() { print(%q) }\n", word)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// output runs a binary and returns all that it prints.
func output(t *testing.T, path string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), path).CombinedOutput()
	if err != nil {
		t.Fatalf("running %s: %v\n%s", path, err, out)
	}
	return string(out)
}

// realEngine returns the engine of this host. Without one the test is skipped, unless MTLSLAB_REQUIRE_ENGINE=1.
func realEngine(t *testing.T) *client.Client {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a container engine, which -short leaves alone")
	}
	engine, err := client.New(client.FromEnv)
	if err == nil {
		t.Cleanup(func() { _ = engine.Close() })
		_, err = engine.Ping(t.Context(), client.PingOptions{})
	}
	switch {
	case err == nil:
		return engine
	case os.Getenv("MTLSLAB_REQUIRE_ENGINE") == "1":
		t.Fatalf("MTLSLAB_REQUIRE_ENGINE=1 and no engine: %v", err)
	default:
		t.Skipf("no container engine: %v", err)
	}
	return nil
}

// discard removes an image when the test ends, whether or not the test has removed it already.
func discard(t *testing.T, engine *client.Client, ref string) {
	t.Helper()
	t.Cleanup(func() {
		options := client.ImageRemoveOptions{Force: true, PruneChildren: true}
		_, _ = engine.ImageRemove(context.WithoutCancel(t.Context()), ref, options)
	})
}
