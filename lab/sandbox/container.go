package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// Limits of one container of our own programs. A peer needs a tenth of the memory;
// the rest is for the attacks it has to stand.
const (
	maxMemory    = 128 << 20 // bytes
	maxProcesses = 128
)

// container says how one is made. What it does not say is the same for all: nothing is
// published, and nothing mounted from the host.
type container struct {
	hostname, alias string
	image           string
	user            string // the image's if empty
	entrypoint      []string
	args            []string
	env             map[string]string
	hosts           []string // names with their addresses, "name:address"
	volumes         []string // directories, each an anonymous volume
	memory          int64    // bytes
	processes       int64
	hardened        bool // there is nothing it could write to, and no right that it could use

	// fill is called when it has been made and has not begun. It may be nil.
	fill func(ctx context.Context, id string) error
}

// launch makes and starts a container.
func (c *Isolated) launch(ctx context.Context, with container) (*Process, error) {
	leave, err := c.shared.starting.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	started := &Process{Stderr: new(Tail), image: with.image}
	made, err := c.engine.provider.CreateContainer(context.WithoutCancel(ctx), c.request(with, started))
	if err != nil {
		return nil, err
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	started.id = made.GetContainerID()
	c.remember(with.hostname, started.id)
	ended := c.waitFor(ctx, with.hostname, started)
	started.stop = func(ctx context.Context) error {
		c.joining.Lock()
		defer c.joining.Unlock()
		return c.engine.removeOne(ctx, thing{kind: "container", id: started.id})
	}
	started.address = func(ctx context.Context) (string, error) { return c.addressOf(ctx, started.id) }
	c.separable(started, with)
	c.joining.RLock()
	defer c.joining.RUnlock()
	if err := made.Start(ctx); err != nil {
		return nil, err
	}
	started.Ended = ended
	return started, nil
}

// waitFor asks the engine for the exit code before the container begins.
func (c *Isolated) waitFor(ctx context.Context, name string, p *Process) <-chan struct{} {
	waiting := c.engine.ContainerWait(context.WithoutCancel(ctx), p.id,
		client.ContainerWaitOptions{Condition: api.WaitConditionNextExit})
	ended := make(chan struct{})
	var code int
	var failed error
	go func() {
		defer close(ended)
		select {
		case result := <-waiting.Result:
			code = int(result.StatusCode)
		case failed = <-waiting.Error:
		}
	}()
	p.wait = func(ctx context.Context) (int, error) {
		select {
		case <-ended:
			if failed != nil {
				return 0, fmt.Errorf("waiting for %s to exit: %w", name, failed)
			}
			return code, nil
		case <-ctx.Done():
			return 0, fmt.Errorf("waiting for %s to exit: %w", name, context.Cause(ctx))
		}
	}
	return ended
}

// remember keeps which container has a hostname.
func (c *Isolated) remember(hostname, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.names[hostname] = id
}

// Lookup is the IP address of the container that has a hostname.
func (c *Isolated) Lookup(ctx context.Context, hostname string) (string, error) {
	c.mu.Lock()
	id, ok := c.names[hostname]
	c.mu.Unlock()
	if !ok {
		return "", fmt.Errorf("looking %s up: no container has that name", hostname)
	}
	return c.addressOf(ctx, id)
}

var errEnded = errors.New("the container has no address: it has ended")

// addressOf is where the lab's network has a container.
func (c *Isolated) addressOf(ctx context.Context, id string) (string, error) {
	made, err := c.engine.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	switch {
	case errdefs.IsNotFound(err): // the engine removes what has ended
		return "", errEnded
	case err != nil:
		return "", fmt.Errorf("inspecting its address: %w", err)
	}
	endpoint := made.Container.NetworkSettings.Networks[c.about.Network.Name]
	if endpoint == nil || !endpoint.IPAddress.IsValid() {
		return "", errEnded
	}
	return endpoint.IPAddress.String(), nil
}

func (c *Isolated) request(with container, started *Process) testcontainers.ContainerRequest {
	network := c.about.Network.Name
	aliases := []string{with.hostname}
	if with.alias != "" {
		aliases = append(aliases, with.alias)
	}
	hooks := testcontainers.ContainerLifecycleHooks{
		PostCreates: []testcontainers.ContainerHook{c.checkNetwork},
		PreStarts: []testcontainers.ContainerHook{func(ctx context.Context, made testcontainers.Container) error {
			return c.attach(ctx, made.GetContainerID(), started)
		}},
	}
	if with.fill != nil {
		hooks.PostCreates = append(hooks.PostCreates, func(ctx context.Context, made testcontainers.Container) error {
			return with.fill(ctx, made.GetContainerID())
		})
	}
	return testcontainers.ContainerRequest{
		Image:          with.image,
		User:           with.user,
		Entrypoint:     with.entrypoint,
		Cmd:            with.args,
		Env:            with.env,
		Labels:         maps.Clone(c.labels),
		Networks:       []string{network},
		NetworkAliases: map[string][]string{network: aliases},
		ConfigModifier: func(made *api.Config) {
			made.Hostname = with.hostname
			made.OpenStdin, made.StdinOnce = true, true
			made.AttachStdin, made.AttachStdout, made.AttachStderr = true, true, true
		},
		HostConfigModifier: with.bound,
		LifecycleHooks:     []testcontainers.ContainerLifecycleHooks{hooks},
	}
}

// nobody is whom a name is asked of that is none of the network's: the container itself, where
// nobody listens. The engine would hand it to the resolvers of the host, which is a way out
// (CVE-2024-29018), and keep the container for as long as they do not answer.
var nobody = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}

