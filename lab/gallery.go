package lab

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Gallery lists the peers of other people's software that come with mtlslab:
// servers, then clients, each by name.
func Gallery() ([]Peer, error) {
	var all []Peer
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

func galleryPeer(files fs.FS, file string) (Peer, error) {
	opened, err := files.Open(file)
	if err != nil {
		return Peer{}, err
	}
	defer opened.Close() //nolint:errcheck // read-only
	a, err := adapter.Read("images/peers/"+file, opened)
	if err != nil {
		return Peer{}, err
	}
	context, err := fs.Sub(files, path.Dir(file))
	if err != nil {
		return Peer{}, fmt.Errorf("%s: %w", file, err)
	}
	return Peer{Adapter: a, Context: context}, nil
}

// Built says whether the engine has the image already that is built for a peer.
// Without containers, and of a peer that builds none, it has not.
func (l *Lab) Built(ctx context.Context, p Peer) (bool, error) {
	host, ok := l.host.(*containerHost)
	if !ok || p.Adapter == nil || p.Adapter.Build == "" {
		return false, nil
	}
	return images.Built(ctx, host.engine, p.Adapter.BuildName(), p.files())
}

// files are what the peer's image is built of.
func (p Peer) files() fs.FS {
	if p.Context != nil {
		return p.Context
	}
	return os.DirFS(p.Adapter.BuildDir())
}
