package images_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mtlslab/mtlslab/images"
)

// A fakeEngine takes archives as an engine does and gives back what its fields say.
type fakeEngine struct {
	os      string            // empty means linux
	answer  string            // of a load
	loses   bool              // whether it forgets what was loaded
	loads   [][]byte          // the archives, as they came
	layers  map[string]string // digest of the layer, by reference
	configs map[string]ocispec.Image
}

func (f *fakeEngine) ServerVersion(context.Context, client.ServerVersionOptions) (client.ServerVersionResult, error) {
	if f.os != "" {
		return client.ServerVersionResult{Os: f.os, Arch: "amd64"}, nil
	}
	return client.ServerVersionResult{Os: "linux", Arch: "amd64"}, nil
}

func (f *fakeEngine) ImageInspect(
	_ context.Context,
	ref string,
	_ ...client.ImageInspectOption,
) (client.ImageInspectResult, error) {
	layer, found := f.layers[ref]
	if !found {
		return client.ImageInspectResult{}, errdefs.ErrNotFound
	}
	var result client.ImageInspectResult
	result.RootFS.Layers = []string{layer}
	return result, nil
}

func (f *fakeEngine) ImageLoad(
	_ context.Context,
	archive io.Reader,
	_ ...client.ImageLoadOption,
) (client.ImageLoadResult, error) {
	data, err := io.ReadAll(archive)
	if err != nil {
		return nil, err
	}
	f.loads = append(f.loads, data)
	if !f.loses {
		if err := f.take(data); err != nil {
			return nil, err
		}
	}
	return io.NopCloser(strings.NewReader(f.answer)), nil
}

func (f *fakeEngine) take(archive []byte) error {
	files, err := untar(archive)
	if err != nil {
		return err
	}
	var manifest []struct {
		Config   string
		RepoTags []string
	}
	var config ocispec.Image
	if err := json.Unmarshal(files["manifest.json"].data, &manifest); err != nil {
		return err
	}
	if err := json.Unmarshal(files[manifest[0].Config].data, &config); err != nil {
		return err
	}
	if f.layers == nil {
		f.layers, f.configs = map[string]string{}, map[string]ocispec.Image{}
	}
	f.layers[manifest[0].RepoTags[0]] = config.RootFS.DiffIDs[0].String()
	f.configs[manifest[0].RepoTags[0]] = config
	return nil
}

func (f *fakeEngine) ImageTag(context.Context, client.ImageTagOptions) (client.ImageTagResult, error) {
	return client.ImageTagResult{}, nil
}

type entry struct {
	header tar.Header
	data   []byte
}

func untar(archive []byte) (map[string]entry, error) {
	files := map[string]entry{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		files[header.Name] = entry{*header, data}
	}
}

// The same source in another directory, of another time, by way of another cache, is the same image to the last bit.
func TestEnsureIsReproducible(t *testing.T) {
	var archives [2][]byte
	var digests [2]string
	for i, modified := range []time.Time{time.Unix(1, 0), time.Unix(2e9, 0)} {
		t.Setenv("XDG_CACHE_HOME", t.TempDir())
		main := mimic(t, "the same")
		if err := os.Chtimes(main, modified, modified); err != nil {
			t.Fatal(err)
		}
		var engine fakeEngine
		made, err := images.Ensure(t.Context(), &engine, images.Source{Name: "server", Package: "./server"})
		if err != nil {
			t.Fatal(err)
		}
		if created := engine.configs[made[0].Ref].Created; created == nil || !created.Equal(time.Unix(0, 0)) {
			t.Errorf("created %v, not at the epoch", created)
		}
		archives[i], digests[i] = engine.loads[0], made[0].Digest
	}
	if digests[0] != digests[1] {
		t.Errorf("digests %s and %s", digests[0], digests[1])
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("the archives differ")
	}
	// Two builds within one second would agree on the time of day.
	outer, err := untar(archives[0])
	if err != nil {
		t.Fatal(err)
	}
	inner, err := untar(outer["layer.tar"].data)
	if err != nil {
		t.Fatal(err)
	}
	for _, files := range []map[string]entry{outer, inner} {
		for name, file := range files {
			if !file.header.ModTime.Equal(time.Unix(0, 0)) {
				t.Errorf("%s is of %v, not of the epoch", name, file.header.ModTime)
			}
		}
	}
}

