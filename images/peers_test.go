package images_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/client"

	"github.com/mtlslab/mtlslab/images"
)

// A fakeBuilder builds as an engine does and gives back what its fields say.
type fakeBuilder struct {
	images.BuildEngine // what it does not do itself

	refuses build.BuilderVersion // which builder it has not
	answer  string
	gate    chan struct{} // unless nil, a build waits until it is closed
	begun   chan struct{} // unless nil, is closed when a build waits

	mu     sync.Mutex
	ids    map[string]string // of images, by reference
	builds []client.ImageBuildOptions
	given  []byte // the last context
}

func (f *fakeBuilder) ImageInspect(
	_ context.Context,
	ref string,
	_ ...client.ImageInspectOption,
) (client.ImageInspectResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id, found := f.ids[ref]
	if !found {
		return client.ImageInspectResult{}, errdefs.ErrNotFound
	}
	var result client.ImageInspectResult
	result.ID, result.Size, result.Architecture = id, 7, runtime.GOARCH
	return result, nil
}

func (f *fakeBuilder) ImagePull(context.Context, string, client.ImagePullOptions) (client.ImagePullResponse, error) {
	return nil, errors.New("no such host")
}

func (f *fakeBuilder) ImageBuild(
	_ context.Context,
	files io.Reader,
	options client.ImageBuildOptions,
) (client.ImageBuildResult, error) {
	if f.gate != nil {
		close(f.begun)
		<-f.gate
	}
	given, err := io.ReadAll(files)
	if err != nil {
		return client.ImageBuildResult{}, err
	}
	if options.Version == f.refuses {
		return client.ImageBuildResult{}, errors.New("no such builder")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.builds, f.given = append(f.builds, options), given
	if f.ids == nil {
		f.ids = map[string]string{}
	}
	if !strings.Contains(f.answer, "error") {
		f.ids[options.Tags[0]] = "sha256:built"
	}
	return client.ImageBuildResult{Body: io.NopCloser(strings.NewReader(f.answer))}, nil
}

// oneFile is a context of a Dockerfile that copies a file.
func oneFile(text string) fstest.MapFS {
	return fstest.MapFS{
		"Dockerfile":   {Data: []byte("FROM scratch\nCOPY etc/file /file\nCMD [\"/file\"]\n")},
		"etc/file":     {Data: []byte(text)},
		"adapter.yaml": {Data: []byte("name: x\n")},
	}
}

func TestBuild(t *testing.T) {
	t.Parallel()
	var engine fakeBuilder
	for _, wantCached := range []bool{false, true} {
		made, err := new(images.Builder).Build(t.Context(), &engine, "x", oneFile("text"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if made.Name != "peer-x" || !strings.HasPrefix(made.Ref, "mtlslab/peer-x:") ||
			len(made.Ref) != len("mtlslab/peer-x:0123456789ab") {
			t.Errorf("called %s, %s", made.Name, made.Ref)
		}
		if made.Digest != "sha256:built" || made.Size != 7 || made.Cached != wantCached {
			t.Errorf("got %+v, want cached %t", made, wantCached)
		}
	}
	if len(engine.builds) != 1 {
		t.Fatalf("%d builds, want one", len(engine.builds))
	}
	if got := engine.builds[0].Labels["mtlslab.image"]; got != "peer-x" {
		t.Errorf("label mtlslab.image is %q", got)
	}
	if engine.builds[0].Version != build.BuilderV1 {
		t.Errorf("built by builder %q", engine.builds[0].Version)
	}
}

func TestBuildWithoutTheFirstBuilder(t *testing.T) {
	t.Parallel()
	engine := fakeBuilder{refuses: build.BuilderV1}
	if _, err := new(images.Builder).Build(t.Context(), &engine, "buildkit-alone", oneFile("text"), nil); err != nil {
		t.Fatal(err)
	}
	if len(engine.builds) != 1 || engine.builds[0].Version != build.BuilderBuildKit {
		t.Errorf("builds %+v, want one by BuildKit", engine.builds)
	}
}

// The name changes with the content and with the image that it starts from, and with nothing else.
func TestBuildNamesByContent(t *testing.T) {
	t.Parallel()
	onDisk := t.TempDir()
	if err := os.CopyFS(onDisk, oneFile("text")); err != nil {
		t.Fatal(err)
	}
	withMode := oneFile("text")
	withMode["etc/file"].Mode, withMode["etc/file"].ModTime = 0o400, time.Unix(2e9, 0)
	moved := oneFile("text")
	moved["etc/other"] = moved["etc/file"]
	delete(moved, "etc/file")
	onBase := oneFile("text")
	onBase["Dockerfile"] = &fstest.MapFile{Data: []byte("FROM base:1\n")}
	copied := oneFile("text")
	copied["Dockerfile"] = &fstest.MapFile{Data: []byte("FROM scratch\nCOPY --from=base:1 /a /b\n")}

	ref := func(files fs.FS, baseID string) string {
		t.Helper()
		engine := fakeBuilder{ids: map[string]string{"base:1": baseID}}
		made, err := new(images.Builder).Build(t.Context(), &engine, "named", files, nil)
		if err != nil {
			t.Fatal(err)
		}
		return made.Ref
	}
	tests := []struct {
		name string
		a, b string
		same bool
	}{
		{"from memory and from a disk", ref(oneFile("text"), ""), ref(os.DirFS(onDisk), ""), true},
		{"another mode and time", ref(oneFile("text"), ""), ref(withMode, ""), true},
		{"another content", ref(oneFile("text"), ""), ref(oneFile("other"), ""), false},
		{"another name of a file", ref(oneFile("text"), ""), ref(moved, ""), false},
		{"the same base", ref(onBase, "sha256:1"), ref(onBase, "sha256:1"), true},
		{"another image to copy from", ref(copied, "sha256:1"), ref(copied, "sha256:2"), false},
		{"another base", ref(onBase, "sha256:1"), ref(onBase, "sha256:2"), false},
	}
	for _, tt := range tests {
		if same := tt.a == tt.b; same != tt.same {
			t.Errorf("%s: %s and %s, want the same: %t", tt.name, tt.a, tt.b, tt.same)
		}
	}
}

func TestPack(t *testing.T) {
	t.Parallel()
	var archive bytes.Buffer
	err := images.Pack(&archive, fstest.MapFS{
		"data":          {Data: []byte("x"), Mode: 0o777},
		"bin/script.sh": {Data: []byte("#!/bin/sh\n"), Mode: 0o400},
		"bin/program":   {Data: []byte("\x7fELF...")},
	})
	if err != nil {
		t.Fatal(err)
	}
	files, err := untar(archive.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]int64{"data": 0o644, "bin/script.sh": 0o755, "bin/program": 0o755, "bin/": 0o755} {
		file, found := files[name]
		if !found || file.header.Mode != mode || !file.header.ModTime.Equal(time.Unix(0, 0)) {
			t.Errorf(
				"%s: there %t, mode %o of %v, want %o of the epoch",
				name,
				found,
				file.header.Mode,
				file.header.ModTime,
				mode,
			)
		}
	}
	link := fstest.MapFS{"link": {Data: []byte("data"), Mode: fs.ModeSymlink}}
	if err := images.Pack(io.Discard, link); err == nil || !strings.Contains(err.Error(), "link") {
		t.Errorf("a symbolic link: %v", err)
	}
}

func TestBuildAtOnce(t *testing.T) {
	t.Parallel()
	var builder images.Builder
	const callers = 8
	var engine fakeBuilder
	var fresh sync.Map
	var wait sync.WaitGroup
	for i := range callers {
		wait.Go(func() {
			made, err := builder.Build(t.Context(), &engine, "at-once", oneFile("text"), nil)
			if err != nil {
				t.Error(err)
			}
			if !made.Cached {
				fresh.Store(i, true)
			}
		})
	}
	wait.Wait()
	count := 0
	fresh.Range(func(any, any) bool { count++; return true })
	if len(engine.builds) != 1 || count != 1 {
		t.Errorf("%d builds, told of to %d callers, want one and one", len(engine.builds), count)
	}
}

func TestBuildStopsWaitingWhenTold(t *testing.T) {
	t.Parallel()
	var builder images.Builder
	engine := fakeBuilder{gate: make(chan struct{}), begun: make(chan struct{})}
	var wait sync.WaitGroup
	wait.Go(func() {
		if _, err := builder.Build(t.Context(), &engine, "waits", oneFile("text"), nil); err != nil {
			t.Error(err)
		}
	})
	<-engine.begun
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := builder.Build(ctx, &engine, "waits", oneFile("text"), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	close(engine.gate)
	wait.Wait()
}

func TestBuildRefuses(t *testing.T) {
	t.Parallel()
	dockerfile := func(text string) fs.FS { return fstest.MapFS{"Dockerfile": {Data: []byte(text)}} }
	const failing = `{"stream":"Step 1/1 : RUN make\n"}` + "\n" +
		`{"errorDetail":{"code":2,"message":"a wall of text"},"error":"a wall of text"}`
	tests := []struct {
		name   string
		engine *fakeBuilder
		peer   string
		files  fs.FS
		says   string
	}{
		{"a name that no image may have", &fakeBuilder{}, "../x", oneFile(""), "lower-case"},
		{"no Dockerfile", &fakeBuilder{}, "x", fstest.MapFS{}, "Dockerfile"},
		{"a variable as the base", &fakeBuilder{}, "x", dockerfile("ARG b=x\nFROM $b\n"), "line 2 of its Dockerfile"},
		{
			"a variable as what is copied from",
			&fakeBuilder{},
			"x",
			dockerfile("FROM scratch\n\nCOPY --from=$b \\\n  /a /b\n"),
			"line 3 of its Dockerfile: COPY --from=$b",
		},
		{"a base that cannot be had", &fakeBuilder{}, "x", dockerfile("FROM absent:1\n"), "pulling absent:1"},
		{"a step that fails", &fakeBuilder{answer: failing}, "x", oneFile(""), "step 1/1, RUN make: exit code 2"},
		{"an answer that is no JSON", &fakeBuilder{answer: "<html>"}, "x", oneFile(""), "the engine's answer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			made, err := new(images.Builder).Build(t.Context(), tt.engine, tt.peer, tt.files, nil)
			if err == nil {
				t.Fatalf("made %v", made)
			}
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("the error does not say %q: %v", tt.says, err)
			}
		})
	}
}

func TestBases(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       []string
		needs      bool
	}{
		{"Debian", "# x\nFROM debian:bookworm-slim\n", []string{"debian:bookworm-slim"}, true},
		{"nothing", "FROM scratch\n", nil, false},
		{"another", "from alpine:3\n", []string{"alpine:3"}, false},
		{"a platform", "FROM --platform=linux/amd64 alpine:3\n", []string{"alpine:3"}, false},
		{
			"stages",
			"FROM alpine:3 AS Build\nRUN x\nFROM build\nFROM alpine:3 as c\nFROM debian:bookworm-slim\n",
			[]string{"alpine:3", "debian:bookworm-slim"},
			true,
		},
		{
			"a copy out of an image",
			"FROM scratch\nCOPY --chown=1:1 --from=debian:bookworm-slim /a /b\n",
			[]string{"debian:bookworm-slim"},
			true,
		},
		{"a copy on two lines", "FROM scratch\ncopy \\\n  --from=alpine:3 \\\n  /a /b\n", []string{"alpine:3"}, false},
		{
			"a copy out of a stage",
			"FROM alpine:3 AS Build\nFROM scratch\nCOPY --from=build /a /b\nCOPY --from=0 /a /b\n",
			[]string{"alpine:3"},
			false,
		},
		{
			"mounts of images",
			"FROM alpine:3\nRUN --mount=type=cache,target=/c --mount=from=busybox:1,target=/b " +
				"--mount=type=bind,from=alpine:3,target=/a x\n",
			[]string{"alpine:3", "busybox:1"},
			false,
		},
		{"a flag of a program", "FROM alpine:3\nRUN copy --from=busybox:1\n", []string{"alpine:3"}, false},
		{"an end that goes on", "FROM scratch\nCOPY --from=alpine:3 /a /b \\\n", []string{"alpine:3"}, false},
		{"a word in a program", "FROM scratch\nRUN python -c '\\\nfrom debian:bookworm-slim\\\n'\n", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			files := fstest.MapFS{"Dockerfile": {Data: []byte(tt.text)}}
			got, err := images.Bases(files)
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
			if needs, err := images.NeedsBase(files); err != nil || needs != tt.needs {
				t.Errorf("needs Debian: %t, %v, want %t", needs, err, tt.needs)
			}
		})
	}
}

