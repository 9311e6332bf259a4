// Package foreign runs servers and clients of images that are somebody else's, their code unchanged, by what an
// adapter says of each; those of the gallery among them.
//
// It exists because what stands for an account is found out in as many ways as there are products, of which the
// rest of the lab need not know. A container is kept open, and the peer is started in it again and again, because a
// new process costs a tenth of a new container. The package judges nothing.
package foreign

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/command"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Image is somebody else's image, its code unchanged. Its adapter says how it is run.
type Image struct {
	Adapter *adapter.Adapter

	// Context is the directory that Adapter.Build names, if it is not to be found from the
	// adapter's file.
	Context fs.FS
}

// Limits of a peer that is somebody else's. Programs that are slow to start are no worse
// for it.
const (
	imagePatience = 10 * time.Second
	// runLimit is how long a client may take. It is longer than the adversary's patience, so
	// that a client that waits for that is not taken for one that hangs.
	runLimit   = 2 * imagePatience
	imageLimit = peer.StartLimit + command.Slack*runLimit + imagePatience
)

// Name is that of the adapter.
func (i Image) Name() string { return i.Adapter.Name }

// Traits are what its adapter says.
func (i Image) Traits() peer.Traits {
	t := peer.Traits{
		Patience: imagePatience, Limit: imageLimit, AtOnce: i.Adapter.Parallel, ListsApart: i.Adapter.TakesLists(),
		Known: i.Adapter.Known(), Speaks: i.Adapter.Speaks, Protocol: peer.Spoken{Adapter: i.Adapter},
	}
	if t.Calls = i.Adapter.Calls(); t.Calls > 0 {
		t.OwnWords, t.Anonymous = true, !i.Adapter.ShowsCertificate()
		t.ServerName, t.AtOnce = i.Adapter.Host(), 1
	}
	t.Mute = i.Adapter.Speaks.Mute()
	if i.movable() {
		t.Starts = roomsAtOnce // one after the other in each: they share a port
	}
	return t
}

// movable says whether the peer's material can be in another place each time.
func (i Image) movable() bool {
	dir := i.Adapter.Dir()
	outside := func(file string) bool { return path.Dir(file) != dir }
	return i.Adapter.LeadsToMaterial() && !slices.ContainsFunc(i.Adapter.MaterialPaths(dir), outside)
}

// Server brings the image into the engine of a sandbox of containers.
func (i Image) Server(ctx context.Context, in peer.Place) (peer.Server, error) {
	made, err := i.bring(ctx, in, wire.Server)
	if err != nil {
		return nil, err
	}
	return newImageServer(made), nil
}

// Client brings the image into the engine of a sandbox of containers.
func (i Image) Client(ctx context.Context, in peer.Place) (peer.Client, error) {
	made, err := i.bring(ctx, in, wire.Client)
	if err != nil {
		return nil, err
	}
	client, err := newImageClient(made)
	if err == nil && i.Adapter.Calls() > 0 {
		return &callsAnyway{imageClient: client}, nil
	}
	return client, err
}

// Built says whether the engine has the image already that is built for this peer.
// Without containers, and of a peer that builds none, it has not.
func (i Image) Built(ctx context.Context, s sandbox.Sandbox) (bool, error) {
	in, err := sandbox.IsolatedOf(s)
	if err != nil || i.Adapter.Build == "" {
		return false, nil //nolint:nilerr // where images cannot run there are none
	}
	return i.BuiltIn(ctx, in.Engine())
}

// BuiltIn says whether an engine has that image already.
func (i Image) BuiltIn(ctx context.Context, engine *sandbox.Engine) (bool, error) {
	return images.Built(ctx, engine, i.Adapter.BuildName(), i.files())
}

// files are what the peer's image is built of.
func (i Image) files() fs.FS {
	if i.Context != nil {
		return i.Context
	}
	return os.DirFS(i.Adapter.BuildDir())
}

