package images_test

import (
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/images"
)

func TestBinariesRun(t *testing.T) {
	t.Parallel()
	one, two := hello(), hello() // one package twice, so one file name twice
	paths, err := images.Binaries(t.Context(), "", one, two)
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range []images.Source{one, two} {
		if got := output(t, paths[source.Name]); got != "hello\n" {
			t.Errorf("%s prints %q", source.Name, got)
		}
	}
}

func TestBinariesAreStatic(t *testing.T) {
	t.Parallel()
	source := hello()
	paths, err := images.Binaries(t.Context(), "linux/amd64", source)
	if err != nil {
		t.Fatal(err)
	}
	binary, err := elf.Open(paths[source.Name])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = binary.Close() }()
	for _, program := range binary.Progs {
		if program.Type == elf.PT_INTERP {
			t.Error("the binary asks for a dynamic linker, which an image from scratch has not")
		}
	}
}

// The image of a program is its binary, so this is the limit for images too.
func TestOwnBinariesAreSmall(t *testing.T) {
	t.Parallel()
	const limit = 8 << 20
	paths, err := images.Binaries(t.Context(), "linux/amd64")
	if err != nil {
		t.Fatal(err)
	}
	for name, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes", name, info.Size())
		if info.Size() > limit {
			t.Errorf("%s has %d bytes, more than %d", name, info.Size(), limit)
		}
	}
}

func TestBinariesAtOnce(t *testing.T) {
	t.Parallel()
	const callers = 6
	source := hello()
	var paths [callers]string
	var wait sync.WaitGroup
	for i := range callers {
		wait.Go(func() {
			all, err := images.Binaries(t.Context(), "", source)
			if err != nil {
				t.Error(err)
				return
			}
			paths[i] = all[source.Name]
			if got := output(t, paths[i]); got != "hello\n" {
				t.Errorf("caller %d: prints %q", i, got)
			}
		})
	}
	wait.Wait()
	for i, path := range paths {
		if path != paths[0] {
			t.Errorf("caller %d: the same source is at %s and at %s", i, path, paths[0])
		}
	}
}

// A path goes on holding what it held, also when `go build` has replaced the file that the path was a hard link of.
func TestBinariesAfterAChange(t *testing.T) {
	main := mimic(t, "before")
	build := func() string {
		t.Helper()
		paths, err := images.Binaries(t.Context(), "", images.Source{Name: "server", Package: "./server"})
		if err != nil {
			t.Fatal(err)
		}
		return paths["server"]
	}
	before := build()
	write(t, main, program("after"))
	after := build()
	if got := output(t, before); got != "before" {
		t.Errorf("the path of the first build now prints %q", got)
	}
	if got := output(t, after); got != "after" {
		t.Errorf("the second build prints %q", got)
	}
	write(t, main, program("before"))
	if again := build(); again != before {
		t.Errorf("the first source again is at %s, not at %s", again, before)
	}
}

