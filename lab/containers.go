package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Limits of one container. A peer needs a tenth of the memory; the rest is for
// the attacks it has to stand.
const (
	maxMemory    = 128 << 20 // bytes
	maxProcesses = 128
)

// containerHost runs peers as containers of one engine, on a network of their
// own with no way out.
type containerHost struct {
	engine  *engine
	about   Facts
	run     string
	labels  map[string]string
	expires time.Time
	swept   chan error

	mu     sync.Mutex
	images []images.Image
	held   map[images.Source]*held

	// joining is held for reading while a container joins the network, and for writing
	// while one is taken off it. Engines that count a network's endpoints can count wrong
	// if both go on at once, and then never let the network go: moby#42119.
	joining sync.RWMutex

	gate     sync.Mutex
	closed   bool
	creating sync.WaitGroup
}

func newContainerHost(ctx context.Context, cfg Config, run string, expires time.Time) (*containerHost, error) {
	h := &containerHost{
		run:     run,
		expires: expires,
		held:    make(map[images.Source]*held),
		swept:   make(chan error, 1),
	}
	h.about.Runtime, h.about.listen = Containers, ":"+wire.DefaultPort

	began := time.Now()
	var err error
	if h.engine, err = connect(ctx); err != nil {
		return nil, err
	}
	h.about.Engine, h.about.Connect = &h.engine.about, time.Since(began)
	h.labels = labels(run, h.expires)
	go func() { h.swept <- h.engine.sweep(context.WithoutCancel(ctx), time.Now()) }()

	var prepare errgroup.Group
	prepare.Go(func() error {
		defer func(began time.Time) { h.about.Build = time.Since(began) }(time.Now())
		cfg.Progress("building the images, if need be")
		return h.ensure(ctx, serverSource, clientSource)
	})
	prepare.Go(func() (err error) {
		defer func(began time.Time) { h.about.Connected = time.Since(began) }(time.Now())
		h.about.Network, err = h.engine.createNetwork(context.WithoutCancel(ctx), "mtlslab-"+run, h.labels)
		return err
	})
	if err := prepare.Wait(); err != nil {
		return nil, errors.Join(err, h.close(ctx))
	}
	return h, nil
}

// built holds the images that this process has brought into engines, so that its
// labs after the first need not ask the compiler whether they are up to date. They
// are built one after another: labs that start together want the same.
var (
	building = make(chan struct{}, 1)
	built    = struct {
		sync.Mutex
		images map[builtKey]images.Image
	}{images: make(map[builtKey]images.Image)}
)

type builtKey struct {
	endpoint string
	source   images.Source
}

