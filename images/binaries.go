package images

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// module is the module that a [Source] belongs to unless it says otherwise.
const module = "github.com/mtlslab/mtlslab"

// Binaries builds static binaries for a platform, such as "linux/amd64", and returns where each is, by the name of its
// source. An empty platform is this host; no sources are those of [Own]. A command that carries the programs unpacks
// them. Else the source is that of the mtlslab module which the current directory is in or requires, or that of the
// version that this command was installed as; a program of another module is built of that, in the module cache.
//
// The paths lie in the user's cache directory and hold the same content for as long as they exist, which is a week from
// the last use. Any number of processes may call Binaries at once.
//
// An error of the compiler is passed on as its first few lines.
func Binaries(ctx context.Context, platform string, sources ...Source) (map[string]string, error) {
	sources, err := complete(sources)
	if err != nil {
		return nil, err
	}
	if platform == "" {
		platform = runtime.GOOS + "/" + runtime.GOARCH
	}
	goos, goarch, found := strings.Cut(platform, "/")
	if !found || goos == "" || goarch == "" || strings.Contains(goarch, "/") {
		return nil, fmt.Errorf("platform %q: must be GOOS/GOARCH, such as linux/amd64", platform)
	}
	paths := make(map[string]string, len(sources))
	if sources, err = unpack(ctx, platform, sources, paths); err != nil || len(sources) == 0 {
		return paths, err
	}
	cache, err := openCache()
	if err != nil {
		return nil, err
	}
	for _, batch := range batches(sources) {
		root, err := rootOf(ctx, batch[0].Module)
		if err != nil {
			return nil, err
		}
		if err := (compiler{root, goos, goarch, cache}).build(ctx, batch, paths); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// batches divides the sources so that all of a batch are of one module, and no two are given the same file name by
// `go build`. It is one batch unless somebody builds two servers at once, or another module's program.
func batches(sources []Source) (all [][]Source) {
	for _, s := range sources {
		i := slices.IndexFunc(all, func(batch []Source) bool {
			return batch[0].Module == s.Module &&
				!slices.ContainsFunc(batch, func(other Source) bool { return other.base() == s.base() })
		})
		if i < 0 {
			i, all = len(all), append(all, nil)
		}
		all[i] = append(all[i], s)
	}
	return all
}

// A compiler builds for one platform from one source tree.
type compiler struct {
	root         string
	goos, goarch string
	cache        cache
}

// build builds one batch with one call of `go build`, and adds where the binaries are to paths.
func (c compiler) build(ctx context.Context, batch []Source, paths map[string]string) error {
	dir, err := os.MkdirTemp(c.cache.dir, "build-*")
	if err != nil {
		return fmt.Errorf("making room for a build: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()

	// The linker's build ID stays in: it is the same for the same source, and by it `go build` sees that a binary left in
	// its output directory is up to date.
	arguments := []string{
		"build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", dir + string(filepath.Separator),
	}
	for _, s := range batch {
		arguments = append(arguments, s.Package)
		c.cache.seed(c.key(s), s.Name, c.output(dir, s))
	}
	_, err = runGo(ctx, c.root, []string{
		"CGO_ENABLED=0", "GOOS=" + c.goos, "GOARCH=" + c.goarch, "GOFLAGS=", "GOWORK=off",
	}, arguments...)
	if err != nil {
		return fmt.Errorf("building %s: %w", strings.Join(arguments[len(arguments)-len(batch):], " "), err)
	}
	for _, s := range batch {
		if _, err := os.Stat(c.output(dir, s)); err != nil { // go build checks such a package and throws the result away
			return fmt.Errorf("building %s: not a main package", s.Package)
		}
		if paths[s.Name], err = c.cache.publish(c.key(s), s.Name, c.output(dir, s)); err != nil {
			return fmt.Errorf("storing the binary of %s: %w", s.Name, err)
		}
	}
	return nil
}

// key tells apart the builds whose results may be taken as a start for the next.
func (c compiler) key(s Source) string {
	return shortSum([]byte(strings.Join([]string{c.root, c.goos, c.goarch, s.Name, s.Package}, "\x00")))
}

// output is where `go build` puts the binary of s in dir.
func (c compiler) output(dir string, s Source) string {
	if c.goos == "windows" {
		return filepath.Join(dir, s.base()+".exe")
	}
	return filepath.Join(dir, s.base())
}

// rootOf returns the directory of a module's source, of mtlslab's own if it has no name. Building happens there and
// not in the current directory, so that the module's own go.mod and go.sum hold, and not those of one that requires it.
func rootOf(ctx context.Context, other string) (dir string, err error) {
	if other != "" {
		return download(ctx, other)
	}
	dir, _, err = source(ctx)
	return dir, err
}

// A Toolchain is what binaries are built with and of.
type Toolchain struct {
	Version string // of Go, as it says itself: "go1.26.0"
	Source  string // the directory of mtlslab's source; empty if it was not found
	Wants   string // the least version that the source is built with: "go1.26.0"; empty if it was not found
}

// TooOld reports whether Go is older than the source wants.
func (t Toolchain) TooOld() bool {
	return version.IsValid(t.Version) && version.Compare(t.Version, t.Wants) < 0
}

// FindToolchain finds what [Binaries] uses in the current directory. The error is that of
// Go, without which the Toolchain is zero, or that of the source.
func FindToolchain(ctx context.Context) (Toolchain, error) {
	said, err := runGo(ctx, "", nil, "env", "GOVERSION")
	if err != nil {
		return Toolchain{}, err
	}
	t := Toolchain{Version: strings.TrimSpace(string(said))}
	t.Source, t.Wants, err = source(ctx)
	return t, err
}

// source returns the directory of mtlslab's source, and the version of Go that it wants.
func source(ctx context.Context) (dir, wants string, err error) {
	out, err := runGo(ctx, "", nil, "list", "-m", "-mod=readonly", "-f", "{{.GoVersion}} {{.Dir}}", module)
	wants, dir, _ = strings.Cut(strings.TrimSpace(string(out)), " ")
	if version := installed(); err != nil && !errors.Is(err, exec.ErrNotFound) && version != "" {
		return ofVersion(ctx, version)
	}
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "", "", fmt.Errorf("mtlslab's peers are built from source: install Go and put it on the PATH: %w", err)
	case err != nil:
		return "", "", fmt.Errorf(
			"finding mtlslab's source: run in a checkout of it, or in a module that requires it (go get %s): %w",
			module,
			err,
		)
	case dir == "":
		return "", "", fmt.Errorf("finding mtlslab's source: it is not in the module cache: go mod download %s", module)
	default:
		return dir, "go" + wants, nil
	}
}

// installed is the version of mtlslab that this command was built as by `go install` or `go run`; "" if it was not.
func installed() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Path != module || info.Main.Sum == "" {
		return ""
	}
	return info.Main.Version
}

// ofVersion is source for mtlslab as it was in that version.
func ofVersion(ctx context.Context, version string) (dir, wants string, err error) {
	dir, err = download(ctx, module+"@"+version)
	if err != nil {
		return "", "", err
	}
	wanted, err := runGo(ctx, dir, []string{"GOWORK=off"}, "list", "-m", "-mod=readonly", "-f", "{{.GoVersion}}")
	return dir, "go" + strings.TrimSpace(string(wanted)), err
}

// download brings a module, PATH@VERSION, into the module cache, and returns where it is.
func download(ctx context.Context, module string) (dir string, err error) {
	out, err := runGo(ctx, "", nil, "mod", "download", "-json", module)
	var got struct{ Dir, Error string }
	if read := json.Unmarshal(out, &got); err == nil {
		err = read
	}
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "", fmt.Errorf("%s is built from source: install Go and put it on the PATH: %w", module, err)
	case got.Error != "": // it says so on standard output
		return "", fmt.Errorf("bringing the source, %s, into the module cache: %s", module, firstLines(got.Error))
	case err != nil:
		return "", fmt.Errorf("bringing the source, %s, into the module cache: %w", module, err)
	}
	return got.Dir, nil
}

// runGo runs the go command and returns its standard output. When it fails the error is what it said besides.
func runGo(ctx context.Context, dir string, env []string, arguments ...string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", arguments...) //nolint:gosec // arguments of our own
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// Interrupted rather than killed, the go command removes its work directory.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	switch said := firstLines(stderr.String()); {
	case err == nil:
		return stdout.Bytes(), nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case said != "":
		return stdout.Bytes(), errors.New(said)
	default:
		return stdout.Bytes(), err
	}
}

// firstLines returns the few lines of what the go command said that tell what is wrong.
func firstLines(said string) string {
	const most = 3
	var lines []string
	for line := range strings.Lines(said) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	if len(lines) > most {
		lines = append(lines[:most], fmt.Sprintf("and %d more lines", len(lines)-most))
	}
	return strings.Join(lines, "\n")
}