// broughtImage is an image that the engine has.
type broughtImage struct {
	Image
	place peer.Place
	in    *sandbox.Isolated
	argv  []string // the image's own, if the adapter says no other
	user  string   // that it runs as, in the image's words

	asking  sync.Mutex
	asked   bool // for its version
	product finding.Product
}

// Product is what is known of it, with its version once it has run.
func (b *broughtImage) Product() *finding.Product {
	b.asking.Lock()
	defer b.asking.Unlock()
	product := b.product
	return &product
}

// bring sees to it that the engine has the image: built, pulled, or there already.
func (i Image) bring(ctx context.Context, in peer.Place, as wire.Role) (*broughtImage, error) {
	a := i.Adapter
	if a.Role != as {
		return nil, fmt.Errorf("%s: its adapter is that of a %s, and a %s is wanted", a.Name, a.Role, as)
	}
	isolated, err := sandbox.IsolatedOf(in.Sandbox)
	if err != nil {
		return nil, err
	}
	b := &broughtImage{Image: i, place: in, in: isolated}
	ref, err := b.ensure(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.Name, err)
	}
	inspected, err := isolated.Engine().ImageInspect(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("%s: inspecting its image: %w", a.Name, err)
	}
	b.product = finding.Product{
		Name: a.Name, About: a.About, Image: ref, Digest: inspected.ID, Size: inspected.Size,
		Speaks: string(a.Speaks), Library: a.Library, Adapter: fingerprint(a),
		Authentication: a.Authentication, Adjusted: a.Adjusted, Hint: a.Hint, Notes: a.Notes(),
		Manual: a.Manual.At, Read: a.Manual.Read,
	}
	for _, r := range a.Reports {
		b.product.Reports = append(b.product.Reports, finding.Report(r))
	}
	if config := inspected.Config; config != nil {
		b.user = config.User
		b.argv = slices.Concat(config.Entrypoint, config.Cmd)
		if len(a.Command) > 0 {
			b.argv = slices.Clone(config.Entrypoint)
		}
	}
	b.user = cmp.Or(a.User, b.user)
	return b, nil
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

func (b *broughtImage) ensure(ctx context.Context) (ref string, err error) {
	a, engine, progress := b.Adapter, b.in.Engine(), b.place.Progress
	if a.Build != "" {
		files := b.files()
		progress("building the image of " + a.Name + ", if need be")
		if err := a.CheckBuild(files); err != nil {
			return "", err
		}
		needsBase, err := images.NeedsBase(files)
		if err == nil && needsBase {
			_, err = b.in.Builder().Base(ctx, engine, progress)
		}
		if err != nil {
			return "", err
		}
		image, err := b.in.Builder().Build(ctx, engine, a.BuildName(), files, progress)
		return image.Ref, err
	}
	_, err = engine.ImageInspect(ctx, a.Image)
	if err == nil || !errdefs.IsNotFound(err) {
		return a.Image, err
	}
	if err := images.Pull(ctx, engine, a.Image, progress); err != nil {
		return "", fmt.Errorf("the engine has no image %s, and could not pull it: %w", a.Image, err)
	}
	return a.Image, nil
}

// program is how a container of the image is started, without its files, in a system that trusts
// those roots; as it comes if there are none.
func (b *broughtImage) program(hostname, alias string, store []byte) sandbox.ImageProgram {
	p := sandbox.ImageProgram{
		Hostname: hostname, Alias: alias, Ref: b.product.Image, User: b.Adapter.User,
		Owner: b.owner(), Dirs: b.dirs(),
	}
	if len(store) > 0 && !b.Adapter.TrustsStore() {
		for _, dir := range adapter.StoreDirs() {
			if !slices.Contains(p.Dirs, dir) {
				p.Dirs = append(p.Dirs, dir)
			}
		}
	}
	return p
}

// storeFiles are those of a system that trusts these roots.
func (b *broughtImage) storeFiles(store []byte) ([]sandbox.File, error) {
	if len(store) == 0 || b.Adapter.TrustsStore() {
		return nil, nil
	}
	files, err := adapter.StoreFiles(store)
	if err != nil {
		return nil, err
	}
	return sandboxFiles(files), nil
}

