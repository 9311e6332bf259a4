package images

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/client"
)

//go:embed all:peers all:manuals all:staying
var gallery embed.FS

// Gallery returns the files of the gallery: peers of other people's software, and manuals, in which
// there are adapters alone, of peers that are set up as a published page says.
func Gallery() fs.FS { return gallery }

// Peers returns the gallery of peers of other people's software: a directory each, which
// is called as the peer is, with a Dockerfile, adapter files and what the Dockerfile
// copies.
func Peers() fs.FS {
	sub, err := fs.Sub(gallery, "peers")
	if err != nil {
		panic(err) // only for a name that is no path
	}
	return sub
}

// A BuildEngine is what [Builder.Build] uses of *client.Client.
type BuildEngine interface {
	Puller
	ImageInspect(
		ctx context.Context,
		image string,
		options ...client.ImageInspectOption,
	) (client.ImageInspectResult, error)
	ImageBuild(ctx context.Context, files io.Reader, options client.ImageBuildOptions) (client.ImageBuildResult, error)
}

// NeedsBase reports whether the Dockerfile of a build context starts from [BaseRef] or copies from
// it, for [Builder.Base] to be called before [Builder.Build]. The error says that there is no
// Dockerfile, or which line of it is not understood.
func NeedsBase(files fs.FS) (bool, error) {
	bases, err := basesOf(files)
	return slices.Contains(bases, BaseRef), err
}

// Build sees to it that the engine has the image of a peer of other people's software, built by the
// engine from a directory with a Dockerfile. It is named after its content,
// mtlslab/peer-NAME:0123456789ab: a hash of the files and of the images that it starts from and
// copies from; while the engine has that name, nothing is built. What the Dockerfile fetches is not
// in the hash, so the image is as old as its first build; [Prune] removes it.
//
// A file's mode and time are no part of its content: every file may be read by anybody,
// and executed if it is a script or a program. Files that are neither regular nor
// directories are an error.
//
// A directory _program holds a program in Go, with its go.mod and go.sum as program.mod and program.sum; or a file
// module, a line with the PATH@VERSION and the package of one that is published. It is compiled here, by modules that
// the build of an image could not fetch, and is a file "program" beside the Dockerfile.
//
// An image that the Dockerfile names, and the engine lacks, is pulled; see [Builder.Base] for where there is no
// registry.
//
// Progress is told what goes on, a line at a time without a newline; it may be nil. The error of a build names the step
// that failed and gives the last lines of its output.
func (b *Builder) Build(
	ctx context.Context,
	engine BuildEngine,
	name string,
	files fs.FS,
	progress func(string),
) (Image, error) {
	start := time.Now()
	if !validName.MatchString(name) {
		return Image{}, fmt.Errorf(
			"peer %q: the name must be lower-case letters and digits, with single hyphens between",
			name,
		)
	}
	if progress == nil {
		progress = func(string) {}
	}
	end, err := b.turns.take(ctx, peerName(name))
	if err != nil {
		return Image{}, err
	}
	defer end()
	image, err := peer{name, files, progress}.ensure(ctx, engine)
	if err != nil {
		return Image{}, fmt.Errorf("image of peer %s: %w", name, err)
	}
	image.Took = time.Since(start)
	return image, nil
}

func peerName(name string) string { return "peer-" + name }

// A peer is what an image is built of.
type peer struct {
	name     string
	files    fs.FS
	progress func(string)
}