func TestEnsureNamesByContent(t *testing.T) {
	main := mimic(t, "before")
	var engine fakeEngine
	var made [3]images.Image
	for i, word := range []string{"before", "after", "before"} {
		write(t, main, program(word))
		all, err := images.Ensure(t.Context(), &engine, images.Source{Name: "server", Package: "./server"})
		if err != nil {
			t.Fatal(err)
		}
		made[i] = all[0]
	}
	if made[0].Ref == made[1].Ref || made[0].Ref != made[2].Ref {
		t.Errorf("references %s, after a change %s, and back again %s", made[0].Ref, made[1].Ref, made[2].Ref)
	}
	if made[0].Cached || made[1].Cached || !made[2].Cached || len(engine.loads) != 2 {
		t.Errorf("%d loads, cached %t, %t, %t; want two, and the third cached",
			len(engine.loads), made[0].Cached, made[1].Cached, made[2].Cached)
	}
}

// A peer broken on purpose differs from the true one by its binary and its label.
func TestEnsureLike(t *testing.T) {
	t.Parallel()
	var engine fakeEngine
	source := hello()
	made, err := images.Ensure(t.Context(), &engine, source, images.Source{Name: "server", Package: source.Package})
	if err != nil {
		t.Fatal(err)
	}
	broken, model := engine.configs[made[0].Ref], engine.configs[made[1].Ref]
	if got := broken.Config.Labels["mtlslab.image"]; got != source.Name {
		t.Errorf("label mtlslab.image is %q, want %q", got, source.Name)
	}
	if broken.Config.Entrypoint[0] != model.Config.Entrypoint[0] || broken.Config.User != model.Config.User {
		t.Errorf("runs %q as %q, unlike the one it is like", broken.Config.Entrypoint, broken.Config.User)
	}
}

// Somebody has moved our tag to another image: it is put right.
func TestEnsureAfterATagWasMoved(t *testing.T) {
	t.Parallel()
	var engine fakeEngine
	source := hello()
	made, err := images.Ensure(t.Context(), &engine, source)
	if err != nil {
		t.Fatal(err)
	}
	engine.layers[made[0].Ref] = "sha256:another"
	again, err := images.Ensure(t.Context(), &engine, source)
	if err != nil {
		t.Fatal(err)
	}
	if again[0].Cached || engine.layers[made[0].Ref] == "sha256:another" {
		t.Error("an image of another content was taken for ours")
	}
}

func TestEnsureRefuses(t *testing.T) {
	t.Parallel()
	const full = "write /server: no space left on device"
	detail := `{"errorDetail":{"message":"` + full + `"},"error":"` + full + `"}` + "\n"
	tests := []struct {
		name   string
		engine fakeEngine
		source images.Source
		says   string
	}{
		{"a full disk", fakeEngine{answer: detail}, hello(), full},
		{
			"a full disk, after progress",
			fakeEngine{answer: `{"stream":"x"}` + "\n" + detail + `{"stream":"y"}`},
			hello(),
			full,
		},
		{"an error without detail", fakeEngine{answer: `{"error":"` + full + `"}`}, hello(), full},
		{"an answer cut off after an error", fakeEngine{answer: detail + `{"str`}, hello(), full},
		{"an answer that is no JSON", fakeEngine{answer: "<html>"}, hello(), "the engine's answer"},
		{"an engine that loses the image", fakeEngine{loses: true}, hello(), "no such image"},
		{"an engine of another system", fakeEngine{os: "windows"}, hello(), "windows/amd64"},
		{
			"a source without a Dockerfile",
			fakeEngine{},
			images.Source{Name: "x", Package: "./images/testdata/hello"},
			"Like",
		},
		{"a Dockerfile out of the table's reach", fakeEngine{},
			images.Source{Name: "x", Package: "./images/testdata/hello", Like: "../server"}, "Like"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			made, err := images.Ensure(t.Context(), &tt.engine, tt.source)
			if err == nil {
				t.Fatalf("made %v", made)
			}
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("the error does not pass on %q: %v", tt.says, err)
			}
		})
	}
}

func TestEnsureStopsWhenTold(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := images.Ensure(ctx, &fakeEngine{}, hello()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}
