package images

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Carrying says whether this command carries its programs, as one does that was made for
// people without Go and source.
func Carrying() bool { return carried != nil }

// Programs are those that run on a platform: on Linux in containers, too.
func Programs(platform string) []Source {
	if strings.HasPrefix(platform, "linux/") {
		return append(Own(), Init)
	}
	return slices.DeleteFunc(Own(), func(s Source) bool { return s.Name == "mint" }) // it is of a container alone
}

// Carriage is where a source's program is among those that are carried, for a platform such as
// "linux/amd64": carried/GOOS-GOARCH/NAME.gz, where the name is that of its package, with hyphens.
func Carriage(platform string, s Source) string {
	name := strings.ReplaceAll(strings.TrimPrefix(s.Package, "./"), "/", "-")
	return path.Join("carried", strings.ReplaceAll(platform, "/", "-"), name+".gz")
}

// unpack puts those programs into the cache that are carried, adds where each is to paths,
// and returns the sources of the others.
func unpack(
	ctx context.Context, platform string, sources []Source, paths map[string]string,
) (others []Source, err error) {
	if !Carrying() {
		return sources, nil
	}
	c, err := openCache()
	if err != nil {
		return nil, err
	}
	for _, s := range sources {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		packed, err := fs.ReadFile(carried, Carriage(platform, s))
		if errors.Is(err, fs.ErrNotExist) {
			others = append(others, s)
			continue
		}
		if err == nil {
			paths[s.Name], err = c.unpack(s.Name, packed)
		}
		if err != nil {
			return nil, fmt.Errorf("unpacking the %s that this command carries: %w", s.Name, err)
		}
	}
	return others, nil
}

// unpack puts a packed program into the cache, unless it is there.
func (c cache) unpack(name string, packed []byte) (string, error) {
	key := shortSum(packed)
	if sum, err := os.ReadFile(c.last(key)); err == nil {
		binary := c.binary(string(sum), name)
		if got, err := fileSum(binary); err == nil && got == string(sum) {
			return binary, errors.Join(touch(filepath.Dir(binary)), touch(c.last(key)))
		}
	}
	file, err := os.CreateTemp(c.dir, "build-*")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	program, err := gzip.NewReader(strings.NewReader(string(packed)))
	if err == nil {
		_, err = io.Copy(file, program) //nolint:gosec // it is our own
	}
	if err = errors.Join(err, file.Chmod(0o700), file.Close()); err != nil {
		return "", err
	}
	return c.publish(key, name, file.Name())
}
