//go:build !linux

package capture

import (
	"context"
	"errors"
	"fmt"
)

// Interface fails: frames are read on Linux alone.
func (f *File) Interface(_ context.Context, name string) (wait func(), err error) {
	return nil, fmt.Errorf("frames of %s cannot be read: %w", name, errors.ErrUnsupported)
}
