package peer

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Gallery lists the peers of other people's software that come with mtlslab: servers,
// then clients, each by name.
func Gallery() ([]Image, error) {
	var all []Image
	files := images.Peers()
	for _, role := range []wire.Role{wire.Server, wire.Client} {
		paths, err := fs.Glob(files, "*/"+string(role)+".yaml")
		if err != nil {
			return nil, err
		}
		for _, file := range paths {
			p, err := galleryPeer(files, file)
			if err != nil {
				return nil, err
			}
			all = append(all, p)
		}
	}
	return all, nil
}

func galleryPeer(files fs.FS, file string) (Image, error) {
	opened, err := files.Open(file)
	if err != nil {
		return Image{}, err
	}
	defer opened.Close() //nolint:errcheck // read-only
	a, err := adapter.Read("images/peers/"+file, opened)
	if err != nil {
		return Image{}, err
	}
	context, err := fs.Sub(files, path.Dir(file))
	if err != nil {
		return Image{}, fmt.Errorf("%s: %w", file, err)
	}
	return Image{Adapter: a, Context: context}, nil
}

// FromGallery is the peer of that name and role which comes with mtlslab.
func FromGallery(name string, role wire.Role) (Image, error) {
	all, err := Gallery()
	if err != nil {
		return Image{}, err
	}
	var names []string
	for _, p := range all {
		if p.Adapter.Role != role {
			continue
		}
		if p.Adapter.Name == name || p.Adapter.BuildName() == name {
			return p, nil
		}
		names = append(names, p.Adapter.BuildName())
	}
	return Image{}, fmt.Errorf("%q: the gallery has no such %s; choose from %s", name, role, strings.Join(names, ", "))
}
