package lab_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/exchange"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

func dockerClient(tb testing.TB) *client.Client {
	tb.Helper()
	requireEngine(tb)
	c, err := client.New(client.FromEnv)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

// bearing lists the containers and networks with a label.
func bearing(tb testing.TB, c *client.Client, label string) (containers []container.Summary, networks int) {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context())
	filters := client.Filters{}.Add("label", label)
	listed, err := c.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filters})
	if err != nil {
		tb.Fatal(err)
	}
	nets, err := c.NetworkList(ctx, client.NetworkListOptions{Filters: filters})
	if err != nil {
		tb.Fatal(err)
	}
	return listed.Items, len(nets.Items)
}

func checkNothingLeft(tb testing.TB, c *client.Client, label string) {
	tb.Helper()
	if containers, networks := bearing(tb, c, label); len(containers) > 0 || networks > 0 {
		tb.Errorf("%s: %d containers and %d networks are left", label, len(containers), networks)
	}
}

func inspect(tb testing.TB, c *client.Client, id string) (container.InspectResponse, []byte) {
	tb.Helper()
	made, err := c.ContainerInspect(tb.Context(), id, client.ContainerInspectOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	raw, err := json.Marshal(made.Container)
	if err != nil {
		tb.Fatal(err)
	}
	return made.Container, raw
}

// oneExchange is a whole lab: start, deliver, close.
func oneExchange(ctx context.Context, cfg lab.Config) (diff string, err error) {
	cfg.Shared = shared
	l, err := lab.Start(ctx, cfg)
	if err != nil {
		return "", err
	}
	v, err := l.Run(ctx, exchange.Exchange{})
	if closeErr := l.Close(ctx); err == nil {
		err = closeErr
	}
	return v.Diff(verdict.Delivered(goodClient)), err
}

// flow has the good client send the good server messages until the test is over, so that both are
// there to be looked at: of a program that has ended the engine removes the container.
func flow(t *testing.T, l *lab.Lab) {
	t.Helper()
	ctx := t.Context()
	in := peer.Place{Sandbox: l.Sandbox(), Names: new(sandbox.Names)}
	server, err := peer.Own{}.Server(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close(context.WithoutCancel(ctx)) })
	serving, err := server.Serve(ctx, peer.Given{Hostname: "server", Material: l.Pair().Material(wire.Server)})
	if err != nil {
		t.Fatal(err)
	}
	listens, err := serving.Wait(ctx)
	if err != nil {
		t.Fatal(err)
	}
	client, err := peer.Own{}.Stream(ctx, in, peer.Streamed{
		Message: exchange.Greeting, Every: 100 * time.Millisecond, Connections: peer.New, Limit: time.Minute,
		Server: listens.Address, ServerName: pki.ServerName,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Stop(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	})
	if err := client.Begin(ctx, l.Pair().Material(wire.Client)); err != nil {
		t.Fatal(err)
	}
}

// TestHardened looks at the lab's containers as the engine describes them.
func TestHardened(t *testing.T) {
	t.Parallel()
	c := dockerClient(t)
	l := start(t, lab.Config{Runtime: sandbox.Containers, Timeout: time.Minute})
	flow(t, l)
	containers, networks := bearing(t, c, "mtlslab.run="+l.ID())
	if len(containers) != 2 || networks != 1 {
		t.Fatalf("%d containers and %d networks, want 2 and 1", len(containers), networks)
	}
	for _, listed := range containers {
		made, _ := inspect(t, c, listed.ID)
		host := made.HostConfig
		for what, ok := range map[string]bool{
			"read-only root":     host.ReadonlyRootfs,
			"no capability":      slices.Equal(host.CapDrop, []string{"ALL"}) && len(host.CapAdd) == 0,
			"no new privileges":  slices.Equal(host.SecurityOpt, []string{"no-new-privileges"}),
			"memory limit":       host.Memory > 0 && host.MemorySwap == host.Memory,
			"process limit":      host.PidsLimit != nil && *host.PidsLimit > 0,
			"nothing published":  len(host.PortBindings) == 0 && !host.PublishAllPorts,
			"nothing mounted":    len(host.Binds) == 0 && len(host.Mounts) == 0 && len(made.Mounts) == 0,
			"not privileged":     !host.Privileged,
			"numeric user":       made.Config.User == "65532:65532",
			"one network":        len(made.NetworkSettings.Networks) == 1,
			"no shell":           len(made.Config.Entrypoint) == 1,
			"ends by itself":     slices.Contains(made.Config.Cmd, "-lifetime"),
			"labelled with when": made.Config.Labels["mtlslab.expires"] != "",
			"labelled with who":  made.Config.Labels["mtlslab.owner"] != "",
		} {
			if !ok {
				t.Errorf("%s: not so: %s", strings.Join(listed.Names, ","), what)
			}
		}
	}
}

// TestNetworkIsChecked shows that the lab sees a container that has landed on
// another network than its own.
func TestNetworkIsInternal(t *testing.T) {
	t.Parallel()
	c := dockerClient(t)
	l := start(t, lab.Config{Runtime: sandbox.Containers})
	network := l.Facts().Network
	made, err := c.NetworkInspect(t.Context(), network.Name, client.NetworkInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !made.Network.Internal || !network.Internal {
		t.Errorf("the network is internal: %v; the lab says %v", made.Network.Internal, network.Internal)
	}
}

// TestSecrets looks for the bytes of both keys wherever they should not be.
func TestSecrets(t *testing.T) {
	t.Parallel()
	c := dockerClient(t)
	l := start(t, lab.Config{Runtime: sandbox.Containers, Timeout: time.Minute})
	flow(t, l)
	needles := keyNeedles(t, l)
	search := func(where string, data []byte) {
		for _, needle := range needles {
			if bytes.Contains(data, needle) {
				t.Errorf("%s holds bytes of a key", where)
				return
			}
		}
	}

	containers, _ := bearing(t, c, "mtlslab.run="+l.ID())
	if len(containers) != 2 {
		t.Fatalf("%d containers, want 2", len(containers))
	}
	var images []string
	for _, listed := range containers {
		made, raw := inspect(t, c, listed.ID)
		search("inspect of "+made.Name, raw)
		logs, err := c.ContainerLogs(
			t.Context(),
			listed.ID,
			client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true},
		)
		if err != nil {
			t.Fatal(err)
		}
		search("log of "+made.Name, readAll(t, logs))
		images = append(images, made.Image)
	}
	saved, err := c.ImageSave(t.Context(), images)
	if err != nil {
		t.Fatal(err)
	}
	search("image layers", readAll(t, saved))
	for _, pattern := range []string{"/proc/[0-9]*/cmdline", "/proc/[0-9]*/environ"} {
		matches, _ := filepath.Glob(pattern)
		for _, name := range matches {
			data, _ := os.ReadFile(name) // processes come and go
			search(name, data)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{os.TempDir(), filepath.Join(cache, "mtlslab"), "."} {
		searchFiles(dir, search)
	}
}

// keyNeedles are stretches of the keys in the forms in which they could leak.
func keyNeedles(t *testing.T, l *lab.Lab) [][]byte {
	t.Helper()
	var needles [][]byte
	for _, m := range []wire.Material{l.Pair().Material(wire.Server), l.Pair().Material(wire.Client)} {
		block, _ := pem.Decode(m.Key)
		if block == nil {
			t.Fatal("no key")
		}
		scalar := block.Bytes[36:68] // of a PKCS#8 P-256 key (RFC 5915, 3)
		text := base64.StdEncoding.EncodeToString(block.Bytes)
		needles = append(needles, scalar, []byte(text[44:84]), []byte(base64.StdEncoding.EncodeToString(scalar)[:40]))
	}
	return needles
}

func searchFiles(dir string, search func(string, []byte)) {
	_ = filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil //nolint:nilerr // what cannot be read holds nothing for us
		}
		if info, err := entry.Info(); err == nil && info.Size() < 1<<20 {
			data, _ := os.ReadFile(path)
			search(path, data)
		}
		return nil
	})
}