// Built reports whether the engine has the image that [Builder.Build] would make, and neither pulls nor builds
// anything.
func Built(ctx context.Context, engine BuildEngine, name string, files fs.FS) (bool, error) {
	p := peer{name: name, files: files}
	image, _, err := p.named(func(base string) (string, error) {
		inspected, err := engine.ImageInspect(ctx, base)
		return inspected.ID, err
	})
	if err == nil {
		_, err = engine.ImageInspect(ctx, image.Ref)
	}
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// named is the image of the peer by the name of its content, which is returned as well. idOf
// is asked for the IDs of the images that it starts from or copies from.
func (p peer) named(idOf func(base string) (string, error)) (image Image, archive []byte, err error) {
	bases, err := basesOf(p.files)
	if err != nil {
		return Image{}, nil, err
	}
	var content bytes.Buffer
	if err := pack(&content, p.files); err != nil {
		return Image{}, nil, fmt.Errorf("packing its files: %w", err)
	}
	key := sha256.New()
	key.Write(content.Bytes())
	for _, base := range bases {
		id, err := idOf(base)
		if err != nil {
			return Image{}, nil, err
		}
		fmt.Fprintf(key, "%s %s\n", base, id)
	}
	name := peerName(p.name)
	image = Image{Name: name, Ref: repository(name) + ":" + hex.EncodeToString(key.Sum(nil))[:12], Cached: true}
	return image, content.Bytes(), nil
}

func (p peer) ensure(ctx context.Context, engine BuildEngine) (Image, error) {
	image, archive, err := p.named(func(base string) (string, error) { return p.base(ctx, engine, base) })
	if err != nil {
		return Image{}, err
	}
	inspected, err := engine.ImageInspect(ctx, image.Ref)
	if errdefs.IsNotFound(err) {
		image.Cached = false
		if err := p.build(ctx, engine, image, archive); err != nil {
			return Image{}, err
		}
		inspected, err = engine.ImageInspect(ctx, image.Ref)
	}
	if err != nil {
		return Image{}, fmt.Errorf("looking for %s: %w", image.Ref, err)
	}
	image.Digest, image.Size = inspected.ID, inspected.Size
	return image, nil
}

// base returns the ID of an image that the peer's starts from or copies from, pulling it if need be.
func (p peer) base(ctx context.Context, engine BuildEngine, ref string) (id string, err error) {
	inspected, err := engine.ImageInspect(ctx, ref)
	if errdefs.IsNotFound(err) {
		if err := Pull(ctx, engine, ref, p.progress); err != nil {
			return "", fmt.Errorf("pulling %s, which its Dockerfile names: %w", ref, err)
		}
		inspected, err = engine.ImageInspect(ctx, ref)
	}
	if err != nil {
		return "", fmt.Errorf("looking for %s, which its Dockerfile names: %w", ref, err)
	}
	return inspected.ID, nil
}

// build builds the image by the engine's first builder, which every engine has had and which needs no session, and by
// BuildKit in an engine that refuses.
func (p peer) build(ctx context.Context, engine BuildEngine, image Image, archive []byte) error {
	compiled, err := p.program(ctx, engine)
	if err != nil {
		return err
	}
	if len(compiled) > 0 {
		var whole bytes.Buffer
		if err := pack(&whole, p.files, compiled...); err != nil {
			return err
		}
		archive = whole.Bytes()
	}
	var refused error
	for _, version := range []build.BuilderVersion{build.BuilderV1, build.BuilderBuildKit} {
		said := buildLog{progress: p.progress}
		begun, err := p.buildBy(ctx, engine, version, image, archive, &said)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case begun:
			return said.why(err)
		}
		refused = errors.Join(refused, err)
	}
	return refused
}

// buildBy builds the image by one builder, and returns whether a step of the Dockerfile was begun.
func (p peer) buildBy(
	ctx context.Context,
	engine BuildEngine,
	version build.BuilderVersion,
	image Image,
	archive []byte,
	said *buildLog,
) (begun bool, err error) {
	answer, err := engine.ImageBuild(ctx, bytes.NewReader(archive), client.ImageBuildOptions{
		Version: version, Tags: []string{image.Ref}, Labels: map[string]string{labelImage: image.Name},
		Remove: true, ForceRemove: true, // the containers of the steps
	})
	if err != nil {
		return false, err
	}
	defer func() { _ = answer.Body.Close() }()
	err = readAnswer(answer.Body, said.take)
	return said.step != "", err
}
