package images_test

import (
	"context"
	"slices"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/client"

	"github.com/mtlslab/mtlslab/images"
)

// A fakeRemover lists what it is told to, and refuses to remove what it has an error for.
type fakeRemover struct {
	items   []image.Summary
	refuses map[string]error
	filters client.Filters
}

func (f *fakeRemover) ImageList(_ context.Context, options client.ImageListOptions) (client.ImageListResult, error) {
	f.filters = options.Filters
	return client.ImageListResult{Items: f.items}, nil
}

func (f *fakeRemover) ImageRemove(
	_ context.Context,
	name string,
	_ client.ImageRemoveOptions,
) (client.ImageRemoveResult, error) {
	return client.ImageRemoveResult{}, f.refuses[name]
}

func TestPrune(t *testing.T) {
	t.Parallel()
	engine := fakeRemover{
		items: []image.Summary{
			{ID: "sha256:1", RepoTags: []string{"mtlslab/server:1", "mtlslab/server:dev"}},
			{ID: "sha256:2", RepoTags: []string{"<none>:<none>"}},
			{ID: "sha256:3"},
			{ID: "sha256:4", RepoTags: []string{"example.com/built-upon-ours:1"}},
			{ID: "sha256:5", RepoTags: []string{"mtlslab/client:1", "example.com/mine:1"}},
			{ID: "sha256:6", RepoTags: []string{"mtlslab/gone:1"}},
			{ID: "sha256:7", RepoTags: []string{"mtlslab/used:1"}},
			{ID: "sha256:8", RepoTags: []string{"mtlslab/last:1"}},
		},
		refuses: map[string]error{"mtlslab/gone:1": errdefs.ErrNotFound, "mtlslab/used:1": errdefs.ErrConflict},
	}
	removed, err := images.Prune(t.Context(), &engine)
	want := []string{
		"mtlslab/server:1",
		"mtlslab/server:dev",
		"sha256:2",
		"sha256:3",
		"mtlslab/client:1",
		"mtlslab/last:1",
	}
	if !slices.Equal(removed, want) {
		t.Errorf("removed %q, want %q", removed, want)
	}
	if !errdefs.IsConflict(err) || errdefs.IsNotFound(err) {
		t.Errorf("got %v, want the conflict alone", err)
	}
	if !engine.filters["label"]["mtlslab.image"] {
		t.Errorf("lists by %v, want by the label mtlslab.image", engine.filters)
	}
}