func TestBinariesHealTheCache(t *testing.T) {
	mimic(t, "whole")
	tests := []struct {
		name   string
		damage func(path string) error
	}{
		{"cut in half", halve}, // with the build ID in its first half, so that to `go build` it is up to date
		{"gone", func(path string) error { return os.RemoveAll(filepath.Dir(path)) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, state := range []string{"whole", "damaged"} {
				paths, err := images.Binaries(t.Context(), "", images.Source{Name: "server", Package: "./server"})
				if err != nil {
					t.Fatalf("with a %s cache: %v", state, err)
				}
				if got := output(t, paths["server"]); got != "whole" {
					t.Errorf("with a %s cache: prints %q", state, got)
				}
				if err := tt.damage(paths["server"]); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func halve(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.Truncate(path, info.Size()/2)
}

func TestBinariesLeaveNoLitter(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	mimic(t, "x")
	binaries := filepath.Join(cache, "mtlslab", "binaries")
	const long = 8 * 24 * time.Hour
	for name, age := range map[string]time.Duration{
		"build-killed": long, "unused": long, "used": time.Hour, "last-unused": long, "last-used": time.Hour,
	} {
		write(t, filepath.Join(binaries, name, "server"), "")
		then := time.Now().Add(-age)
		if err := os.Chtimes(filepath.Join(binaries, name), then, then); err != nil {
			t.Fatal(err)
		}
	}
	sources := []images.Source{{Name: "server", Package: "./server"}, {Name: "absent", Package: "./absent"}}
	if _, err := images.Binaries(t.Context(), "", sources[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := images.Binaries(t.Context(), "", sources[1]); err == nil {
		t.Error("a package that is not there was built")
	}
	for name, want := range map[string]int{"build-*": 0, "unused": 0, "used": 1, "last-unused": 0, "last-used": 1} {
		left, err := filepath.Glob(filepath.Join(binaries, name))
		if err != nil || len(left) != want {
			t.Errorf("%s: %q are left, want %d, %v", name, left, want, err)
		}
	}
}

// Who builds the same again and again goes on finding what the build gave last.
func TestBinariesKeepWhatIsUsed(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	mimic(t, "x")
	build := func() {
		t.Helper()
		if _, err := images.Binaries(t.Context(), "", images.Source{Name: "server", Package: "./server"}); err != nil {
			t.Fatal(err)
		}
	}
	lasts := func() []string {
		t.Helper()
		lasts, err := filepath.Glob(filepath.Join(cache, "mtlslab", "binaries", "last-*"))
		if err != nil {
			t.Fatal(err)
		}
		return lasts
	}
	build()
	before := lasts()
	then := time.Now().Add(-8 * 24 * time.Hour)
	for _, last := range before {
		if err := os.Chtimes(last, then, then); err != nil {
			t.Fatal(err)
		}
	}
	build() // uses it
	mimic(t, "in another directory, so another key")
	build() // and sweeps
	after := lasts()
	if len(before) != 1 || len(after) != 2 || !slices.Contains(after, before[0]) {
		t.Errorf("of %q, and another, %q are left", before, after)
	}
}

func TestBinariesOfBrokenCode(t *testing.T) {
	t.Parallel()
	_, err := images.Binaries(t.Context(), "", images.Source{Name: "broken", Package: "./images/testdata/broken"})
	if err == nil {
		t.Fatal("broken code was built")
	}
	if !strings.Contains(err.Error(), "main.go:5:2") {
		t.Errorf("the error does not say where the fault is: %v", err)
	}
	if lines := strings.Count(err.Error(), "\n") + 1; lines > 4 {
		t.Errorf("the error is a wall of %d lines:\n%v", lines, err)
	}
}

// A program of another module is built beside ours, by what its own go.mod says.
func TestBinariesOfAnotherModule(t *testing.T) {
	t.Parallel()
	other := images.Source{Name: "watch", Module: "github.com/fsnotify/fsnotify@v1.10.1", Package: "./cmd/fsnotify"}
	ours := hello()
	paths, err := images.Binaries(t.Context(), "linux/amd64", other, ours)
	if err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(paths[other.Name])
	if err != nil || info.Main.Path != "github.com/fsnotify/fsnotify" {
		t.Errorf("built of %+v: %v", info, err)
	}
	if _, err := os.Stat(paths[ours.Name]); err != nil {
		t.Error(err)
	}
	other.Module = "github.com/fsnotify/fsnotify@v0.0.0-none"
	if _, err := images.Binaries(t.Context(), "", other); err == nil || !strings.Contains(err.Error(), other.Module) {
		t.Errorf("of a version that there is not: %v", err)
	} else {
		t.Log(err)
	}
}

func TestBinariesRefuse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		platform string
		sources  []images.Source
	}{
		{"a platform without architecture", "linux", nil},
		{"a platform with a variant", "linux/arm/v7", nil},
		{"a platform unknown to Go", "linux/pdp11", []images.Source{hello()}},
		{"a name that no image may have", "", []images.Source{{Name: "Server", Package: "./server"}}},
		{"a name that is a path", "", []images.Source{{Name: "../server", Package: "./server"}}},
		{"no name", "", []images.Source{{Package: "./server"}}},
		{"a name twice", "", []images.Source{{Name: "a", Package: "./server"}, {Name: "a", Package: "./client"}}},
		{"no package", "", []images.Source{{Name: "a"}}},
		{"a package that is no program", "", []images.Source{{Name: "a", Package: "./images"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			paths, err := images.Binaries(t.Context(), tt.platform, tt.sources...)
			if err == nil {
				t.Fatalf("built %v", paths)
			}
			t.Log(err)
		})
	}
}

// What a person can mend, the error says how to mend.
func TestBinariesWithoutGoOrSource(t *testing.T) {
	t.Run("no module", func(t *testing.T) {
		t.Chdir(t.TempDir())
		wantAdvice(t, "go get github.com/mtlslab/mtlslab")
	})
	t.Run("a module that does not require ours", func(t *testing.T) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "go.mod"), "module example.com/stranger\n\ngo 1.26.0\n")
		t.Chdir(dir)
		wantAdvice(t, "go get github.com/mtlslab/mtlslab")
	})
	t.Run("no go command", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		wantAdvice(t, "install Go")
	})
}

func TestFindToolchain(t *testing.T) {
	main := mimic(t, "x")
	found, err := images.FindToolchain(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(found.Version, "go1.") || found.Source != filepath.Dir(filepath.Dir(main)) ||
		found.Wants != "go1.26.0" ||
		found.TooOld() {
		t.Errorf("found %+v", found)
	}
	t.Chdir(t.TempDir())
	found, err = images.FindToolchain(t.Context())
	if err == nil || found.Version == "" || found.Wants != "" || found.TooOld() {
		t.Errorf("outside of any module: %+v, %v", found, err)
	}
	t.Setenv("PATH", t.TempDir())
	if found, err = images.FindToolchain(t.Context()); err == nil || found.Version != "" {
		t.Errorf("without Go: %+v, %v", found, err)
	}
}

func TestTooOld(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		version, wants string
		old            bool
	}{
		{"go1.26.0", "go1.26.0", false},
		{"go1.26.8", "go1.26.0", false},
		{"go1.27rc1", "go1.26.0", false},
		{"go1.25.9", "go1.26.0", true},
		{"go1.26rc1", "go1.26.0", true},
		{"devel go1.27-0123456789", "go1.26.0", false},
		{"go1.25.9", "", false}, // which is not known
	} {
		if old := (images.Toolchain{Version: tt.version, Wants: tt.wants}).TooOld(); old != tt.old {
			t.Errorf("%s where %q is wanted: too old: %t", tt.version, tt.wants, old)
		}
	}
}

func wantAdvice(t *testing.T, advice string) {
	t.Helper()
	_, err := images.Binaries(t.Context(), "")
	if err == nil {
		t.Fatal("built without a source")
	}
	if !strings.Contains(err.Error(), advice) || strings.Contains(err.Error(), "\n") {
		t.Errorf("the error is not one line with %q: %v", advice, err)
	}
	if errors.Unwrap(err) == nil {
		t.Errorf("the error hides its cause: %v", err)
	}
}
