package images

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A build context may hold a program in Go, of modules that the build of an image could not fetch. It is compiled
// before, and lies beside the Dockerfile then. Its go.mod and go.sum are called otherwise, for a directory that has
// them is another module, and of another module nothing can be embedded.
const (
	programDir = "_program"
	programMod = "program.mod"
	programSum = "program.sum"
	programOut = "program"
)

// program compiles the program that a build context holds, for the platform of the images that it starts from, which
// are all of one; none if it holds none.
func (p peer) program(ctx context.Context, engine BuildEngine) ([]file, error) {
	sources, err := fs.Sub(p.files, programDir)
	if err != nil {
		return nil, err
	}
	if _, err := fs.Stat(sources, programMod); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	bases, err := basesOf(p.files)
	switch {
	case err != nil:
		return nil, err
	case len(bases) == 0:
		return nil, errors.New("its Dockerfile starts from no image, by which to know for which platform to compile")
	}
	base, err := engine.ImageInspect(ctx, bases[0])
	if err != nil {
		return nil, err
	}
	p.progress("compiling its program")
	dir, err := os.MkdirTemp("", "mtlslab-program-*")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := unpackProgram(sources, dir); err != nil {
		return nil, err
	}
	_, err = runGo(ctx, dir, []string{
		"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + base.Architecture, "GOFLAGS=-mod=readonly", "GOWORK=off",
	}, "build", "-trimpath", "-ldflags=-s -w", "-o", programOut, ".")
	if err != nil {
		return nil, fmt.Errorf("compiling the program in %s: %w", programDir, err)
	}
	binary, err := os.ReadFile(filepath.Join(dir, programOut))
	return []file{{programOut, binary}}, err
}

// unpackProgram puts the source of a program where Go finds it.
func unpackProgram(sources fs.FS, dir string) error {
	entries, err := fs.ReadDir(sources, ".")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		text, err := fs.ReadFile(sources, entry.Name())
		if err != nil {
			return err
		}
		name := entry.Name()
		switch name {
		case programMod:
			name = "go.mod"
		case programSum:
			name = "go.sum"
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}
