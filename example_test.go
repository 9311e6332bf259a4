package mtlslab_test

import (
	"errors"
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
)

// TestExampleFromOutside runs the tests of docs/examples/orders as its users would: outside
// this repository, with mtlslab out of the module cache. With the mistake that they are to
// find they fail, by the case that names it.
func TestExampleFromOutside(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("fills a module cache of its own, which takes seconds")
	}
	ours := module.Version{Path: self, Version: "v0.1.0"}
	proxy, cache, dir := t.TempDir(), t.TempDir(), t.TempDir()
	t.Cleanup(func() { _ = exec.Command("chmod", "-R", "u+w", cache).Run() }) // it is read-only
	offer(t, proxy, ours)
	if err := os.CopyFS(dir, os.DirFS("docs/examples/orders")); err != nil {
		t.Fatal(err)
	}
	withoutReplacement(t, filepath.Join(dir, "go.mod"))
	downloads, err := exec.CommandContext(t.Context(), "go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	// Without the paths of a module cache of its own in it, what was compiled once need not be again.
	env := append(os.Environ(), "GOMODCACHE="+cache, "GOFLAGS=-mod=mod -trimpath", "GOSUMDB=off", "GOWORK=off",
		"GOPROXY=file://"+proxy+",file://"+strings.TrimSpace(string(downloads))+"/cache/download")
	for _, try := range []struct {
		mistake, says string
		fails         bool
	}{
		{"", "ok", false},
		{"1", "--- FAIL: TestWhoGetsIn/server/nobody/protocol/no-client-certificate", true},
	} {
		cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "./...")
		cmd.Dir, cmd.Env = dir, with(env, "ORDERS_MISTAKE="+try.mistake)
		out, err := cmd.CombinedOutput()
		if _, failed := errors.AsType[*exec.ExitError](err); failed != try.fails || !strings.Contains(string(out), try.says) {
			t.Errorf("with mistake %q: %v, want %q in\n%s", try.mistake, err, try.says, out)
		}
	}
	checkInstalled(t, env, ours)
}

// checkInstalled has `go install` install the command, which then finds its source itself.
func checkInstalled(t *testing.T, env []string, version module.Version) {
	t.Helper()
	empty, bin := t.TempDir(), t.TempDir()
	install := exec.CommandContext(t.Context(), "go", "install", version.Path+"/lab/cmd/mtlslab@"+version.Version)
	install.Dir, install.Env = empty, with(env, "GOBIN="+bin)
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := exec.CommandContext(t.Context(), filepath.Join(bin, "mtlslab"), "run", "--runtime", "processes")
	run.Dir, run.Env = empty, with(env, "XDG_CACHE_HOME="+t.TempDir())
	if out, err := run.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS in") {
		t.Errorf("installed: %v\n%s", err, out)
	}
}

func with(env []string, more string) []string { return append(slices.Clone(env), more) }

// offer puts this module into a module proxy's directory, as one version of it.
func offer(t *testing.T, proxy string, version module.Version) {
	t.Helper()
	source := t.TempDir()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		made := entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") || path == "bin" || path == "dist")
		switch {
		case err != nil:
			return err
		case path == ".":
			return nil
		case made:
			return fs.SkipDir
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(source, path), 0o750)
		default:
			return os.WriteFile(filepath.Join(source, path), []byte(read(t, path)), 0o600)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	versions := filepath.Join(proxy, version.Path, "@v")
	if err := os.MkdirAll(versions, 0o750); err != nil {
		t.Fatal(err)
	}
	archive, err := os.Create(filepath.Join(versions, version.Version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close() //nolint:errcheck // who unpacks it would see
	if err := modzip.CreateFromDir(archive, version, source); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		version.Version + ".mod":  read(t, "go.mod"),
		version.Version + ".info": `{"Version":"` + version.Version + `"}`,
		"list":                    version.Version + "\n",
	} {
		if err := os.WriteFile(filepath.Join(versions, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// withoutReplacement makes a go.mod of the example what it is outside this repository.
func withoutReplacement(t *testing.T, file string) {
	t.Helper()
	parsed, err := modfile.Parse(file, []byte(read(t, file)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := parsed.DropReplace(self, ""); err != nil {
		t.Fatal(err)
	}
	text, err := parsed.Format()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
