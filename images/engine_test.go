package images_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/mtlslab/mtlslab/images"
)

func TestEnsureInAnEngine(t *testing.T) {
	t.Parallel()
	engine, source := realEngine(t), hello()
	for _, wantCached := range []bool{false, true} {
		made, err := images.Ensure(t.Context(), engine, source)
		if err != nil {
			t.Fatal(err)
		}
		image := made[0]
		discard(t, engine, image.Ref)
		t.Logf("%+v", image)
		if image.Cached != wantCached {
			t.Errorf("cached %t, want %t", image.Cached, wantCached)
		}
		inspected, err := engine.ImageInspect(t.Context(), image.Ref)
		if err != nil {
			t.Fatal(err)
		}
		if inspected.Size != image.Size {
			t.Errorf("size %d, the engine says %d", image.Size, inspected.Size)
		}
		if code := exitCode(t, engine, image.Ref); code != 0 {
			t.Errorf("a container of the image ends with %d", code)
		}
	}
}

// exitCode runs a container of an image, with its own command if none is given, to its end, hardened as the lab's are.
func exitCode(t *testing.T, engine *client.Client, ref string, command ...string) int64 {
	t.Helper()
	created, err := engine.ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Config:     &container.Config{Image: ref, Cmd: command},
		HostConfig: &container.HostConfig{NetworkMode: "none", ReadonlyRootfs: true, CapDrop: []string{"ALL"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_, err := engine.ContainerRemove(
			context.WithoutCancel(t.Context()),
			created.ID,
			client.ContainerRemoveOptions{Force: true},
		)
		if err != nil {
			t.Error(err)
		}
	}()
	wait := engine.ContainerWait(
		t.Context(),
		created.ID,
		client.ContainerWaitOptions{Condition: container.WaitConditionNextExit},
	)
	if _, err := engine.ContainerStart(t.Context(), created.ID, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	select {
	case end := <-wait.Result:
		return end.StatusCode
	case err := <-wait.Error:
		t.Fatal(err)
	}
	return -1
}

// What the package makes of a Dockerfile is what the engine makes of it.
func TestDockerfilesAgreeWithTheEngine(t *testing.T) {
	t.Parallel()
	engine := realEngine(t)
	for _, own := range images.Own() {
		t.Run(own.Name, func(t *testing.T) {
			t.Parallel()
			source := images.Source{Name: own.Name, Package: "./images/testdata/hello"}
			made, err := images.Ensure(t.Context(), engine, source)
			if err != nil {
				t.Fatal(err)
			}
			discard(t, engine, made[0].Ref)
			built := dockerBuild(t, engine, source)

			want, wantFiles := describe(t, engine, built)
			got, gotFiles := describe(t, engine, made[0].Ref)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("configuration (-docker build +images):\n%s", diff)
			}
			if diff := cmp.Diff(wantFiles, gotFiles); diff != "" {
				t.Errorf("files (-docker build +images):\n%s", diff)
			}
		})
	}
}

// dockerBuild does what `docker build` does with the Dockerfile of a source.
func dockerBuild(t *testing.T, engine *client.Client, source images.Source) (ref string) {
	t.Helper()
	paths, err := images.Binaries(t.Context(), "linux/amd64", source)
	if err != nil {
		t.Fatal(err)
	}
	var buildContext bytes.Buffer
	archive := tar.NewWriter(&buildContext)
	for name, path := range map[string]string{source.Name: paths[source.Name], "Dockerfile": source.Name + "/Dockerfile"} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := archive.WriteHeader(&tar.Header{Name: name, Size: int64(len(data)), Mode: 0o555}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	ref = "mtlslab-images-test:" + strings.ToLower(rand.Text())
	discard(t, engine, ref)
	answer, err := engine.ImageBuild(
		t.Context(),
		&buildContext,
		client.ImageBuildOptions{Tags: []string{ref}, NoCache: true, Remove: true},
	)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if log, err := io.ReadAll(answer.Body); err != nil || strings.Contains(string(log), "errorDetail") {
		t.Fatalf("docker build: %v\n%s", err, log)
	}
	return ref
}

// A description is what two images made from one Dockerfile must have in common.
type description struct {
	OS, Architecture string
	User             string
	Entrypoint, Cmd  []string
	ExposedPorts     map[string]struct{}
	Labels           map[string]string
}

// A layerFile is a file of an image, without its time; the engine also writes the type into the mode.
type layerFile struct {
	Mode     int64
	UID, GID int
	Type     byte
	SHA256   [32]byte
}

func describe(t *testing.T, engine *client.Client, ref string) (description, map[string]layerFile) {
	t.Helper()
	image, err := engine.ImageInspect(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	d := description{
		image.Os, image.Architecture, image.Config.User, image.Config.Entrypoint, image.Config.Cmd,
		image.Config.ExposedPorts, image.Config.Labels,
	}
	saved, err := engine.ImageSave(t.Context(), []string{ref})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = saved.Close() }()
	data, err := io.ReadAll(saved)
	if err != nil {
		t.Fatal(err)
	}
	outer, err := untar(data)
	if err != nil {
		t.Fatal(err)
	}
	var manifest []struct{ Layers []string }
	if err := json.Unmarshal(outer["manifest.json"].data, &manifest); err != nil {
		t.Fatal(err)
	}
	files := map[string]layerFile{}
	for _, layer := range manifest[0].Layers {
		inner, err := untar(outer[layer].data)
		if err != nil {
			t.Fatal(err)
		}
		for name, e := range inner {
			files[name] = layerFile{
				e.header.Mode & 0o7777,
				e.header.Uid,
				e.header.Gid,
				e.header.Typeflag,
				sha256.Sum256(e.data),
			}
		}
	}
	return d, files
}

func TestTagAndPrune(t *testing.T) {
	t.Parallel()
	engine, source, stranger := realEngine(t), hello(), hello()
	made, err := images.Ensure(t.Context(), engine, source, stranger)
	if err != nil {
		t.Fatal(err)
	}
	stable := "mtlslab/" + source.Name + ":dev"
	foreign := "mtlslab-images-test:" + source.Name
	for _, ref := range []string{made[0].Ref, made[1].Ref, stable, foreign} {
		discard(t, engine, ref)
	}
	if err := images.Tag(t.Context(), engine, "dev", made[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.ImageTag(t.Context(), client.ImageTagOptions{Source: made[0].Ref, Target: foreign}); err != nil {
		t.Fatal(err)
	}

	removed, err := images.Prune(t.Context(), only{engine, source.Name})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{made[0].Ref, stable}
	slices.Sort(want)
	slices.Sort(removed)
	if !slices.Equal(removed, want) {
		t.Errorf("removed %q, want %q", removed, want)
	}
	for ref, want := range map[string]bool{made[0].Ref: false, stable: false, foreign: true, made[1].Ref: true} {
		_, err := engine.ImageInspect(t.Context(), ref)
		if got := !errdefs.IsNotFound(err); got != want {
			t.Errorf("%s: is there: %t, want %t (%v)", ref, got, want, err)
		}
	}
}

// only is an engine that shows no images but those of one source, so that a test of Prune does not take away the images
// of a lab that runs beside it.
type only struct {
	*client.Client
	name string
}

func (o only) ImageList(ctx context.Context, options client.ImageListOptions) (client.ImageListResult, error) {
	list, err := o.Client.ImageList(ctx, options)
	kept := list.Items[:0]
	for _, item := range list.Items {
		if item.Labels["mtlslab.image"] == o.name {
			kept = append(kept, item)
		}
	}
	list.Items = kept
	return list, err
}
