package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Isolated is a sandbox of containers of one engine, on a network of their own with no
// way out. It also runs images of other people. [IsolatedOf] returns it.
type Isolated struct {
	engine *Engine
	about  Facts
	run    string
	labels map[string]string
	ends   time.Time
	shared *Shared

	mu     sync.Mutex
	images []images.Image
	names  map[string]string // a container's ID by its hostname
	reused map[images.Source]*reused

	looking sync.Mutex
	owners  map[ownerKey]owner

	// joining is held for reading while a container joins the network, and for writing
	// while one is taken off it. Engines that count a network's endpoints can count wrong
	// if both go on at once, and then never let the network go: moby#42119.
	joining sync.RWMutex

	gate     sync.Mutex
	closed   bool
	creating sync.WaitGroup
	closing  chan struct{} // closed when Close begins
	swept    chan struct{} // closed when what dead runs have left was swept
}

func newContainers(ctx context.Context, cfg Config) (*Isolated, error) {
	c := &Isolated{
		run: cfg.Run, ends: cfg.Ends, shared: cfg.Shared,
		reused: make(map[images.Source]*reused), owners: make(map[ownerKey]owner), names: make(map[string]string),
		closing: make(chan struct{}), swept: make(chan struct{}),
	}
	c.about.Runtime, c.about.Listen = Containers, ":"+wire.DefaultPort

	began := time.Now()
	var err error
	if c.engine, err = Connect(ctx); err != nil {
		return nil, err
	}
	c.about.Engine, c.about.Connect = &c.engine.about, time.Since(began)
	c.about.Nameless = c.engine.about.Name == byPodman
	c.labels = labels(cfg.Run, cfg.Ends)
	go func() {
		defer close(c.swept)
		c.engine.sweep(context.WithoutCancel(ctx), c.closing)
	}()

	var prepare errgroup.Group
	prepare.Go(func() (err error) {
		defer func(began time.Time) { c.about.Build = time.Since(began) }(time.Now())
		cfg.Progress("building the images, if need be")
		c.images, err = c.shared.ensure(ctx, c.engine, cfg.Sources...)
		return err
	})
	prepare.Go(func() (err error) {
		defer func(began time.Time) { c.about.Connected = time.Since(began) }(time.Now())
		c.about.Network, err = c.engine.createNetwork(context.WithoutCancel(ctx), "mtlslab-"+cfg.Run, c.labels)
		return err
	})
	prepare.Go(func() (err error) {
		c.about.Outside, err = c.engine.findOutside(ctx, cfg.Run)
		return err
	})
	if err := prepare.Wait(); err != nil {
		return nil, errors.Join(err, c.Close(ctx))
	}
	if c.engine.about.Name != byPodman { // which names them otherwise
		c.about.Interface = c.about.Network.bridge()
	}
	if c.engine.about.Name == byPodman { // it heeds no option to keep the host out
		c.about.Gateway = c.about.Network.gateway()
		c.about.Outside = append([]string{c.about.Gateway}, c.about.Outside...)
	}
	return c, nil
}

// Image is that of a program, brought into the engine if need be.
func (c *Isolated) Image(ctx context.Context, source images.Source) (images.Image, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	named := func(image images.Image) bool { return image.Name == source.Name }
	if i := slices.IndexFunc(c.images, named); i >= 0 {
		return c.images[i], nil
	}
	made, err := c.shared.ensure(ctx, c.engine, source)
	if err != nil {
		return images.Image{}, err
	}
	c.images = append(c.images, made...)
	return made[0], nil
}

// Facts says what the sandbox is, and how far it isolates.
func (c *Isolated) Facts() Facts {
	c.mu.Lock()
	defer c.mu.Unlock()
	facts := c.about
	facts.Images = slices.Clone(c.images)
	return facts
}

// Reach is where other programs of the sandbox find what listens there.
func (c *Isolated) Reach(hostname, listening string) string {
	_, port, _ := net.SplitHostPort(listening) // an address that a program has listened on
	return net.JoinHostPort(hostname, port)
}

// begin admits a creation, which the engine carries out whether or not anybody
// still waits for it; Close waits for all that were admitted, or it would miss
// what they make.
func (c *Isolated) begin() error {
	c.gate.Lock()
	defer c.gate.Unlock()
	if c.closed {
		return ErrClosed
	}
	c.creating.Add(1)
	return nil
}

// Start runs one of our own programs in a container.
func (c *Isolated) Start(ctx context.Context, p Program) (*Process, error) {
	started, err := c.startProgram(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.Hostname, err)
	}
	return started, nil
}

func (c *Isolated) startProgram(ctx context.Context, p Program) (*Process, error) {
	if p.Often {
		return c.runAgain(ctx, p)
	}
	if err := c.begin(); err != nil {
		return nil, err
	}
	defer c.creating.Done()
	image, err := c.Image(ctx, p.Source)
	if err != nil {
		return nil, err
	}
	return c.launch(ctx, container{
		hostname: p.Hostname, alias: p.Alias, image: image.Ref, args: slices.Concat(lifetime(c.ends), p.Args),
		memory: maxMemory, processes: maxProcesses, hardened: true,
	})
}

// Close removes all that bears the run's label and looks again. That must be
// done most of all when ctx has been cancelled.
func (c *Isolated) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	c.gate.Lock()
	if !c.closed {
		c.closed = true
		close(c.closing)
	}
	c.gate.Unlock()
	c.creating.Wait()
	_, err := c.engine.clear(ctx, labelRun+"="+c.run)
	select {
	case <-c.swept:
	case <-ctx.Done():
	}
	return err
}
