package images

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A build context may hold a program in Go, of modules that the build of an image could not fetch. It is compiled
// before, and lies beside the Dockerfile then. Its go.mod and go.sum are called otherwise, for a directory that has
// them is another module, and of another module nothing can be embedded. Or it is a program of a published module,
// which is named in a line, PATH@VERSION, and its package after that where it is not the root, ./cmd/x. A file of that
// module that does not compile may have one in its place, of the same path.
const (
	programDir    = "_program"
	programMod    = "program.mod"
	programSum    = "program.sum"
	programModule = "module"
	programPlaces = "in-place-of"
	programOut    = "program"
)

// program compiles the program that a build context holds, for the platform of the images that it starts from, which
// are all of one; none if it holds none.
func (p peer) program(ctx context.Context, engine BuildEngine) ([]file, error) {
	sources, err := fs.Sub(p.files, programDir)
	if err != nil {
		return nil, err
	}
	if _, err := fs.Stat(p.files, programDir); errors.Is(err, fs.ErrNotExist) {
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
	main, err := putProgram(ctx, sources, dir)
	if err == nil {
		_, err = runGo(ctx, dir, []string{
			"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + base.Architecture, "GOFLAGS=-mod=readonly", "GOWORK=off",
		}, "build", "-trimpath", "-buildmode=exe", "-ldflags=-s -w", "-o", programOut, main)
	}
	if err != nil {
		return nil, fmt.Errorf("compiling the program in %s: %w", programDir, err)
	}
	binary, err := os.ReadFile(filepath.Join(dir, programOut))
	return []file{{programOut, binary}}, err
}

// putProgram puts the source of a program into a directory, and says which package there is the program.
func putProgram(ctx context.Context, sources fs.FS, dir string) (main string, err error) {
	named, err := fs.ReadFile(sources, programModule)
	if errors.Is(err, fs.ErrNotExist) {
		return ".", unpackProgram(sources, dir)
	}
	if err != nil {
		return "", err
	}
	module, main, _ := strings.Cut(strings.TrimSpace(string(named)), " ")
	root, err := download(ctx, module)
	if err != nil {
		return "", err
	}
	if err := os.CopyFS(dir, os.DirFS(root)); err != nil {
		return "", err
	}
	return cmp.Or(main, "."), replace(sources, dir, module)
}

// replace has files of a program take the place of those of its module.
func replace(sources fs.FS, dir, module string) error {
	return fs.WalkDir(sources, programPlaces, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && name == programPlaces:
			return nil // none is replaced
		case err != nil || entry.IsDir():
			return err
		}
		text, err := fs.ReadFile(sources, name)
		if err != nil {
			return err
		}
		place := filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(name, programPlaces+"/")))
		if _, err := os.Stat(place); err != nil {
			return fmt.Errorf("%s takes the place of no file of %s", name, module)
		}
		return os.WriteFile(place, text, 0o600)
	})
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
