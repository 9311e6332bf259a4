package lab

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"strings"

	"github.com/moby/moby/client"

	"github.com/mtlslab/mtlslab/lab/adapter"
)

// packed is a file or a directory as it is to be in a container.
type packed struct {
	adapter.File
	ids
}

// ids say who owns a file; root, of zero.
type ids struct{ user, group int }

// copyInto copies files into a container, all at once: the engine starts a process
// of its own for each copy. within is a directory that can be written.
func (h *containerHost) copyInto(ctx context.Context, id, within string, files []packed) error {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, f := range files {
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: strings.TrimPrefix(strings.TrimPrefix(f.Path, within), "/"),
			Size: int64(len(f.Data)), Mode: int64(f.Mode.Perm()), Uid: f.user, Gid: f.group,
		}
		if f.Mode&fs.ModeDir != 0 {
			header.Typeflag = tar.TypeDir
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
	_, err := h.engine.CopyToContainer(ctx, id, client.CopyToContainerOptions{DestinationPath: within, Content: &archive})
	if err != nil {
		return fmt.Errorf("copying its files: %w", err)
	}
	return nil
}
