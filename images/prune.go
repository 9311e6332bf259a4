package images

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/client"
)

// A Remover is what [Prune] uses of *client.Client.
type Remover interface {
	ImageList(ctx context.Context, options client.ImageListOptions) (client.ImageListResult, error)
	ImageRemove(ctx context.Context, image string, options client.ImageRemoveOptions) (client.ImageRemoveResult, error)
}

// Prune removes from the engine every image that mtlslab has made, those of [Builder.Build]
// included, of whatever version and whoever's lab, and returns the names it removed. They are known
// by the label mtlslab.image; but an image of somebody else's that was built upon one of ours
// carries it too, so a name outside of mtlslab/ is left alone. [BaseRef] is such a name, whoever
// made the image.
//
// An image that a container uses stays. The error tells of every one that stayed; the rest is removed all the same.
func Prune(ctx context.Context, engine Remover) ([]string, error) {
	list, err := engine.ImageList(ctx, client.ImageListOptions{Filters: client.Filters{}.Add("label", labelImage)})
	if err != nil {
		return nil, fmt.Errorf("listing mtlslab's images: %w", err)
	}
	var removed []string
	var stayed []error
	for _, summary := range list.Items {
		for _, name := range ours(summary) {
			_, err := engine.ImageRemove(ctx, name, client.ImageRemoveOptions{PruneChildren: true})
			switch {
			case errdefs.IsNotFound(err): // somebody else was faster
			case err != nil:
				stayed = append(stayed, fmt.Errorf("removing %s: %w", name, err))
			default:
				removed = append(removed, name)
			}
		}
	}
	return removed, errors.Join(stayed...)
}

// ours returns what to remove an image by: its tags under mtlslab/, or its ID if it has no
// tag at all. Removing the last tag removes the image.
func ours(summary image.Summary) []string {
	var names []string
	tagged := false
	for _, tag := range summary.RepoTags {
		if tag == "<none>:<none>" { // what engines before 25 call an image without a tag
			continue
		}
		tagged = true
		if strings.HasPrefix(tag, repository("")) {
			names = append(names, tag)
		}
	}
	if !tagged {
		return []string{summary.ID}
	}
	return names
}
