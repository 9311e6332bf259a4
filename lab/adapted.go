package lab

import (
	"archive/tar"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/finding"
)

// Limits of one container of somebody else's image.
const (
	adaptedMemory    = 1 << 30 // bytes
	adaptedProcesses = 1024
)

var errNeedsContainers = errors.New("somebody else's image runs in containers alone: it needs an engine")

// adapted is somebody else's image, at hand and ready to be started.
type adapted struct {
	*adapter.Adapter
	host    *containerHost
	product finding.Product
	argv    []string // the image's own, if the adapter says no other
	user    string   // that it runs as, in the image's words
	named   bool     // containers are to be found under the name of a server
	hold    []byte   // the program that holds its containers

	mu  sync.Mutex
	ids *ids // of whoever owns its files, once it is known
}

// adapt brings a peer's image into the engine: built, pulled, or there already.
func (l *Lab) adapt(ctx context.Context, p Peer) (*adapted, error) {
	host, ok := l.host.(*containerHost)
	if !ok {
		return nil, errNeedsContainers
	}
	a := &adapted{Adapter: p.Adapter, host: host, named: p.named}
	ref, err := a.bring(ctx, p, l.cfg.Progress)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.Name, err)
	}
	inspected, err := host.engine.ImageInspect(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("%s: inspecting its image: %w", a.Name, err)
	}
	a.product = finding.Product{
		Name: a.Name, About: a.About, Image: ref, Digest: inspected.ID, Adapter: fingerprint(a.Adapter),
		Authentication: a.Authentication, Adjusted: a.Adjusted, Hint: a.Hint,
	}
	if config := inspected.Config; config != nil {
		a.user = config.User
		a.argv = slices.Concat(config.Entrypoint, config.Cmd)
		if len(a.Command) > 0 {
			a.argv = slices.Clone(config.Entrypoint)
		}
	}
	a.user = cmp.Or(a.User, a.user)
	paths, err := images.Binaries(ctx, "linux/"+host.engine.about.Arch, holdSource)
	if err != nil {
		return nil, err
	}
	a.hold, err = os.ReadFile(paths[holdSource.Name])
	return a, err
}

// Identify brings the image of a peer that has an adapter into the engine, and says
// which it is.
func (l *Lab) Identify(ctx context.Context, p Peer) (finding.Product, error) {
	if p.Adapter == nil {
		return finding.Product{}, errors.New("identify: a peer without an adapter is our own program")
	}
	adapted, err := l.adapt(ctx, p)
	if err != nil {
		return finding.Product{}, err
	}
	return adapted.product, nil
}

