package lab_test

import (
	"bufio"
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/exchange"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// From inside a lab nobody is reached: not the host by any of its addresses, not a peer of
// another lab, not the world.
func TestNoWayOut(t *testing.T) {
	t.Parallel()
	requireEngine(t)
	other := start(t, lab.Config{Runtime: sandbox.Containers})
	if _, err := other.Run(t.Context(), exchange.Exchange{}); err != nil {
		t.Fatal(err)
	}
	l := start(t, lab.Config{Runtime: sandbox.Containers})
	if _, err := l.Run(t.Context(), exchange.Exchange{}); err != nil {
		t.Fatal(err)
	}
	tries, err := l.Reached(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ofOthers := func(try wire.Try) bool { return strings.HasSuffix(try.Address, ":"+wire.DefaultPort) }
	if len(tries) < 4 || !slices.ContainsFunc(tries, ofOthers) {
		t.Errorf("it tried too little: %v", tries)
	}
	for _, try := range tries {
		if try.Result.Out() || try.Result == wire.ReachFailed {
			t.Errorf("%s: %s", try.Address, try.Result)
		}
	}
}

// The same server on a network that is internal and has a gateway reaches the host: the
// tries can come out the other way.
func TestWayOutIsSeen(t *testing.T) {
	t.Parallel()
	c := dockerClient(t)
	l := start(t, lab.Config{Runtime: sandbox.Containers})
	name, ctx := "mtlslab-test-open-"+l.ID(), context.WithoutCancel(t.Context())
	made, err := c.NetworkCreate(ctx, name, client.NetworkCreateOptions{Internal: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := c.NetworkRemove(ctx, made.ID, client.NetworkRemoveOptions{}); err != nil {
			t.Error(err)
		}
	})
	inspected, err := c.NetworkInspect(ctx, made.ID, client.NetworkInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	gateway := inspected.Network.IPAM.Config[0].Gateway
	if !gateway.IsValid() {
		t.Skip("this engine gives internal networks no gateway")
	}
	address := gateway.String() + ":1"
	open := openServer(t, c, l, name, address)
	deadline := time.After(time.Minute)
	said := make(chan wire.Outcome)
	go func() {
		defer close(said)
		for o := range open {
			if o.Kind == wire.Reached {
				said <- o
				return
			}
		}
	}()
	select {
	case o := <-said:
		if len(o.Tries) != 1 || !o.Tries[0].Result.Out() {
			t.Errorf("%s: %v, and the host is there", address, o.Tries)
		}
	case <-deadline:
		t.Error("the server does not say what it reached")
	}
}

// openServer runs our server on a network, has it try to reach an address, and returns
// its account.
func openServer(t *testing.T, c *client.Client, l *lab.Lab, on, reach string) <-chan wire.Outcome {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	made, err := c.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{
			Image: l.Facts().Images[slices.IndexFunc(l.Facts().Images, isServer)].Ref,
			Cmd:   []string{"-log", "json", "-material", "-", "-lifetime", "1m", "-reach", reach}, OpenStdin: true,
			AttachStdin: true, AttachStdout: true,
		},
		NetworkingConfig: &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{on: {}}},
		HostConfig:       &container.HostConfig{NetworkMode: container.NetworkMode(on)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := c.ContainerRemove(ctx, made.ID, client.ContainerRemoveOptions{Force: true}); err != nil {
			t.Error(err)
		}
	})
	return attachTo(t, c, made.ID, l.Pair().Material(wire.Server))
}

func isServer(i images.Image) bool { return i.Name == "server" }

// attachTo starts a container, gives it material, and returns its outcomes.
func attachTo(t *testing.T, c *client.Client, id string, m wire.Material) <-chan wire.Outcome {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	stream, err := c.ContainerAttach(ctx, id, client.ContainerAttachOptions{Stream: true, Stdin: true, Stdout: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stream.Close)
	if _, err := c.ContainerStart(ctx, id, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := m.WriteTar(stream.Conn); err != nil {
		t.Fatal(err)
	}
	reader, writer := io.Pipe()
	go func() {
		_, err := stdcopy.StdCopy(writer, io.Discard, stream.Reader)
		_ = writer.CloseWithError(err)
	}()
	outcomes := make(chan wire.Outcome)
	go func() {
		defer close(outcomes)
		for lines := bufio.NewScanner(reader); lines.Scan(); {
			if o, err := wire.ParseOutcome(lines.Bytes()); err == nil {
				outcomes <- o
			}
		}
	}()
	return outcomes
}
