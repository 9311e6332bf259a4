package foreign

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Gallery lists the peers of other people's software that come with mtlslab: servers,
// then clients, each by name.
func Gallery() ([]Image, error) { return listed("peers/*/*.yaml") }

// Manuals lists the peers that are set up as a published page says, likewise.
func Manuals() ([]Image, error) { return listed("manuals/*.yaml") }

// StayingClients lists the clients that stay up, likewise. What they are audited by is in the gallery.
func StayingClients() ([]Image, error) { return listed("staying/*.yaml") }

// listed are the peers whose adapters are in the files of that pattern.
func listed(pattern string) ([]Image, error) {
	files := images.Gallery()
	paths, err := fs.Glob(files, pattern)
	if err != nil {
		return nil, err
	}
	var all []Image
	for _, file := range paths {
		p, err := galleryPeer(files, file)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	slices.SortStableFunc(all, func(a, b Image) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Name(), b.Name()))
	})
	return all, nil
}

// rank has servers before clients.
func rank(p Image) int {
	if p.Adapter.Role == wire.Server {
		return 0
	}
	return 1
}

func galleryPeer(files fs.FS, file string) (Image, error) {
	a, err := adapter.ReadFS(files, galleryPlace, file)
	if err != nil {
		return Image{}, err
	}
	context, err := fs.Sub(files, path.Join(path.Dir(file), a.Build))
	if err != nil {
		return Image{}, fmt.Errorf("%s: %w", file, err)
	}
	return Image{Adapter: a, Context: context}, nil
}

// galleryPlace is where the gallery is, for errors.
const galleryPlace = "images"

// FromGallery is the peer of that name and role which comes with mtlslab, or the one of that role
// in the directory of that name.
func FromGallery(name string, role wire.Role) (Image, error) {
	all, err := Gallery()
	manuals, failed := Manuals()
	if err := errors.Join(err, failed); err != nil {
		return Image{}, err
	}
	for _, p := range manuals {
		if p.Name() == name && p.Adapter.Role == role {
			return p, nil
		}
	}
	all = slices.DeleteFunc(all, func(p Image) bool { return p.Adapter.Role != role })
	var there []Image
	for _, p := range all {
		if p.Adapter.Name == name {
			return p, nil
		}
		if p.Adapter.BuildName() == name {
			there = append(there, p)
		}
	}
	if len(there) == 1 {
		return there[0], nil
	}
	return Image{}, fmt.Errorf("%q: the gallery has no such %s; mtlslab adapter list shows all that it has", name, role)
}