func readAll(t *testing.T, r io.ReadCloser) []byte {
	t.Helper()
	defer r.Close() //nolint:errcheck // read to its end
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// manyLabs is how many labs the next two tests make: more than the thirty networks
// that the engine's own address pools hold. MTLSLAB_LABS says otherwise.
func manyLabs(t *testing.T) int {
	t.Helper()
	text, ok := os.LookupEnv("MTLSLAB_LABS")
	if !ok {
		return 36
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("MTLSLAB_LABS=%s: want a number", text)
	}
	return n
}

// TestManyLabsAtOnce must neither exhaust the engine's address pools nor ask so
// much of it at once that it answers nobody.
func TestManyLabsAtOnce(t *testing.T) {
	c := dockerClient(t)
	owner := "many-" + time.Now().Format("150405.000")
	t.Setenv("MTLSLAB_OWNER", owner)
	var labs errgroup.Group
	for range manyLabs(t) {
		labs.Go(func() error {
			diff, err := oneExchange(t.Context(), lab.Config{Runtime: sandbox.Containers, Timeout: 3 * time.Minute})
			if diff != "" && err == nil {
				t.Error(diff)
			}
			return err
		})
	}
	if err := labs.Wait(); err != nil {
		t.Error(err)
	}
	checkNothingLeft(t, c, "mtlslab.owner="+owner)
}

// TestManyLabsInARow looks for what one lab leaves to the next.
func TestManyLabsInARow(t *testing.T) {
	c := dockerClient(t)
	t.Setenv("MTLSLAB_OWNER", "row-"+time.Now().Format("150405.000"))
	for n := range manyLabs(t) {
		diff, err := oneExchange(t.Context(), lab.Config{Runtime: sandbox.Containers})
		if err != nil || diff != "" {
			t.Fatalf("lab %d: %v %s", n+1, err, diff)
		}
	}
	checkNothingLeft(t, c, "mtlslab.owner="+os.Getenv("MTLSLAB_OWNER"))
}

// TestInterrupted cancels labs at every stage, and looks for what they leave.
func TestInterrupted(t *testing.T) {
	c := dockerClient(t)
	t.Setenv("MTLSLAB_OWNER", "interrupted-"+time.Now().Format("150405.000"))
	for after := 20 * time.Millisecond; after < time.Second; after += 90 * time.Millisecond {
		ctx, cancel := context.WithTimeout(t.Context(), after)
		_, _ = oneExchange(ctx, lab.Config{Runtime: sandbox.Containers}) // it may have been in time
		cancel()
		checkNothingLeft(t, c, "mtlslab.owner="+os.Getenv("MTLSLAB_OWNER"))
	}
}