// fingerprint changes with anything that an adapter says.
func fingerprint(a *adapter.Adapter) string {
	text, err := json.Marshal(a)
	if err != nil {
		return "" // not of texts and numbers
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func (a *adapted) bring(ctx context.Context, p Peer, progress func(string)) (string, error) {
	if a.Build != "" {
		files := p.files()
		progress("building the image of " + a.Name + ", if need be")
		if err := a.CheckBuild(files); err != nil {
			return "", err
		}
		needsBase, err := images.NeedsBase(files)
		if err == nil && needsBase {
			_, err = images.Base(ctx, a.host.engine, progress)
		}
		if err != nil {
			return "", err
		}
		image, err := images.Build(ctx, a.host.engine, a.BuildName(), files, progress)
		return image.Ref, err
	}
	_, err := a.host.engine.ImageInspect(ctx, a.Image)
	if err == nil || !errdefs.IsNotFound(err) {
		return a.Image, err
	}
	if err := images.Pull(ctx, a.host.engine, a.Image, progress); err != nil {
		return "", fmt.Errorf("the engine has no image %s, and could not pull it: %w", a.Image, err)
	}
	return a.Image, nil
}

// stay is what a container of somebody else's image is started with.
type stay struct {
	files []adapter.File // its material and the like
	env   map[string]string
	argv  []string // the process that hold runs in it; of none, hold waits for errands
	hosts []string // names with their addresses, "name:address"
	often bool     // there will be hundreds of errands
}

// start starts a container of the image, and returns the process that is the first
// in it.
func (a *adapted) start(ctx context.Context, name string, with stay) (*process, error) {
	if err := a.host.begin(); err != nil {
		return nil, err
	}
	defer a.host.creating.Done()
	started := &process{stderr: new(tail), merged: len(with.argv) > 0}
	request := a.host.request(program{hostname: name, named: a.named}, a.product.Image, started)
	request.Entrypoint = slices.Concat([]string{holdDir + "/init"}, lifetime(a.host.expires))
	request.Cmd = nil
	if len(with.argv) > 0 {
		request.Cmd = append([]string{"--"}, with.argv...)
	}
	request.Env = with.env
	request.User = a.User
	volumes := a.volumes()
	if with.often && a.host.engine.readsSlowly(ctx) {
		volumes = append(volumes, programs)
	}
	request.HostConfigModifier = func(c *container.HostConfig) {
		pids := int64(adaptedProcesses)
		c.Memory, c.MemorySwap, c.PidsLimit = adaptedMemory, adaptedMemory, &pids
		c.ExtraHosts = with.hosts
		c.Mounts = nil // it is called more than once
		for _, dir := range volumes {
			c.Mounts = append(c.Mounts, mount.Mount{Type: mount.TypeVolume, Target: dir})
		}
	}
	request.LifecycleHooks[0].PostCreates = append(request.LifecycleHooks[0].PostCreates,
		func(ctx context.Context, made testcontainers.Container) error {
			return a.fill(ctx, made.GetContainerID(), with.files)
		})
	return started, a.host.launch(ctx, name, request, started)
}

// programs is where an image has its programs and what they load. The engine puts
// all of it into a volume that is made for it.
const programs = "/usr"

// volumes are the directories that hold material, and hold's own. Nothing can be
// copied into a root file system that is read-only, and nothing may be mounted
// from the host of a remote engine; and what is in a volume is in no layer.
func (a *adapted) volumes() []string {
	dirs := []string{holdDir}
	add := func(dir string) {
		if !slices.Contains(dirs, dir) && !strings.HasPrefix(dir, holdDir+"/") {
			dirs = append(dirs, dir)
		}
	}
	add(a.Dir())
	for _, file := range a.MaterialPaths(a.Dir()) {
		add(path.Dir(file))
	}
	return dirs
}

// fill copies hold and the files into a container that has been made and not
// yet started.
func (a *adapted) fill(ctx context.Context, id string, files []adapter.File) error {
	return a.put(ctx, id, files, packed{File: adapter.File{Path: holdDir + "/init", Data: a.hold, Mode: 0o555}})
}

// put copies files into a container, owned by whom the adapter says, with the
// directory that they need, and others as they are.
func (a *adapted) put(ctx context.Context, id string, files []adapter.File, others ...packed) error {
	owner, err := a.owner(ctx, id)
	if err != nil {
		return err
	}
	all := others
	if !slices.Contains(a.volumes()[1:], a.Dir()) {
		all = append(all, packed{adapter.File{Path: a.Dir() + "/", Mode: fs.ModeDir | 0o755}, owner})
	}
	for _, f := range files {
		all = append(all, packed{f, owner})
	}
	return a.host.copyInto(ctx, id, "/", all)
}

// owner is who is to own the files. It is looked up once: in every container of
// an image it is the same.
func (a *adapted) owner(ctx context.Context, id string) (ids, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ids == nil {
		found, err := a.findOwner(ctx, id)
		if err != nil {
			return ids{}, err
		}
		a.ids = &found
	}
	return *a.ids, nil
}

// findOwner looks into the image for names that are no numbers.
func (a *adapted) findOwner(ctx context.Context, id string) (found ids, err error) {
	name, group, _ := strings.Cut(cmp.Or(a.Material.Owner, a.user, "0:0"), ":")
	found.user, err = strconv.Atoi(name)
	if err != nil {
		entry, err := a.entry(ctx, id, "/etc/passwd", name)
		if err != nil {
			return found, err
		}
		found.user, _ = strconv.Atoi(entry[2])
		found.group, _ = strconv.Atoi(entry[3])
	}
	if group == "" {
		return found, nil
	}
	found.group, err = strconv.Atoi(group)
	if err != nil {
		entry, err := a.entry(ctx, id, "/etc/group", group)
		if err != nil {
			return found, err
		}
		found.group, _ = strconv.Atoi(entry[2])
	}
	return found, nil
}

// entry is the line of a file such as /etc/passwd that is about a name.
func (a *adapted) entry(ctx context.Context, id, file, name string) ([]string, error) {
	copied, err := a.host.engine.CopyFromContainer(ctx, id, client.CopyFromContainerOptions{SourcePath: file})
	if err != nil {
		return nil, fmt.Errorf("looking %s up in the image's %s: %w", name, file, err)
	}
	defer copied.Content.Close() //nolint:errcheck // read-only
	archive := tar.NewReader(copied.Content)
	if _, err := archive.Next(); err != nil {
		return nil, fmt.Errorf("reading the image's %s: %w", file, err)
	}
	text, err := io.ReadAll(io.LimitReader(archive, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("reading the image's %s: %w", file, err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Split(strings.TrimSpace(line), ":"); fields[0] == name && len(fields) >= 4 {
			return fields, nil
		}
	}
	return nil, fmt.Errorf("the image's %s names no %s: say material.owner by number", file, name)
}