// bound takes from a container what it does not need. It is called more than once.
func (with container) bound(host *api.HostConfig) {
	if with.hardened {
		host.ReadonlyRootfs = true
		host.CapDrop = []string{"ALL"}
		host.SecurityOpt = []string{"no-new-privileges"}
	}
	// The engine removes what has ended, also when nobody is left to ask for it: a process that was killed.
	host.AutoRemove = true
	host.Memory, host.MemorySwap, host.PidsLimit = with.memory, with.memory, &with.processes
	host.ExtraHosts = with.hosts
	host.DNS = nobody
	host.Mounts = nil
	for _, dir := range with.volumes {
		host.Mounts = append(host.Mounts, mount.Mount{Type: mount.TypeVolume, Target: dir})
	}
}

// checkNetwork holds the engine to what it was asked: a network that it cannot
// find it leaves out without an error, and the container lands on the bridge
// that leads outside. It comes before the container is given anything.
func (c *Isolated) checkNetwork(ctx context.Context, container testcontainers.Container) error {
	made, err := c.engine.ContainerInspect(ctx, container.GetContainerID(), client.ContainerInspectOptions{})
	if err != nil {
		return fmt.Errorf("inspecting its network: %w", err)
	}
	networks := made.Container.NetworkSettings.Networks
	if _, ours := networks[c.about.Network.Name]; !ours || len(networks) != 1 {
		return fmt.Errorf("it is on other networks than %s alone", c.about.Network.Name)
	}
	return nil
}

// attach takes the container's standard streams before it starts, so that no
// line of its account can be lost.
func (c *Isolated) attach(ctx context.Context, id string, started *Process) error {
	stream, err := c.engine.ContainerAttach(context.WithoutCancel(ctx), id,
		client.ContainerAttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
	if err != nil {
		return fmt.Errorf("attaching: %w", err)
	}
	reader, writer := io.Pipe()
	started.Stdin, started.Stdout = halfCloser{stream.HijackedResponse}, reader
	go func() {
		_, err := stdcopy.StdCopy(writer, started.Stderr, stream.Reader)
		_ = writer.CloseWithError(err)
		stream.Close()
	}()
	return nil
}

// halfCloser ends standard input and leaves the other streams open.
type halfCloser struct{ stream client.HijackedResponse }

func (h halfCloser) Write(p []byte) (int, error) { return h.stream.Conn.Write(p) }
func (h halfCloser) Close() error                { return h.stream.CloseWrite() }
