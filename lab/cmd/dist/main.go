// Command dist makes the files that people download: mtlslab for each platform, as one file
// that carries its programs, with their checksums.
//
// It exists so that whoever has neither Go nor source can use mtlslab, and so that anybody can
// make the same bytes again. It is for those who develop mtlslab: it is run in a checkout, and
// publishes nothing.
package main

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/mtlslab/mtlslab/images"
)

// platforms are those that mtlslab is made for. Containers are of Linux wherever the engine
// is, and of one of the first two.
const platforms = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64"

const mostContainers = 2 // how many of the platforms containers have

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	out := flag.String("out", "dist", "directory to write to")
	list := flag.String("platforms", platforms, "GOOS/GOARCH, with commas between")
	flag.Parse()
	err := run(ctx, *out, strings.Split(*list, ","))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

// run makes all files, and the checksums last.
func run(ctx context.Context, out string, all []string) error {
	if _, err := os.Stat(filepath.Join("images", "carried.go")); err != nil {
		return errors.New("run it in the root of a checkout of mtlslab: make dist")
	}
	if err := os.MkdirAll(out, 0o755); err != nil { //nolint:gosec // it is to be published
		return err
	}
	var sums []string
	for _, platform := range all {
		name, err := build(ctx, out, platform)
		if err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
		sum, size, err := sumOf(filepath.Join(out, name))
		if err != nil {
			return err
		}
		sums = append(sums, fmt.Sprintf("%s  %s\n", sum, name))
		fmt.Printf("%-28s %5.1f MB\n", name, float64(size)/1e6)
	}
	return os.WriteFile(filepath.Join(out, "SHA256SUMS"), []byte(strings.Join(sums, "")), 0o644) //nolint:gosec // public
}

// build makes mtlslab for one platform, and returns its file's name.
func build(ctx context.Context, out, platform string) (name string, err error) {
	system, arch, ok := strings.Cut(platform, "/")
	if !ok {
		return "", errors.New("want GOOS/GOARCH")
	}
	scratch, err := os.MkdirTemp("", "mtlslab-dist-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(scratch) //nolint:errcheck // the system's own directory
	overlay, err := pack(ctx, scratch, platform)
	if err != nil {
		return "", err
	}
	name = "mtlslab-" + system + "-" + arch
	if system == "windows" {
		name += ".exe"
	}
	arguments := []string{
		"build", "-trimpath", "-mod=readonly", "-buildvcs=true", "-ldflags=-s -w -buildid=", "-tags=carried",
		"-overlay=" + overlay, "-o", filepath.Join(out, name), "./lab/cmd/mtlslab",
	}
	cmd := exec.CommandContext(ctx, "go", arguments...) //nolint:gosec // words of our own
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+arch, "GOFLAGS=", "GOWORK=off")
	cmd.Stderr = os.Stderr
	return name, cmd.Run()
}

// pack compiles what a platform's mtlslab carries, and returns the file by which the compiler
// finds it among the source, where it is not.
func pack(ctx context.Context, scratch, platform string) (overlay string, err error) {
	of := strings.Split(platforms, ",")[:mostContainers]
	if !strings.HasPrefix(platform, "linux/") {
		of = append(of, platform)
	}
	root, err := os.Getwd()
	if err != nil {
		return "", err
	}
	replace := make(map[string]string)
	for _, carried := range of {
		programs := images.Programs(carried)
		paths, err := images.Binaries(ctx, carried, programs...)
		if err != nil {
			return "", err
		}
		for i, s := range programs {
			packed := filepath.Join(scratch, fmt.Sprintf("%s-%d.gz", strings.ReplaceAll(carried, "/", "-"), i))
			if err := compress(packed, paths[s.Name]); err != nil {
				return "", err
			}
			replace[filepath.Join(root, "images", filepath.FromSlash(images.Carriage(carried, s)))] = packed
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(scratch, "overlay.json")
	return overlay, os.WriteFile(overlay, text, 0o600)
}

// compress writes the same bytes each time: there is no name and no time in them.
func compress(to, from string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	file, err := os.Create(to)
	if err != nil {
		return err
	}
	packed, err := gzip.NewWriterLevel(file, gzip.BestCompression)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	_, err = packed.Write(text)
	return errors.Join(err, packed.Close(), file.Close())
}

func sumOf(path string) (sum string, size int64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer file.Close() //nolint:errcheck // read-only
	hash := sha256.New()
	size, err = io.Copy(hash, file)
	return fmt.Sprintf("%x", hash.Sum(nil)), size, err
}
