package sandbox

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"strings"

	"github.com/moby/moby/client"
)

// File is a file as it is to be in a container, or a directory if its mode says so.
type File struct {
	Path  string // absolute
	Data  []byte
	Mode  fs.FileMode
	owner owner
}

// sticky is the bit of a directory in which each may remove only what is theirs, in an archive (tar(5)).
const sticky = 0o1000

// copyInto copies files into a container, all at once: the engine starts a process
// of its own for each copy. within is a directory that can be written.
func (c *Isolated) copyInto(ctx context.Context, id, within string, files []File) error {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, f := range files {
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: strings.TrimPrefix(strings.TrimPrefix(f.Path, within), "/"),
			Size: int64(len(f.Data)), Mode: int64(f.Mode.Perm()), Uid: f.owner.user, Gid: f.owner.group,
		}
		if f.Mode&fs.ModeSticky != 0 {
			header.Mode |= sticky
		}
		if f.Mode.IsDir() {
			header.Typeflag, header.Name = tar.TypeDir, header.Name+"/"
		}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		if _, err := w.Write(f.Data); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	_, err := c.engine.CopyToContainer(
		ctx,
		id,
		client.CopyToContainerOptions{DestinationPath: within, Content: &archive},
	)
	if err != nil {
		return fmt.Errorf("copying its files: %w", err)
	}
	return nil
}
