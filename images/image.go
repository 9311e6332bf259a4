package images

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// labelImage is the label by which an image is known to be ours; its value is the name of the source.
const labelImage = "mtlslab.image"

// repository returns what the image of a source is called, without a tag.
func repository(name string) string { return "mtlslab/" + name }

// An assembled image is one that is ready to be loaded.
type assembled struct {
	name   string
	config []byte        // JSON
	layer  []byte        // tar, not compressed: it goes no further than the engine
	diffID digest.Digest // of the layer
	size   int64         // in bytes, of the one file in the layer
}

// assemble makes the image of a source from its binary, which is at path.
func assemble(s Source, path, architecture string) (assembled, error) {
	d, err := s.dockerfile()
	if err != nil {
		return assembled{}, err
	}
	binary, err := os.ReadFile(path)
	if err != nil {
		return assembled{}, fmt.Errorf("assembling the image of %s: %w", s.Name, err)
	}
	var layer bytes.Buffer
	if err := writeTar(&layer, file{strings.TrimPrefix(d.path, "/"), binary}); err != nil {
		return assembled{}, fmt.Errorf("assembling the image of %s: %w", s.Name, err)
	}
	diffID := digest.FromBytes(layer.Bytes())
	d.config.Labels[labelImage] = s.Name
	config, err := json.Marshal(ocispec.Image{
		Created:  &epoch,
		Platform: ocispec.Platform{OS: "linux", Architecture: architecture},
		Config:   d.config,
		RootFS:   ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{diffID}},
		History:  d.history,
	})
	if err != nil {
		return assembled{}, fmt.Errorf("assembling the image of %s: %w", s.Name, err)
	}
	return assembled{name: s.Name, config: config, layer: layer.Bytes(), diffID: diffID, size: int64(len(binary))}, nil
}

func (a assembled) digest() digest.Digest { return digest.FromBytes(a.config) }

// ref is the name that only this content has.
func (a assembled) ref() string { return repository(a.name) + ":" + a.digest().Encoded()[:12] }

// archive writes the image in the format of `docker save`.
func (a assembled) archive(w io.Writer) error {
	config, layer := a.digest().Encoded()+".json", "layer.tar"
	manifest, err := json.Marshal([]struct {
		Config   string
		RepoTags []string
		Layers   []string
	}{{config, []string{a.ref()}, []string{layer}}})
	if err != nil {
		return err
	}
	return writeTar(w, file{config, a.config}, file{layer, a.layer}, file{"manifest.json", manifest})
}

type file struct {
	name string
	data []byte
}

// writeTar writes an archive that depends on nothing but the names and the data:
// everything belongs to root, may be read and executed by anybody, and is of the epoch.
func writeTar(w io.Writer, files ...file) error {
	archive := tar.NewWriter(w)
	for _, f := range files {
		header := tar.Header{
			Typeflag: tar.TypeReg, Format: tar.FormatUSTAR,
			Name: f.name, Size: int64(len(f.data)), Mode: 0o555, ModTime: epoch,
		}
		if err := archive.WriteHeader(&header); err != nil {
			return err
		}
		if _, err := archive.Write(f.data); err != nil {
			return err
		}
	}
	return archive.Close()
}