// Every peer of the gallery is fit to be built.
func TestPeers(t *testing.T) {
	t.Parallel()
	entries, err := fs.ReadDir(images.Peers(), ".")
	if err != nil || len(entries) == 0 {
		t.Fatalf("%d peers, %v", len(entries), err)
	}
	for _, entry := range entries {
		files, err := fs.Sub(images.Peers(), entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		if err := images.Pack(io.Discard, files); err != nil {
			t.Errorf("%s: %v", entry.Name(), err)
		}
		if needs, err := images.NeedsBase(files); err != nil || !needs {
			t.Errorf("%s: starts from %s: %t, %v", entry.Name(), images.BaseRef, needs, err)
		}
		adapters, err := fs.Glob(files, "*.yaml")
		if err != nil || len(adapters) == 0 {
			t.Errorf("%s: adapters %q, %v", entry.Name(), adapters, err)
		}
	}
}

// Debian's image is not ours to remove, not even if somebody's build has given it our label.
func TestPruneOfPeers(t *testing.T) {
	t.Parallel()
	engine := fakeRemover{items: []image.Summary{
		{ID: "sha256:1", RepoTags: []string{"mtlslab/peer-nginx:0123456789ab"}},
		{ID: "sha256:2", RepoTags: []string{images.BaseRef}},
	}}
	removed, err := images.Prune(t.Context(), &engine)
	if want := []string{"mtlslab/peer-nginx:0123456789ab"}; err != nil || !slices.Equal(removed, want) {
		t.Errorf("removed %q, %v, want %q", removed, err, want)
	}
}