func sandboxFiles(files []adapter.File) []sandbox.File {
	all := make([]sandbox.File, len(files))
	for i, f := range files {
		all[i] = sandbox.File{Path: f.Path, Data: f.Data, Mode: f.Mode}
	}
	return all
}

// owner is who is to own the files.
func (b *broughtImage) owner() string { return cmp.Or(b.Adapter.Material.Owner, b.user) }

// dirs are the directories that hold material, each a volume: what is in one is in no
// layer of the container.
func (b *broughtImage) dirs() []string {
	var all []string
	add := func(dir string) {
		if !slices.Contains(all, dir) && !strings.HasPrefix(dir, sandbox.InitDir+"/") {
			all = append(all, dir)
		}
	}
	add(b.Adapter.Dir())
	for _, file := range b.Adapter.MaterialPaths(b.Adapter.Dir()) {
		add(path.Dir(file))
	}
	return all
}

// material are the files of a peer's material, in a directory that they may need. An
// error is a [*peer.CannotError] where a file cannot be made of it.
func (b *broughtImage) material(m wire.Material, dir string) ([]sandbox.File, error) {
	made, err := b.Adapter.MaterialFiles(m, dir)
	if err != nil {
		return nil, b.unpackable(err)
	}
	var all []sandbox.File
	if !slices.Contains(b.dirs(), dir) {
		all = append(all, sandbox.File{Path: dir, Mode: fs.ModeDir | 0o755})
	}
	return append(all, sandboxFiles(made)...), nil
}

// unpackable says which of a peer's files cannot be made of altered material.
func (b *broughtImage) unpackable(err error) error {
	if errors.Is(err, adapter.ErrNotPackable) {
		return &peer.CannotError{Why: "altered like this it cannot be put into a keystore: " + err.Error()}
	}
	return fmt.Errorf("%s: %w", b.Name(), err)
}

// configured are a peer's material and its configuration, and what its system trusts.
func (b *broughtImage) configured(m wire.Material, store []byte, values adapter.Values) ([]sandbox.File, error) {
	all, err := b.material(m, values.Dir)
	if err != nil {
		return nil, err
	}
	trusted, err := b.storeFiles(store)
	if err != nil {
		return nil, err
	}
	all = append(all, trusted...)
	texts, err := b.expandMap(b.Adapter.Files, "files", values)
	if err != nil {
		return nil, err
	}
	for name, text := range texts {
		all = append(all, sandbox.File{Path: name, Data: []byte(text), Mode: 0o644})
	}
	return all, nil
}

// expandMap fills the templates of an adapter's files, or of its environment, in.
func (b *broughtImage) expandMap(
	texts map[string]string,
	key string,
	values adapter.Values,
) (map[string]string, error) {
	all := make(map[string]string, len(texts))
	for name, text := range texts {
		expanded, err := b.Adapter.Expand(text, values)
		if err != nil {
			return nil, fmt.Errorf("%s: %s %s: %w", b.Name(), key, name, err)
		}
		all[name] = expanded
	}
	return all, nil
}

// askVersion has the peer say its version, once, in a container of it that runs.
func (b *broughtImage) askVersion(ctx context.Context, in *command.Runner) error {
	b.asking.Lock()
	defer b.asking.Unlock()
	if len(b.Adapter.Version) == 0 || b.asked {
		return nil
	}
	b.asked = true
	asked, err := in.Start(command.Command{ID: sandbox.NewID(), Argv: b.Adapter.Version, Limit: runLimit})
	if err != nil {
		return err
	}
	result, err := asked.Wait(ctx)
	if err == nil && result.Exit == 0 && result.Fault == "" {
		b.product.Version = wire.Printable(firstLine(result.Out + result.Err))
	}
	return err
}

// firstLine is the first of a text that is not empty.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(line)
}

// lastLine is the last of a text that is not empty.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