// ensure brings the images of the sources into the engine, unless they are there.
func (h *containerHost) ensure(ctx context.Context, sources ...images.Source) error {
	leave, err := enter(ctx, building)
	if err != nil {
		return err
	}
	defer leave()
	var missing []images.Source
	for _, source := range sources {
		if image, ok := h.builtBefore(ctx, source); ok {
			h.images = append(h.images, image)
		} else {
			missing = append(missing, source)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	made, err := images.Ensure(ctx, h.engine, missing...)
	if err != nil {
		return err
	}
	for i, image := range made {
		h.images = append(h.images, image)
		built.Lock()
		built.images[builtKey{h.engine.about.Host, missing[i]}] = image
		built.Unlock()
	}
	return nil
}

// builtBefore finds an image that this process has built, if the engine still
// has it.
func (h *containerHost) builtBefore(ctx context.Context, source images.Source) (images.Image, bool) {
	built.Lock()
	image, ok := built.images[builtKey{h.engine.about.Host, source}]
	built.Unlock()
	if !ok {
		return images.Image{}, false
	}
	if _, err := h.engine.ImageInspect(ctx, image.Ref); err != nil {
		return images.Image{}, false
	}
	image.Cached = true
	return image, true
}

func (h *containerHost) image(ctx context.Context, source images.Source) (images.Image, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	named := func(image images.Image) bool { return image.Name == source.Name }
	if !slices.ContainsFunc(h.images, named) {
		if err := h.ensure(ctx, source); err != nil {
			return images.Image{}, err
		}
	}
	return h.images[slices.IndexFunc(h.images, named)], nil
}

func (h *containerHost) facts() Facts {
	h.mu.Lock()
	defer h.mu.Unlock()
	facts := h.about
	facts.Images = slices.Clone(h.images)
	return facts
}

func (h *containerHost) reach(hostname, listening string) string {
	_, port, _ := net.SplitHostPort(listening) // an address that a peer has listened on
	return net.JoinHostPort(hostname, port)
}

// begin admits a creation, which the engine carries out whether or not anybody
// still waits for it; close waits for all that were admitted, or it would miss
// what they make.
func (h *containerHost) begin() error {
	h.gate.Lock()
	defer h.gate.Unlock()
	if h.closed {
		return errClosed
	}
	h.creating.Add(1)
	return nil
}

func (h *containerHost) start(ctx context.Context, p program) (*process, error) {
	if err := h.begin(); err != nil {
		return nil, err
	}
	defer h.creating.Done()
	if p.again {
		return h.startAgain(ctx, p)
	}
	image, err := h.image(ctx, p.source)
	if err != nil {
		return nil, err
	}
	started := &process{stderr: new(tail)}
	return started, h.launch(ctx, p.hostname, h.request(p, image.Ref, started), started)
}

// starting has an element for each container that this process is starting, in
// whichever lab. That is work for the processor: more at once would not be faster,
// and of very many an engine starts none in time.
var starting = make(chan struct{}, 1+runtime.NumCPU())

// launch makes and starts a container, whose request attaches the process that
// is begun here.
func (h *containerHost) launch(ctx context.Context, name string, request testcontainers.ContainerRequest, started *process) error {
	leave, err := enter(ctx, starting)
	if err != nil {
		return err
	}
	defer leave()
	made, err := h.engine.provider.CreateContainer(context.WithoutCancel(ctx), request)
	if err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	id := made.GetContainerID()
	waiting := h.engine.ContainerWait(context.WithoutCancel(ctx), id,
		client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	h.joining.RLock()
	err = made.Start(ctx)
	h.joining.RUnlock()
	if err != nil {
		return err
	}
	started.id, started.ended = id, make(chan struct{})
	var code int
	var failed error
	go func() {
		defer close(started.ended)
		select {
		case result := <-waiting.Result:
			code = int(result.StatusCode)
		case failed = <-waiting.Error:
		}
	}()
	started.wait = func(ctx context.Context) (int, error) {
		select {
		case <-started.ended:
			if failed != nil {
				return 0, fmt.Errorf("waiting for %s to exit: %w", name, failed)
			}
			return code, nil
		case <-ctx.Done():
			return 0, fmt.Errorf("waiting for %s to exit: %w", name, context.Cause(ctx))
		}
	}
	started.stop = func(ctx context.Context) error {
		h.joining.Lock()
		defer h.joining.Unlock()
		return h.engine.removeOne(ctx, thing{kind: "container", id: id})
	}
	return nil
}

// addressOf is where the lab's network has a container.
func (h *containerHost) addressOf(ctx context.Context, p *process) (string, error) {
	made, err := h.engine.ContainerInspect(ctx, p.id, client.ContainerInspectOptions{})
	if err != nil {
		return "", fmt.Errorf("inspecting its address: %w", err)
	}
	endpoint := made.Container.NetworkSettings.Networks[h.about.Network.Name]
	if endpoint == nil || !endpoint.IPAddress.IsValid() {
		return "", errors.New("the container has no address: it has ended")
	}
	return endpoint.IPAddress.String(), nil
}

// request says how a peer's container is made: nothing published, nothing
// mounted, nothing it could write to, no right it could use.
func (h *containerHost) request(p program, image string, started *process) testcontainers.ContainerRequest {
	name := h.about.Network.Name
	aliases := []string{p.hostname}
	if p.named {
		aliases = append(aliases, ServerName)
	}
	pids := int64(maxProcesses)
	return testcontainers.ContainerRequest{
		Image:          image,
		Cmd:            p.args,
		Labels:         maps.Clone(h.labels),
		Networks:       []string{name},
		NetworkAliases: map[string][]string{name: aliases},
		ConfigModifier: func(c *container.Config) {
			c.Hostname = p.hostname
			c.OpenStdin, c.StdinOnce = true, true
			c.AttachStdin, c.AttachStdout, c.AttachStderr = true, true, true
		},
		HostConfigModifier: func(c *container.HostConfig) {
			c.ReadonlyRootfs = true
			c.CapDrop = []string{"ALL"}
			c.SecurityOpt = []string{"no-new-privileges"}
			c.Memory, c.MemorySwap = maxMemory, maxMemory
			c.PidsLimit = &pids
		},
		LifecycleHooks: []testcontainers.ContainerLifecycleHooks{{
			PostCreates: []testcontainers.ContainerHook{h.checkNetwork},
			PreStarts: []testcontainers.ContainerHook{func(ctx context.Context, c testcontainers.Container) error {
				return h.attach(ctx, c.GetContainerID(), started)
			}},
		}},
	}
}

// checkNetwork holds the engine to what it was asked: a network that it cannot
// find it leaves out without an error, and the container lands on the bridge
// that leads outside. It comes before any material is given.
func (h *containerHost) checkNetwork(ctx context.Context, c testcontainers.Container) error {
	made, err := h.engine.ContainerInspect(ctx, c.GetContainerID(), client.ContainerInspectOptions{})
	if err != nil {
		return fmt.Errorf("inspecting its network: %w", err)
	}
	networks := made.Container.NetworkSettings.Networks
	if _, ours := networks[h.about.Network.Name]; !ours || len(networks) != 1 {
		return fmt.Errorf("it is on other networks than %s alone", h.about.Network.Name)
	}
	return nil
}

// attach takes the container's standard streams before it starts, so that no
// line of its account can be lost.
func (h *containerHost) attach(ctx context.Context, id string, started *process) error {
	stream, err := h.engine.ContainerAttach(context.WithoutCancel(ctx), id,
		client.ContainerAttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
	if err != nil {
		return fmt.Errorf("attaching: %w", err)
	}
	reader, writer := io.Pipe()
	started.stdin, started.stdout = halfCloser{stream.HijackedResponse}, reader
	var complaints io.Writer = started.stderr
	if started.merged {
		complaints = writer
	}
	go func() {
		_, err := stdcopy.StdCopy(writer, complaints, stream.Reader)
		_ = writer.CloseWithError(err)
		stream.Close()
	}()
	return nil
}

// halfCloser ends standard input and leaves the other streams open.
type halfCloser struct{ stream client.HijackedResponse }

func (h halfCloser) Write(p []byte) (int, error) { return h.stream.Conn.Write(p) }
func (h halfCloser) Close() error                { return h.stream.CloseWrite() }

// close removes all that bears the run's label and looks again. That must be
// done most of all when ctx has been cancelled.
func (h *containerHost) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	h.gate.Lock()
	h.closed = true
	h.gate.Unlock()
	h.creating.Wait()
	_, err := h.engine.clear(ctx, labelRun+"="+h.run)
	select {
	case sweepErr := <-h.swept:
		h.swept <- nil
		return errors.Join(err, sweepErr)
	case <-ctx.Done():
		return err
	}
}
