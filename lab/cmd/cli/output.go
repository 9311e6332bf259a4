package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Output is a file that is written whole or not at all. It is opened before there
// is anything to write: that it cannot be is found out at once, and not after
// minutes of work.
type Output struct {
	path string
	next *os.File // takes the path's place; the very file if that is a pipe or the like
}

// newFile ends the name of what is not yet whole.
const newFile = ".new"

// OpenOutput opens a file that is to be written. Write or Discard it.
func OpenOutput(path string) (*Output, error) {
	switch info, err := os.Stat(path); {
	case err == nil && info.IsDir():
		return nil, fmt.Errorf("%s is a directory: name a file", path)
	case err == nil && !info.Mode().IsRegular():
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		return &Output{path: path, next: file}, err
	}
	file, err := os.Create(path + newFile)
	if err, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, fmt.Errorf("%s: %w", path, err.Err)
	}
	return &Output{path: path, next: file}, err
}

// Write is the last that is done with it.
func (o *Output) Write(content func(io.Writer) error) error {
	err := errors.Join(content(o.next), o.next.Close())
	switch {
	case o.next.Name() == o.path:
		return err
	case err != nil:
		return errors.Join(err, os.Remove(o.next.Name()))
	default:
		return os.Rename(o.next.Name(), o.path)
	}
}

// Discard leaves everything as it was. After write it does nothing.
func (o *Output) Discard() {
	if err := o.next.Close(); err == nil && o.next.Name() != o.path {
		_ = os.Remove(o.next.Name()) // it is empty
	}
}

// ReplaceFile writes a file whole or not at all.
func ReplaceFile(path string, content func(io.Writer) error) error {
	out, err := OpenOutput(path)
	if err != nil {
		return err
	}
	return out.Write(content)
}
