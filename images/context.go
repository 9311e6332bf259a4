package images

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// adapters say how an image is run, and are no part of it: who changes one need not build the image again.
var adapters = []string{"server.yaml", "client.yaml"}

// pack writes a build context as an archive that depends on the names and the contents of
// the files alone, wherever they come from: an embedded file has lost its mode and its
// time. Further files come after those.
func pack(w io.Writer, files fs.FS, more ...file) error {
	archive := tar.NewWriter(w)
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error { // in lexical order
		if err != nil || path == "." || slices.Contains(adapters, path) {
			return err
		}
		header := headerOf(path)
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
		return packFile(archive, header, data)
	})
	for _, f := range more {
		if err == nil {
			err = packFile(archive, headerOf(f.name), f.data)
		}
	}
	if err != nil {
		return err
	}
	return archive.Close()
}

// headerOf is that of a file that everybody may read.
func headerOf(path string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Format: tar.FormatPAX, Name: path, Mode: 0o644, ModTime: epoch}
}

func packFile(archive *tar.Writer, header tar.Header, data []byte) error {
	if header.Size = int64(len(data)); runnable(data) {
		header.Mode = 0o755
	}
	if err := archive.WriteHeader(&header); err != nil {
		return err
	}
	_, err := archive.Write(data)
	return err
}

// runnable reports whether a file is a script or a program of Linux.
func runnable(data []byte) bool {
	return bytes.HasPrefix(data, []byte("#!")) || bytes.HasPrefix(data, []byte("\x7fELF"))
}

// from matches FROM and takes the image and the name of the stage.
var from = regexp.MustCompile(`(?i)^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$`)

// basesOf returns the images that the Dockerfile of a build context starts from or takes files from, each once.
func basesOf(files fs.FS) ([]string, error) {
	text, err := fs.ReadFile(files, "Dockerfile")
	if err != nil {
		return nil, fmt.Errorf("reading its Dockerfile: %w", err)
	}
	var d named
	joined, start := "", 0 // continued lines are one, so that a FROM within a program in RUN is none
	for i, line := range strings.Split(strings.TrimRight(string(text), "\\ \t\r\n"), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if joined == "" {
			start = i + 1
		}
		body, continued := strings.CutSuffix(line, `\`)
		if joined += body; continued {
			joined += " "
			continue
		}
		if err := d.take(joined); err != nil {
			return nil, fmt.Errorf("line %d of its Dockerfile: %w", start, err)
		}
		joined = ""
	}
	return d.images, nil
}

// named is what a Dockerfile names, so far.
type named struct{ images, stages []string }

// take takes one instruction.
func (d *named) take(instruction string) error {
	if m := from.FindStringSubmatch(instruction); m != nil {
		err := d.add("FROM ", m[1])
		d.stages = append(d.stages, strings.ToLower(m[2]))
		return err
	}
	words := strings.Fields(instruction)
	for _, word := range words[1:] {
		flag, value, _ := strings.Cut(word, "=")
		switch {
		case !strings.HasPrefix(flag, "--"):
			return nil
		case strings.EqualFold(words[0], "COPY") && flag == "--from":
			if err := d.add("COPY --from=", value); err != nil {
				return err
			}
		case strings.EqualFold(words[0], "RUN") && flag == "--mount":
			for option := range strings.SplitSeq(value, ",") {
				if image, found := strings.CutPrefix(option, "from="); found {
					if err := d.add("RUN --mount=from=", image); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// add adds an image, unless it is a stage by its name or its number.
func (d *named) add(word, image string) error {
	if strings.Contains(image, "$") {
		return fmt.Errorf(
			"%s%s: variables are not understood, for an image is named after those that it is made of",
			word,
			image,
		)
	}
	number, err := strconv.Atoi(image)
	stage := err == nil && number < len(d.stages) || slices.Contains(d.stages, strings.ToLower(image))
	if image != "scratch" && !stage && !slices.Contains(d.images, image) {
		d.images = append(d.images, image)
	}
	return nil
}
