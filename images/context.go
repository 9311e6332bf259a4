package images

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// adapters say how an image is run, and are no part of it: who changes one need not build the image again.
var adapters = []string{"server.yaml", "client.yaml"}

// pack writes a build context as an archive that depends on the names and the contents of the files alone, wherever they
// come from: an embedded file has lost its mode and its time.
func pack(w io.Writer, files fs.FS) error {
	archive := tar.NewWriter(w)
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error { // in lexical order
		if err != nil || path == "." || slices.Contains(adapters, path) {
			return err
		}
		header := tar.Header{Typeflag: tar.TypeReg, Format: tar.FormatPAX, Name: path, Mode: 0o644, ModTime: epoch}
		switch {
		case entry.IsDir():
			header.Typeflag, header.Name, header.Mode = tar.TypeDir, path+"/", 0o755
			return archive.WriteHeader(&header)
		case !entry.Type().IsRegular():
			return fmt.Errorf("%s: neither a regular file nor a directory", path)
		}
		data, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		if header.Size = int64(len(data)); runnable(data) {
			header.Mode = 0o755
		}
		if err := archive.WriteHeader(&header); err != nil {
			return err
		}
		_, err = archive.Write(data)
		return err
	})
	if err != nil {
		return err
	}
	return archive.Close()
}

// runnable reports whether a file is a script or a program of Linux.
func runnable(data []byte) bool {
	return bytes.HasPrefix(data, []byte("#!")) || bytes.HasPrefix(data, []byte("\x7fELF"))
}

// from matches FROM and takes the image and the name of the stage.
var from = regexp.MustCompile(`(?i)^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$`)

// basesOf returns the images that the Dockerfile of a build context starts from, each once.
func basesOf(files fs.FS) ([]string, error) {
	text, err := fs.ReadFile(files, "Dockerfile")
	if err != nil {
		return nil, fmt.Errorf("reading its Dockerfile: %w", err)
	}
	var bases, stages []string
	continued := false // so that a FROM within a program in RUN is none
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		begins := !continued
		continued = strings.HasSuffix(line, `\`)
		m := from.FindStringSubmatch(line)
		if !begins || m == nil {
			continue
		}
		image := m[1]
		if strings.Contains(image, "$") {
			return nil, fmt.Errorf("line %d of its Dockerfile: FROM %s: variables are not understood, for an image is named after what it starts from", i+1, image)
		}
		known := slices.Contains(stages, strings.ToLower(image)) || slices.Contains(bases, image)
		if image != "scratch" && !known {
			bases = append(bases, image)
		}
		stages = append(stages, strings.ToLower(m[2]))
	}
	return bases, nil
}
