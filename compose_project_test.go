package mtlslab_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/mtlslab/mtlslab/images"
)

// A project is one copy of the pair under a name, and images, of its own.
type project struct {
	command []string // docker compose, or docker-compose
	name    string
	files   []string
	engine  *client.Client
}

// newProject takes further files that compose.yaml is overridden by.
func newProject(t *testing.T, overrides ...string) project {
	t.Helper()
	if testing.Short() {
		t.Skip("needs Compose and an engine, which -short leaves alone")
	}
	p := project{name: "mtlslab-test-" + strings.ToLower(rand.Text()[:10]), files: []string{"compose.yaml"}}
	p.command = findCompose(t)
	for _, text := range overrides {
		file := filepath.Join(t.TempDir(), "override.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p.files = append(p.files, file)
	}
	var err error
	if p.engine, err = client.New(client.FromEnv); err != nil {
		t.Fatal(err)
	}
	made, err := images.Ensure(t.Context(), p.engine)
	if err != nil {
		t.Fatal(err)
	}
	if err := images.Tag(t.Context(), p.engine, p.name, made...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.down(t)
		p.untag(t, made)
		_ = p.engine.Close()
	})
	return p
}

// findCompose returns the command of the Compose that is there, if it and an
// engine are.
func findCompose(t *testing.T) []string {
	t.Helper()
	var said []error
	for _, command := range [][]string{{"docker", "compose"}, {"docker-compose"}} {
		// `ps` asks the engine too, where `version` may not.
		probe := exec.CommandContext(
			t.Context(),
			command[0],
			slices.Concat(command[1:], []string{"-f", "compose.yaml", "ps", "-q"})...)
		out, err := probe.CombinedOutput()
		if err == nil {
			t.Logf("with %s", strings.Join(command, " "))
			return command
		}
		said = append(said, errors.New(strings.Join(command, " ")+": "+err.Error()+": "+strings.TrimSpace(string(out))))
	}
	if os.Getenv("MTLSLAB_REQUIRE_COMPOSE") == "1" {
		t.Fatalf("MTLSLAB_REQUIRE_COMPOSE=1, but: %v", errors.Join(said...))
	}
	t.Skipf("no Compose with an engine: %v", errors.Join(said...))
	return nil
}

// run carries out one command of Compose, and returns all that it printed and
// its exit code.
func (p project) run(t *testing.T, args ...string) (string, int) {
	t.Helper()
	return p.compose(t.Context(), t, args...)
}

