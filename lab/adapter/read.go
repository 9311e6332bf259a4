package adapter

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/mtlslab/mtlslab/lab/strictyaml"
)

// Read reads the adapter in the file of that name, and checks it. What it does
// not understand is a *[strictyaml.Error].
func Read(name string, r io.Reader) (*Adapter, error) {
	a := new(Adapter)
	var err error
	a.source, err = strictyaml.Read(name, r, a)
	switch {
	case errors.Is(err, strictyaml.ErrEmpty):
		return nil, a.source.Fault("", fmt.Errorf("%w; mtlslab adapter init writes one to begin with", strictyaml.ErrEmpty))
	case err != nil:
		return nil, err
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
