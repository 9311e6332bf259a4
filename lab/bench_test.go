package lab_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/exchange"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// BenchmarkExchange holds the lab against the floor: the same two hardened
// containers on the same kind of network, driven by the engine's own client
// with nothing around it. Each iteration is a pair, in alternating order; the
// medians, and the median of the pairs' ratios, are reported.
//
//	go test -run '^$' -bench Exchange -benchtime 10x ./lab
func BenchmarkExchange(b *testing.B) {
	requireEngine(b)
	refs := ownImages(b)
	var floors, labs, ratios, wholes []float64
	for i := 0; b.Loop(); i++ {
		var floor, ours, whole time.Duration
		steps := []func(){
			func() { floor = floorExchange(b, refs) },
			func() { ours, whole = labExchange(b) },
		}
		if i%2 == 1 {
			slices.Reverse(steps)
		}
		for _, step := range steps {
			step()
		}
		floors, labs = append(floors, ms(floor)), append(labs, ms(ours))
		ratios, wholes = append(ratios, ms(ours)/ms(floor)), append(wholes, ms(whole))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(floors), "floor-ms")
	b.ReportMetric(median(labs), "lab-ms")
	b.ReportMetric(median(ratios), "lab/floor")
	b.ReportMetric(median(wholes), "lab-and-cleanup-ms")
}

func ms(d time.Duration) float64 { return d.Seconds() * 1e3 }

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// labExchange returns the time from the first engine call to the verified
// message, and to the end of the clean-up.
func labExchange(b *testing.B) (message, whole time.Duration) {
	began := time.Now()
	l, err := lab.Start(b.Context(), lab.Config{Runtime: sandbox.Containers})
	if err != nil {
		b.Fatal(err)
	}
	v, err := l.Run(b.Context(), exchange.Exchange{})
	message = time.Since(began)
	if closed := l.Close(b.Context()); err != nil || closed != nil {
		b.Fatal(err, closed)
	}
	if diff := v.Diff(verdict.Delivered("spiffe://lab/client")); diff != "" {
		b.Fatal(diff)
	}
	return message, time.Since(began)
}

// ownImages makes sure that neither side of the comparison builds anything.
func ownImages(b *testing.B) map[string]string {
	b.Helper()
	made, err := buildImages(b.Context(), "")
	if err != nil {
		b.Fatal(err)
	}
	refs := make(map[string]string)
	for _, image := range made {
		refs[image.Name] = image.Ref
	}
	labExchange(b)
	return refs
}

// buildImages brings the images of all our own programs into the engine.
func buildImages(ctx context.Context, tag string) ([]images.Image, error) {
	engine, err := sandbox.Connect(ctx)
	if err != nil {
		return nil, err
	}
	made, err := images.Ensure(ctx, engine)
	if err != nil || tag == "" {
		return made, err
	}
	return made, images.Tag(ctx, engine, tag, made...)
}

// floorRun is one exchange by the engine's client alone.
type floorRun struct {
	*client.Client
	b       *testing.B
	network string
}

func floorExchange(b *testing.B, refs map[string]string) time.Duration {
	authority, err := pki.New(pki.Config{})
	if err != nil {
		b.Fatal(err)
	}
	material := func(r pki.Request) wire.Material {
		id, err := authority.Issue(r)
		if err != nil {
			b.Fatal(err)
		}
		return id.Material(authority)
	}
	serverMaterial := material(pki.Request{Role: wire.Server, Name: "server", DNS: []string{"server"}})
	clientMaterial := material(pki.Request{Role: wire.Client, Name: "client"})

	began := time.Now()
	engine, err := client.New(client.FromEnv)
	if err != nil {
		b.Fatal(err)
	}
	id := make([]byte, 6)
	_, _ = rand.Read(id)
	f := &floorRun{Client: engine, b: b, network: "mtlslab-floor-" + hex.EncodeToString(id)}
	defer f.remove()
	subnet := netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 20, id[0], id[1] &^ 15}), 28)
	if _, err := f.NetworkCreate(b.Context(), f.network, client.NetworkCreateOptions{
		Driver: "bridge", Internal: true, IPAM: &network.IPAM{Config: []network.IPAMConfig{{Subnet: subnet}}},
	}); err != nil {
		b.Fatal(err)
	}

	var server, dialer *attached
	var both errgroup.Group
	both.Go(func() (err error) {
		if server, err = f.start("server", refs["server"], "-log", "json", "-material", "-"); err != nil {
			return err
		}
		return server.give(serverMaterial, wire.Listening)
	})
	both.Go(func() (err error) {
		dialer, err = f.start("client", refs["client"],
			"-log", "json", "-material", "-", "-connect", "server:12345", "Hello, server!")
		return err
	})
	if err := both.Wait(); err != nil {
		b.Fatal(err)
	}
	if err := dialer.give(clientMaterial, wire.Delivered); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}

// attached is a running container with its standard streams.
type attached struct {
	stream client.HijackedResponse
	out    *io.PipeReader
}

func (f *floorRun) start(name, image string, args ...string) (*attached, error) {
	ctx := f.b.Context()
	pids := int64(128)
	made, err := f.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{
			Hostname: name, Image: image, Cmd: args,
			OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true, AttachStderr: true,
		},
		HostConfig: &container.HostConfig{
			ReadonlyRootfs: true, CapDrop: []string{"ALL"}, SecurityOpt: []string{"no-new-privileges"},
			Resources: container.Resources{Memory: 128 << 20, MemorySwap: 128 << 20, PidsLimit: &pids},
		},
		NetworkingConfig: &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
			f.network: {Aliases: []string{name}},
		}},
		Name: f.network + "-" + name,
	})
	if err != nil {
		return nil, err
	}
	stream, err := f.ContainerAttach(
		ctx,
		made.ID,
		client.ContainerAttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true},
	)
	if err != nil {
		return nil, err
	}
	if _, err := f.ContainerStart(ctx, made.ID, client.ContainerStartOptions{}); err != nil {
		return nil, err
	}
	reader, writer := io.Pipe()
	go func() {
		_, err := stdcopy.StdCopy(writer, io.Discard, stream.Reader)
		_ = writer.CloseWithError(err)
	}()
	return &attached{stream.HijackedResponse, reader}, nil
}

// give hands over the material and waits for an outcome of that kind.
func (a *attached) give(m wire.Material, want wire.Kind) error {
	if err := cmp.Or(m.WriteTar(a.stream.Conn), a.stream.CloseWrite()); err != nil {
		return err
	}
	line := make([]byte, 64<<10)
	for n := 0; ; {
		read, err := a.out.Read(line[n:])
		if n += read; bytes.Contains(line[:n], []byte(`"kind":"`+string(want)+`"`)) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (f *floorRun) remove() {
	ctx := context.WithoutCancel(f.b.Context())
	for _, name := range []string{"server", "client"} {
		_, err := f.ContainerRemove(ctx, f.network+"-"+name, client.ContainerRemoveOptions{Force: true})
		if err != nil {
			f.b.Error(err)
		}
	}
	if _, err := f.NetworkRemove(ctx, f.network, client.NetworkRemoveOptions{}); err != nil {
		f.b.Error(err)
	}
	_ = f.Close()
}