func (p project) compose(ctx context.Context, t *testing.T, args ...string) (string, int) {
	t.Helper()
	line := slices.Concat(p.command[1:], []string{"-p", p.name})
	for _, file := range p.files {
		line = append(line, "-f", file)
	}
	cmd := exec.CommandContext(ctx, p.command[0], append(line, args...)...)
	cmd.Env = append(os.Environ(), "MTLSLAB_TAG="+p.name)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", cmd, err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// down runs at the end of the test too, when its own context is over.
func (p project) down(t *testing.T) {
	t.Helper()
	if out, code := p.compose(context.WithoutCancel(t.Context()), t, "down", "--volumes"); code != 0 {
		t.Errorf("down ended with %d:\n%s", code, out)
	}
}

// untag takes the names away that this project gave to the images.
func (p project) untag(t *testing.T, made []images.Image) {
	t.Helper()
	for _, image := range made {
		ref := "mtlslab/" + image.Name + ":" + p.name
		if _, err := p.engine.ImageRemove(context.WithoutCancel(t.Context()), ref, client.ImageRemoveOptions{}); err != nil {
			t.Error(err)
		}
	}
}

// label is what both generations of Compose know their own by.
func (p project) label() client.Filters {
	return client.Filters{}.Add("label", "com.docker.compose.project="+p.name)
}

func (p project) id(t *testing.T, service string) string {
	t.Helper()
	filters := p.label().Add("label", "com.docker.compose.service="+service)
	list, err := p.engine.ContainerList(t.Context(), client.ContainerListOptions{All: true, Filters: filters})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != 1 {
		t.Fatalf("%s: %d containers, want 1", service, len(list.Items))
	}
	return list.Items[0].ID
}

func (p project) inspect(t *testing.T, service string) container.InspectResponse {
	t.Helper()
	result, err := p.engine.ContainerInspect(t.Context(), p.id(t, service), client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return result.Container
}

// started are the services of which a container has ever run.
func (p project) started(t *testing.T) []string {
	t.Helper()
	list, err := p.engine.ContainerList(t.Context(), client.ContainerListOptions{All: true, Filters: p.label()})
	if err != nil {
		t.Fatal(err)
	}
	var services []string
	for _, c := range list.Items {
		if c.State != container.StateCreated {
			services = append(services, c.Labels["com.docker.compose.service"])
		}
	}
	return services
}

func (p project) wait(t *testing.T, service string) int64 {
	t.Helper()
	waiting := p.engine.ContainerWait(t.Context(), p.id(t, service),
		client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case result := <-waiting.Result:
		return result.StatusCode
	case err := <-waiting.Error:
		t.Fatal(err)
	}
	return -1
}

func (p project) log(t *testing.T, service string) string {
	t.Helper()
	out, code := p.run(t, "logs", "--no-color", service)
	if code != 0 {
		t.Fatalf("logs ended with %d:\n%s", code, out)
	}
	return out
}

// left is what the engine still has of the project.
func (p project) left(t *testing.T) []string {
	t.Helper()
	var left []string
	containers, err := p.engine.ContainerList(t.Context(), client.ContainerListOptions{All: true, Filters: p.label()})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range containers.Items {
		left = append(left, c.Names...)
	}
	networks, err := p.engine.NetworkList(t.Context(), client.NetworkListOptions{Filters: p.label()})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range networks.Items {
		left = append(left, n.Name)
	}
	volumes, err := p.engine.VolumeList(t.Context(), client.VolumeListOptions{Filters: p.label()})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range volumes.Items {
		left = append(left, v.Name)
	}
	return left
}

// checkHardened holds a container against what the lab gives its own.
func checkHardened(t *testing.T, service string, c container.InspectResponse) {
	t.Helper()
	const limit = 128 << 20
	host := c.HostConfig
	for _, claim := range []struct {
		what string
		is   bool
	}{
		{"a read-only root", host.ReadonlyRootfs},
		{"no capability", len(host.CapDrop) == 1 && strings.EqualFold(host.CapDrop[0], "ALL") && len(host.CapAdd) == 0},
		{"no new privileges", len(host.SecurityOpt) == 1 && strings.HasPrefix(host.SecurityOpt[0], "no-new-privileges")},
		{"no privileges", !host.Privileged},
		{"a limit of memory, with none to swap", host.Memory == limit && host.MemorySwap == limit},
		{"a limit of processes", host.PidsLimit != nil && *host.PidsLimit == 128},
		{"nothing published", len(host.PortBindings) == 0 && !host.PublishAllPorts},
		{"the user that it is given", c.Config.User == map[string]string{"mint": "0:65532"}[service] ||
			service != "mint" && c.Config.User == "65532:65532"},
	} {
		if !claim.is {
			t.Errorf("%s: want %s", service, claim.what)
		}
	}
	for _, mount := range c.Mounts {
		if mount.Type != "volume" {
			t.Errorf("%s: %s is a %s of the host's", service, mount.Destination, mount.Type)
		}
		if service != "mint" && (mount.RW || !strings.HasSuffix(mount.Name, "_"+service)) {
			t.Errorf("%s: has volume %s, writable is %t", service, mount.Name, mount.RW)
		}
	}
}

// checkIsolated sees that the peers are on one internal network and no other,
// and that the mint, which has both keys, is on none.
func (p project) checkIsolated(t *testing.T) {
	t.Helper()
	for service, want := range map[string]string{"mint": "none", "server": p.name + "_lab", "client": p.name + "_lab"} {
		for name := range p.inspect(t, service).NetworkSettings.Networks {
			if name != want {
				t.Errorf("%s is on network %s, want %s alone", service, name, want)
			}
		}
	}
	made, err := p.engine.NetworkInspect(t.Context(), p.name+"_lab", client.NetworkInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !made.Network.Internal {
		t.Error("the network is not internal")
	}
}

// checkMaterial looks into both volumes, and returns what they hold.
func (p project) checkMaterial(t *testing.T) string {
	t.Helper()
	server, client := p.material(t, "server"), p.material(t, "client")
	if server["ca.crt"] != client["ca.crt"] || server["tls.key"] == client["tls.key"] {
		t.Error("the peers trust two authorities, or have one key")
	}
	return server["ca.crt"] + server["tls.crt"] + server["tls.key"] + client["tls.crt"] + client["tls.key"]
}

// material reads a peer's volume. Nothing in it may be the peer's to change,
// and the key is for the peer's group alone.
func (p project) material(t *testing.T, service string) map[string]string {
	t.Helper()
	copied, err := p.engine.CopyFromContainer(
		t.Context(),
		p.id(t, service),
		client.CopyFromContainerOptions{SourcePath: "/material/."},
	)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = copied.Content.Close() }()
	held := map[string]string{}
	for archive := tar.NewReader(copied.Content); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if header.Uid != 0 || header.Mode&0o022 != 0 {
			t.Errorf("%s: %s belongs to %d, mode %o", service, header.Name, header.Uid, header.Mode)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		var text bytes.Buffer
		if _, err := io.Copy(&text, archive); err != nil { //nolint:gosec // as large as the mint made it
			t.Fatal(err)
		}
		name := strings.TrimPrefix(header.Name, "./")
		held[name] = text.String()
		if name == "tls.key" && (header.Gid != 65532 || header.Mode&0o777 != 0o640) {
			t.Errorf("%s: the key is group %d's, mode %o", service, header.Gid, header.Mode)
		}
	}
	if len(held) != 3 {
		t.Errorf("%s: %d files, want 3", service, len(held))
	}
	return held
}
