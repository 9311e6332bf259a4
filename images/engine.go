package images

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// An Engine is what [Ensure] and [Tag] use of *client.Client.
type Engine interface {
	ServerVersion(ctx context.Context, options client.ServerVersionOptions) (client.ServerVersionResult, error)
	ImageInspect(
		ctx context.Context,
		image string,
		options ...client.ImageInspectOption,
	) (client.ImageInspectResult, error)
	ImageLoad(ctx context.Context, archive io.Reader, options ...client.ImageLoadOption) (client.ImageLoadResult, error)
	ImageTag(ctx context.Context, options client.ImageTagOptions) (client.ImageTagResult, error)
}

// An Image is an image that an engine has.
type Image struct {
	Name string `json:"name"` // of its source, such as "server", or peer-NAME
	Ref  string `json:"ref"`  // by which to run it: mtlslab/server:0123456789ab, never another content
	// of its configuration, or of what else the engine knows an image by: "sha256:" and 64 hex digits
	Digest string `json:"digest"`
	Size   int64  `json:"size"`   // in bytes, unpacked
	Cached bool   `json:"cached"` // whether the engine had it already
	// from the call of Ensure or Build until the engine had it, the build that all images share included
	Took time.Duration `json:"took_ns"`
}

// Ensure sees to it that the engine has the image of every source, built for the engine's platform from the source at
// hand as [Binaries] does, and returns them in the order of the sources. No sources are those of [Own].
//
// It returns an error if the engine runs no Linux containers, the build fails, or the engine refuses an image, in the
// engine's own words.
func Ensure(ctx context.Context, engine Engine, sources ...Source) ([]Image, error) {
	start := time.Now()
	sources, err := complete(sources)
	if err != nil {
		return nil, err
	}
	version, err := engine.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return nil, fmt.Errorf("asking the engine for its platform: %w", err)
	}
	if version.Os != "linux" {
		return nil, fmt.Errorf("the engine runs containers of %s/%s; mtlslab's are of linux", version.Os, version.Arch)
	}
	binaries, err := Binaries(ctx, "linux/"+version.Arch, sources...)
	if err != nil {
		return nil, err
	}
	images := make([]Image, 0, len(sources))
	for _, s := range sources {
		a, err := assemble(s, binaries[s.Name], version.Arch)
		if err != nil {
			return nil, err
		}
		cached, err := a.ensure(ctx, engine)
		if err != nil {
			return nil, err
		}
		images = append(images, Image{
			Name: s.Name, Ref: a.ref(), Digest: a.digest().String(), Size: a.size, Cached: cached, Took: time.Since(start),
		})
	}
	return images, nil
}

// Tag gives each image a second name, mtlslab/NAME:tag, and takes that name from whatever image had it. Such a name is
// for people and files; two labs at once may move it under each other's feet, which [Image].Ref never does.
func Tag(ctx context.Context, engine Engine, tag string, images ...Image) error {
	for _, image := range images {
		target := repository(image.Name) + ":" + tag
		if _, err := engine.ImageTag(ctx, client.ImageTagOptions{Source: image.Ref, Target: target}); err != nil {
			return fmt.Errorf("tagging %s as %s: %w", image.Ref, target, err)
		}
	}
	return nil
}

// ensure loads the image unless the engine has it, and returns whether it had.
func (a assembled) ensure(ctx context.Context, engine Engine) (cached bool, err error) {
	if cached, err = a.in(ctx, engine); cached || err != nil {
		return cached, err
	}
	var archive bytes.Buffer
	if err := a.archive(&archive); err != nil {
		return false, fmt.Errorf("packing %s: %w", a.ref(), err)
	}
	if err := load(ctx, engine, &archive); err != nil {
		return false, fmt.Errorf("loading %s: %w", a.ref(), err)
	}
	switch there, err := a.in(ctx, engine); {
	case err != nil:
		return false, err
	case !there:
		return false, fmt.Errorf("loading %s: the engine reported no error, and has no such image", a.ref())
	}
	return false, nil
}

// in reports whether the engine has the image under its name. The layers are compared because a tag can be moved by
// anybody, and the image's ID is not the digest of its configuration in every engine.
func (a assembled) in(ctx context.Context, engine Engine) (bool, error) {
	inspected, err := engine.ImageInspect(ctx, a.ref())
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for %s: %w", a.ref(), err)
	}
	return slices.Equal(inspected.RootFS.Layers, []string{a.diffID.String()}), nil
}

// load gives the engine an archive.
func load(ctx context.Context, engine Engine, archive io.Reader) error {
	answer, err := engine.ImageLoad(ctx, archive, client.ImageLoadWithQuiet(true))
	if err != nil {
		return err
	}
	defer func() { _ = answer.Close() }()
	return readAnswer(answer, func(message) {})
}
