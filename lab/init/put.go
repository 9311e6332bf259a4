//go:build unix

package main

import (
	"cmp"
	"os"
	"path/filepath"
	"syscall"

	"github.com/mtlslab/mtlslab/lab/command"
)

// put puts files where they belong, as far as this process may.
func put(id string, files []command.File) command.Result {
	back := command.Result{ID: id}
	for _, f := range files {
		if err := putOne(f); err != nil {
			back.Fault = err.Error()
			break
		}
	}
	return back
}

func putOne(f command.File) error {
	if f.Mode.IsDir() {
		if err := os.MkdirAll(f.Path, f.Mode.Perm()); err != nil {
			return err
		}
		return settle(f)
	}
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil { //nolint:gosec // others go through it
		return err
	}
	// One that is there is replaced as a whole: whoever reads it finds the one or the other.
	if _, err := os.Lstat(f.Path); err == nil {
		fresh := f
		fresh.Path = filepath.Join(filepath.Dir(f.Path), "."+filepath.Base(f.Path)+".new")
		err := write(fresh)
		if err == nil {
			return os.Rename(fresh.Path, f.Path)
		}
		_ = os.Remove(fresh.Path) // as far as there is one: the directory is not ours, perhaps, and the file is
	}
	return write(f)
}

// write writes a file that nobody else may read before it is settled whose it is.
func write(f command.File) error {
	file, err := os.OpenFile(f.Path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(f.Data)
	return cmp.Or(err, file.Close(), settle(f))
}

// settle sees to it who owns a file, and who may do what with it.
func settle(f command.File) error {
	found, err := os.Stat(f.Path)
	if err != nil {
		return err
	}
	now, ok := found.Sys().(*syscall.Stat_t)
	if !ok || int(now.Uid) != f.User || int(now.Gid) != f.Group {
		if err := os.Chown(f.Path, f.User, f.Group); err != nil {
			return err
		}
	}
	return os.Chmod(f.Path, f.Mode.Perm())
}
