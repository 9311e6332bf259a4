package sandbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"
)

// Leftovers counts what labs have made in an engine and is still there.
type Leftovers struct {
	Containers int `json:"containers"`
	Networks   int `json:"networks"`
	Volumes    int `json:"volumes"`
}

// Total is the number of things of all kinds.
func (l Leftovers) Total() int { return l.Containers + l.Networks + l.Volumes }

// String is the counts in words.
func (l Leftovers) String() string {
	return fmt.Sprintf("containers: %d, networks: %d, volumes: %d", l.Containers, l.Networks, l.Volumes)
}

// LeftoverError says that a clean-up did not leave nothing.
type LeftoverError struct{ Left Leftovers }

func (e *LeftoverError) Error() string {
	return fmt.Sprintf(
		"left behind: %s\nmtlslab clean removes it; what the engine will not let go even then goes when the "+
			"engine is started anew",
		e.Left,
	)
}

// thing is a container, network or volume that bears the lab's labels.
type thing struct {
	kind    string
	id      string
	labels  map[string]string
	created time.Time
	running bool // of a container
}

// list finds what bears a label, containers first. filter is "name" or
// "name=value".
func (e *Engine) list(ctx context.Context, filter string) ([]thing, error) {
	filters := client.Filters{}.Add("label", filter)
	var found []thing
	containers, err := e.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filters})
	if err != nil {
		return nil, fmt.Errorf("listing containers: %w", err)
	}
	for _, c := range containers.Items {
		found = append(found, thing{
			kind: "container", id: c.ID, labels: c.Labels,
			created: time.Unix(c.Created, 0), running: c.State == api.StateRunning,
		})
	}
	networks, err := e.NetworkList(ctx, client.NetworkListOptions{Filters: filters})
	if err != nil {
		return nil, fmt.Errorf("listing networks: %w", err)
	}
	for _, n := range networks.Items {
		found = append(found, thing{kind: "network", id: n.ID, labels: n.Labels, created: n.Created})
	}
	volumes, err := e.VolumeList(ctx, client.VolumeListOptions{Filters: filters})
	if err != nil {
		return nil, fmt.Errorf("listing volumes: %w", err)
	}
	for _, v := range volumes.Items {
		created, _ := time.Parse(time.RFC3339, v.CreatedAt) // engines that do not say make it old
		found = append(found, thing{kind: "volume", id: v.Name, labels: v.Labels, created: created})
	}
	return found, nil
}

// remove ends and removes things: the containers at once and together, then
// what they used. What is gone already is no error.
func (e *Engine) remove(ctx context.Context, things []thing) error {
	var containers, rest errgroup.Group
	containers.SetLimit(16)
	for _, t := range things {
		if t.kind == "container" {
			containers.Go(func() error { return e.removeOne(ctx, t) })
		}
	}
	err := containers.Wait()
	for _, t := range things {
		if t.kind != "container" {
			rest.Go(func() error { return e.removeOne(ctx, t) })
		}
	}
	return errors.Join(err, rest.Wait())
}

func (e *Engine) removeOne(ctx context.Context, t thing) error {
	var err error
	switch t.kind {
	case "container":
		_, err = e.ContainerRemove(ctx, t.id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	case "network":
		_, err = e.NetworkRemove(ctx, t.id, client.NetworkRemoveOptions{})
	case "volume":
		_, err = e.VolumeRemove(ctx, t.id, client.VolumeRemoveOptions{Force: true})
	}
	// A conflict on a container means that somebody else is removing it.
	if err == nil || errdefs.IsNotFound(err) || t.kind == "container" && errdefs.IsConflict(err) {
		return nil
	}
	return fmt.Errorf("removing %s %.12s: %w", t.kind, t.id, err)
}

// clear removes everything that bears the label, looks again, and returns a
// *LeftoverError if anything is still there.
func (e *Engine) clear(ctx context.Context, filter string) (Leftovers, error) {
	things, err := e.list(ctx, filter)
	if err != nil {
		return Leftovers{}, err
	}
	removed := count(things)
	if len(things) == 0 {
		return removed, nil
	}
	failed := e.remove(ctx, things)
	for {
		things, err = e.list(ctx, filter)
		if err != nil || len(things) == 0 {
			return removed, err
		}
		// Removals that others began end in their own time.
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return removed, errors.Join(&LeftoverError{count(things)}, failed)
		}
		failed = e.remove(ctx, things)
	}
}

// sweep removes the runs that are dead, of whomever, and looks again until there are none
// or until says to stop: a container that is just ending keeps its network for a moment
// more, and an engine goes on with what it was asked for by somebody who has died since.
// What it holds on to is for [Engine.Left] and [Engine.Clean] to tell of, and no fault of
// whoever comes later.
func (e *Engine) sweep(ctx context.Context, until <-chan struct{}) {
	for pause := 50 * time.Millisecond; ; pause *= 2 {
		left, err := e.listDead(ctx)
		if err != nil || len(left) == 0 {
			return
		}
		_ = e.remove(ctx, left)
		select {
		case <-time.After(pause):
		case <-until:
			return
		}
	}
}

// listDead finds what is left of runs that are dead.
func (e *Engine) listDead(ctx context.Context) ([]thing, error) {
	things, err := e.list(ctx, labelRun)
	if err != nil {
		return nil, err
	}
	var left []thing
	now, look := time.Now(), hereAndNow()
	for _, run := range byRun(things) {
		if dead(run, now, look) {
			left = append(left, run...)
		}
	}
	return left, nil
}

func count(things []thing) Leftovers {
	var l Leftovers
	for _, t := range things {
		switch t.kind {
		case "container":
			l.Containers++
		case "network":
			l.Networks++
		case "volume":
			l.Volumes++
		}
	}
	return l
}
