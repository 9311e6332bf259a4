package images

import (
	"context"
	"time"
)

// A BaseTest is Base with what tests change of it.
type BaseTest struct {
	Ref              string
	Mirror, Security string // empty means Debian's
	Patience         time.Duration
}

func (b BaseTest) Ensure(ctx context.Context, engine BaseEngine, progress func(string)) (BaseImage, error) {
	d := debian
	if b.Mirror != "" {
		d.mirror = b.Mirror
	}
	if b.Security != "" {
		d.security = b.Security
	}
	if b.Patience != 0 {
		d.patience = b.Patience
	}
	return d.ensure(ctx, new(turns), engine, b.Ref, progress)
}

// DebianMirror is where packages come from.
var DebianMirror = debian.mirror

// Able is whether a host can make Debian into an image of an engine.
func Able(os, arch string, uid int, lookPath func(string) (string, error), engineOS, engineArch string) error {
	return host{os, arch, uid, lookPath}.able(engineOS, engineArch)
}

// AbleHere is Able of this host.
func AbleHere(engineOS, engineArch string) error { return thisHost().able(engineOS, engineArch) }
