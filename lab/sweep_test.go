package lab_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/sandbox"
)

// What another lab has left, and the engine will not let go, is no fault of the next
// lab's, which goes on trying for as long as it lives.
func TestSweepOfWhatIsHeld(t *testing.T) {
	t.Parallel()
	c := dockerClient(t)
	l := start(t, lab.Config{Runtime: sandbox.Containers})
	name, ctx := "mtlslab-test-held-"+l.ID(), context.WithoutCancel(t.Context())
	// Any lab that starts meanwhile clears up what has expired: nobody holds it yet.
	expires := time.Now().Add(15 * time.Second)
	made, err := c.NetworkCreate(ctx, name, client.NetworkCreateOptions{Internal: true, Labels: map[string]string{
		"mtlslab.run": "held-" + l.ID(), "mtlslab.owner": "somebody",
		"mtlslab.expires": expires.UTC().Format(time.RFC3339),
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.NetworkRemove(ctx, made.ID, client.NetworkRemoveOptions{}) })
	holder, err := c.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{
			Image:     l.Facts().Images[0].Ref,
			Cmd:       []string{"-material", "-", "-lifetime", "5m"},
			OpenStdin: true,
		},
		HostConfig: &container.HostConfig{NetworkMode: container.NetworkMode(name)},
	})
	if err != nil {
		t.Fatal(err)
	}
	release := sync.OnceValue(func() error {
		_, err := c.ContainerRemove(ctx, holder.ID, client.ContainerRemoveOptions{Force: true})
		return err
	})
	t.Cleanup(func() { _ = release() })
	if _, err := c.ContainerStart(ctx, holder.ID, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	<-time.After(time.Until(expires))
	if diff, err := oneExchange(t.Context(), lab.Config{Runtime: sandbox.Containers}); diff != "" || err != nil {
		t.Errorf("%s %v", diff, err)
	}
	if _, networks := bearing(t, c, "mtlslab.run=held-"+l.ID()); networks != 1 {
		t.Errorf("%d networks are held, want one", networks)
	}

	start(t, lab.Config{Runtime: sandbox.Containers})
	if err := release(); err != nil {
		t.Fatal(err)
	}
	waitUntilNone(t, c, "mtlslab.run=held-"+l.ID(), time.Now().Add(10*time.Second))
}
