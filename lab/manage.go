package lab

import (
	"context"
	"time"

	"github.com/mtlslab/mtlslab/images"
)

// cleanLimit is how long the engine may take to let everything go. What it still
// holds on to then has to be told.
const cleanLimit = 20 * time.Second

// Clean removes all that the caller's labs have made in the engine, whether or
// not they still run, and counts it. What is left after that is a
// *LeftoverError.
func Clean(ctx context.Context) (Leftovers, error) {
	e, err := connect(ctx)
	if err != nil {
		return Leftovers{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, cleanLimit)
	defer cancel()
	return e.clear(ctx, ownedBy(owner()))
}

// BuildImages brings the images of all our own programs into the engine, and gives
// them the tag as a second name unless it is empty.
func BuildImages(ctx context.Context, tag string) ([]images.Image, error) {
	e, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	made, err := images.Ensure(ctx, e)
	if err != nil || tag == "" {
		return made, err
	}
	return made, images.Tag(ctx, e, tag, made...)
}

// MakeBase brings the image into the engine from which the gallery's are built. A
// machine without a registry makes it of Debian's packages.
func MakeBase(ctx context.Context, progress func(string)) (images.BaseImage, error) {
	e, err := connect(ctx)
	if err != nil {
		return images.BaseImage{}, err
	}
	return images.Base(ctx, e, progress)
}

// HasBase says whether that image is in the engine.
func HasBase(ctx context.Context) (bool, error) {
	e, err := connect(ctx)
	if err != nil {
		return false, err
	}
	return images.HasBase(ctx, e)
}

// RemoveImages removes all images that mtlslab has put into the engine, and
// returns their names.
func RemoveImages(ctx context.Context) ([]string, error) {
	e, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	return images.Prune(ctx, e)
}

// Examine tells which engine answers and what the caller's labs have in it, whether or
// not they still run.
func Examine(ctx context.Context) (Engine, Leftovers, error) {
	e, err := connect(ctx)
	if err != nil {
		return Engine{}, Leftovers{}, err
	}
	things, err := e.list(ctx, ownedBy(owner()))
	return e.about, count(things), err
}
