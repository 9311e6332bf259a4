package sandbox

import (
	"context"
	"os"
	"runtime"
	"sync"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/limit"
)

// Shared is what sandboxes of one process may have in common: the images that were
// built, so that the compiler is not asked again, and how many containers are started
// at once. Many sandboxes at a time should have one. Make it with [NewShared].
type Shared struct {
	building limit.Limit // one at a time: sandboxes that start together want the same
	starting limit.Limit
	builder  images.Builder

	mu    sync.Mutex
	built map[builtKey]images.Image

	compiling sync.Mutex
	inits     map[string][]byte // the init process by platform
}

type builtKey struct {
	endpoint string
	source   images.Source
}

// NewShared returns a value that nobody shares yet. To start a container is work for
// the processor: one more at once than there are processors keeps them busy, and of
// very many an engine starts none in time.
func NewShared() *Shared {
	return &Shared{
		building: limit.To(1), starting: limit.To(1 + runtime.NumCPU()), built: make(map[builtKey]images.Image),
		inits: make(map[string][]byte),
	}
}

// initFor is the init process of a container for a platform. The compiler is asked for it once.
func (s *Shared) initFor(ctx context.Context, platform string) ([]byte, error) {
	s.compiling.Lock()
	defer s.compiling.Unlock()
	if known := s.inits[platform]; known != nil {
		return known, nil
	}
	paths, err := images.Binaries(ctx, platform, images.Init)
	if err != nil {
		return nil, err
	}
	s.inits[platform], err = os.ReadFile(paths[images.Init.Name])
	return s.inits[platform], err
}

// ensure brings the images of the sources into an engine, unless they are there. They
// come in no particular order.
func (s *Shared) ensure(ctx context.Context, e *Engine, sources ...images.Source) ([]images.Image, error) {
	leave, err := s.building.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	var all []images.Image
	var missing []images.Source
	for _, source := range sources {
		if image, ok := s.builtBefore(ctx, e, source); ok {
			all = append(all, image)
		} else {
			missing = append(missing, source)
		}
	}
	if len(missing) == 0 {
		return all, nil
	}
	made, err := images.Ensure(ctx, e, missing...)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, image := range made {
		s.built[builtKey{e.about.Host, missing[i]}] = image
	}
	return append(all, made...), err
}

// builtBefore finds an image that was built for one of those who share, if the engine
// still has it.
func (s *Shared) builtBefore(ctx context.Context, e *Engine, source images.Source) (images.Image, bool) {
	s.mu.Lock()
	image, ok := s.built[builtKey{e.about.Host, source}]
	s.mu.Unlock()
	if !ok {
		return images.Image{}, false
	}
	if _, err := e.ImageInspect(ctx, image.Ref); err != nil {
		return images.Image{}, false
	}
	image.Cached = true
	return image, true
}
