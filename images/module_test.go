package images_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"

	"github.com/google/go-cmp/cmp"
)

const consumer = `package main

import (
	"context"
	"fmt"
	"os"

	"github.com/mtlslab/mtlslab/images"
)

func main() {
	paths, err := images.Binaries(context.Background(), "",
		images.Source{Name: "hello", Package: "./images/testdata/hello"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(paths["hello"])
}
`

// Another module gets this one the way that all modules get each other: as a zip, out of a read-only module cache.
func TestBinariesOutOfTheModuleCache(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("fills a module cache of its own, which takes seconds")
	}
	proxy, cache, dir := t.TempDir(), t.TempDir(), t.TempDir()
	t.Cleanup(func() { makeWritable(t, cache) })
	ours := module.Version{Path: "github.com/mtlslab/mtlslab", Version: "v0.0.1"}
	offer(t, proxy, ours)
	require(t, dir, ours)
	write(t, filepath.Join(dir, "main.go"), consumer)

	downloads := strings.TrimSpace(goCommand(t, dir, nil, "env", "GOMODCACHE")) + "/cache/download"
	env := []string{
		"GOMODCACHE=" + cache, "GOPROXY=file://" + filepath.ToSlash(proxy) + ",file://" + filepath.ToSlash(downloads),
		"GOSUMDB=off", "GOFLAGS=-mod=mod", "GOWORK=off",
	}
	goCommand(t, dir, env, "build", "-trimpath", "-o", "consumer", ".")
	installed := filepath.Join(cache, "github.com", "mtlslab", "mtlslab@v0.0.1")
	before := tree(t, installed)
	if mode := before["images"]; mode&0o222 != 0 {
		t.Fatalf("the module cache is writable, %v, so this test proves nothing", mode)
	}

	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "consumer"))
	cmd.Dir, cmd.Env, cmd.Stderr = dir, append(os.Environ(), env...), t.Output()
	path, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := output(t, string(path)); got != "hello\n" {
		t.Errorf("%s prints %q", path, got)
	}
	if diff := cmp.Diff(before, tree(t, installed)); diff != "" {
		t.Errorf("building has changed the module cache:\n%s", diff)
	}
}

// offer puts this package and our go.mod into a module proxy's directory, as one version of our module.
func offer(t *testing.T, proxy string, version module.Version) {
	t.Helper()
	source := t.TempDir()
	if err := os.CopyFS(filepath.Join(source, "images"), os.DirFS(".")); err != nil {
		t.Fatal(err)
	}
	versions := filepath.Join(proxy, version.Path, "@v")
	for _, name := range []string{"go.mod", "go.sum"} {
		write(t, filepath.Join(source, name), read(t, filepath.Join("..", name)))
	}
	write(t, filepath.Join(versions, version.Version+".mod"), read(t, filepath.Join("..", "go.mod")))
	write(t, filepath.Join(versions, version.Version+".info"), `{"Version":"`+version.Version+`"}`)
	archive, err := os.Create(filepath.Join(versions, version.Version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = archive.Close() }()
	if err := modzip.CreateFromDir(archive, version, source); err != nil {
		t.Fatal(err)
	}
}

// require writes the go.mod and go.sum of a module that requires ours, and all that ours does.
func require(t *testing.T, dir string, version module.Version) {
	t.Helper()
	parsed, err := modfile.Parse("go.mod", []byte(read(t, filepath.Join("..", "go.mod"))), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := parsed.AddModuleStmt("example.com/consumer"); err != nil {
		t.Fatal(err)
	}
	parsed.AddNewRequire(version.Path, version.Version, false)
	text, err := parsed.Format()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.mod"), string(text))
	write(t, filepath.Join(dir, "go.sum"), read(t, filepath.Join("..", "go.sum")))
}

func goCommand(t *testing.T, dir string, env []string, arguments ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", arguments...)
	cmd.Dir, cmd.Env, cmd.Stderr = dir, slices.Concat(os.Environ(), env), t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(arguments, " "), err)
	}
	return string(out)
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// tree returns the mode of every file under dir.
func tree(t *testing.T, dir string) map[string]fs.FileMode {
	t.Helper()
	modes := map[string]fs.FileMode{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			modes[path] = info.Mode()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return modes
}

// makeWritable lets the test's directory be removed.
func makeWritable(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		return os.Chmod(path, 0o700)
	})
	if err != nil {
		t.Error(err)
	}
}
