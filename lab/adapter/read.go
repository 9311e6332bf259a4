package adapter

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/mtlslab/mtlslab/lab/strictyaml"
)

// Read reads the adapter in the file of that name, and checks it. What it does
// not understand is a *[strictyaml.Error]. One that is like another is not read so, but from
// where both are, by [ReadFile] or [ReadFS].
func Read(name string, r io.Reader) (*Adapter, error) {
	return read(name, r, nil)
}

// ReadFile reads the adapter in that file.
func ReadFile(name string) (*Adapter, error) { return readFile(name, mostLike) }

// mostLike is how many adapters may be like one another in a row. More are a circle.
const mostLike = 8

var errCircle = errors.New("it is like itself, by way of others")

func readFile(name string, left int) (*Adapter, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // read-only
	return read(name, file, func(like string) (*Adapter, error) {
		if left == 0 {
			return nil, errCircle
		}
		return readFile(filepath.Join(filepath.Dir(name), filepath.FromSlash(like)), left-1)
	})
}

// ReadFS reads the adapter in that file of a file system, whose own place is said in errors.
func ReadFS(files fs.FS, place, name string) (*Adapter, error) {
	return readFS(files, place, name, mostLike)
}

func readFS(files fs.FS, place, name string, left int) (*Adapter, error) {
	file, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // read-only
	return read(path.Join(place, name), file, func(like string) (*Adapter, error) {
		if left == 0 {
			return nil, errCircle
		}
		return readFS(files, place, path.Join(path.Dir(name), like), left-1)
	})
}

// read reads an adapter, which may be like another that is read by its path from this one.
func read(name string, r io.Reader, other func(like string) (*Adapter, error)) (*Adapter, error) {
	a := new(Adapter)
	source, err := strictyaml.Read(name, r, a)
	switch {
	case errors.Is(err, strictyaml.ErrEmpty):
		return nil, source.Fault("", fmt.Errorf("%w; mtlslab adapter init writes one to begin with", strictyaml.ErrEmpty))
	case err != nil:
		return nil, err
	}
	a.source = source
	if a.Like != "" {
		if a, err = a.onto(other); err != nil {
			return nil, err
		}
	}
	if err := a.Check(); err != nil {
		return nil, err
	}
	return a, nil
}

// BuildDir is the directory of the Dockerfile, found from the adapter's own.
func (a *Adapter) BuildDir() string {
	return filepath.Join(filepath.Dir(a.source.File), filepath.FromSlash(a.Build))
}

// BuildName is what the image that Build makes is called: several adapters of one
// directory share it.
func (a *Adapter) BuildName() string {
	if name := strings.ToLower(filepath.Base(a.BuildDir())); validName.MatchString(name) {
		return name
	}
	return a.Name
}
