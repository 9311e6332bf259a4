package images

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// BaseRef is the image that the Dockerfiles of peers of other people's software start from.
const BaseRef = "debian:bookworm-slim"

// How the engine came by a [BaseImage].
const (
	MadeCached      = "cached"      // it had the image already, from wherever
	MadePulled      = "pulled"      // from a registry
	MadeDebootstrap = "debootstrap" // here, from Debian's packages
)

// A BaseEngine is what [Builder.Base] uses of *client.Client.
type BaseEngine interface {
	Puller
	ServerVersion(ctx context.Context, options client.ServerVersionOptions) (client.ServerVersionResult, error)
	ImageInspect(
		ctx context.Context,
		image string,
		options ...client.ImageInspectOption,
	) (client.ImageInspectResult, error)
	ImageImport(
		ctx context.Context,
		source client.ImageImportSource,
		ref string,
		options client.ImageImportOptions,
	) (client.ImageImportResult, error)
}

// A BaseImage is the image [BaseRef] in an engine.
type BaseImage struct {
	Ref    string        `json:"ref"`
	Digest string        `json:"digest"`  // the image's ID: "sha256:" and 64 hex digits
	Size   int64         `json:"size"`    // in bytes, unpacked
	Made   string        `json:"made"`    // MadeCached, MadePulled or MadeDebootstrap
	Took   time.Duration `json:"took_ns"` // from the call of Base until the engine had it
}

// Base sees to it that the engine has [BaseRef]. What is missing it pulls, and where no registry
// gives it, makes it from Debian's packages with debootstrap, in about a minute. That needs root on
// Linux, the engine's architecture, and the package debootstrap; the error of one to three lines
// says what is wanting. Such an image is made of the same packages as Debian's own, but is not
// that: it has another digest and nobody's signature.
//
// Progress is told what goes on, a line at a time without a newline; it may be nil.
//
// The image has a name of Debian's and not one of mtlslab's, so [Prune] leaves it alone. What making it mounts is in a
// namespace of its own and ends with it, also when it is interrupted.
func (b *Builder) Base(ctx context.Context, engine BaseEngine, progress func(string)) (BaseImage, error) {
	return debian.ensure(ctx, &b.turns, engine, BaseRef, progress)
}

// HasBase reports whether the engine has [BaseRef], and neither pulls nor makes anything.
func HasBase(ctx context.Context, engine BaseEngine) (bool, error) {
	_, err := engine.ImageInspect(ctx, BaseRef)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// ensure is [Builder.Base] for an image of any name.
func (d debootstrap) ensure(
	ctx context.Context,
	making *turns,
	engine BaseEngine,
	ref string,
	progress func(string),
) (BaseImage, error) {
	start := time.Now()
	if progress == nil {
		progress = func(string) {}
	}
	end, err := making.take(ctx, ref)
	if err != nil {
		return BaseImage{}, err
	}
	defer end()
	image := BaseImage{Ref: ref, Made: MadeCached}
	inspected, err := engine.ImageInspect(ctx, ref)
	if errdefs.IsNotFound(err) {
		if image.Made, err = d.bring(ctx, engine, ref, progress); err != nil {
			return BaseImage{}, err
		}
		inspected, err = engine.ImageInspect(ctx, ref)
	}
	if err != nil {
		return BaseImage{}, fmt.Errorf("looking for %s: %w", ref, err)
	}
	image.Digest, image.Size, image.Took = inspected.ID, inspected.Size, time.Since(start)
	return image, nil
}

// bring pulls or makes the image, and returns which.
func (d debootstrap) bring(
	ctx context.Context,
	engine BaseEngine,
	ref string,
	progress func(string),
) (made string, err error) {
	progress("asking a registry for " + ref)
	pulled := pull(ctx, engine, ref, d.patience)
	switch {
	case pulled == nil:
		return MadePulled, nil
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	}
	progress("no registry gives " + ref + ": making it from Debian's packages, which takes about a minute")
	version, err := engine.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return "", fmt.Errorf("asking the engine for its platform: %w", err)
	}
	if err = thisHost().able(version.Os, version.Arch); err == nil {
		err = d.make(ctx, engine, ref, progress)
	}
	switch {
	case err == nil:
		return MadeDebootstrap, nil
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	}
	return "", fmt.Errorf("pulling %s: %w\nmaking it from Debian's packages: %w", ref, pulled, err)
}

// A Puller is what [Pull] uses of *client.Client.
type Puller interface {
	ImagePull(ctx context.Context, ref string, options client.ImagePullOptions) (client.ImagePullResponse, error)
}

const (
	// firstAnswer is how long a registry may take to say anything. An engine by itself tries for minutes where a
	// firewall drops what it sends.
	firstAnswer = 20 * time.Second

	// nextAnswer is how long it may then be silent. An engine tells of progress several times a second.
	nextAnswer = time.Minute
)

var errSilent = errors.New("no registry has answered in time")

// Pull has the engine pull an image, whether or not it has it already. It gives up when the
// registry says nothing for 20 seconds at first, or for a minute later on. Progress is told that it
// begins, a line without a newline; it may be nil. The error does not name the image: it is the
// engine's own, or says that no registry has answered.
func Pull(ctx context.Context, engine Puller, ref string, progress func(string)) error {
	if progress != nil {
		progress("pulling " + ref)
	}
	return pull(ctx, engine, ref, firstAnswer)
}

// pull gives up when the registry is silent, at first for as long as patience.
func pull(ctx context.Context, engine Puller, ref string, patience time.Duration) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(patience, func() { cancel(errSilent) })
	defer timer.Stop()
	answer, err := engine.ImagePull(ctx, ref, client.ImagePullOptions{})
	if err == nil {
		defer func() { _ = answer.Close() }()
		err = readAnswer(answer, func(message) { timer.Reset(nextAnswer) })
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}
