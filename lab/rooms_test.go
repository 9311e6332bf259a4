package lab_test

import (
	"testing"

	"github.com/moby/moby/client"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Servers that are started one after the other share one container, also where two were needed once, and
// closing one that still runs is no matter. A container that has ended is replaced.
func TestContainerIsReused(t *testing.T) {
	t.Parallel()
	engine := dockerClient(t)
	l := start(t, lab.Config{Runtime: sandbox.Containers})
	place := peer.Place{Sandbox: l.Sandbox(), Names: new(sandbox.Names), Progress: func(string) {}}
	server, err := peerOfGallery(t, "nginx", wire.Server).Server(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	given := peer.Given{Hostname: "nginx", Material: l.Pair().Material(wire.Server), Alone: true}
	serve := func() (peer.Serving, string, error) {
		serving, err := server.Serve(t.Context(), given)
		if err != nil {
			return nil, "", err
		}
		listens, err := serving.Wait(t.Context())
		return serving, listens.Address, err
	}
	mustServe := func() (peer.Serving, string) {
		t.Helper()
		serving, address, err := serve()
		if err != nil {
			t.Fatal(err)
		}
		return serving, address
	}
	mustStop := func(s peer.Serving) {
		t.Helper()
		if err := s.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	first, one := mustServe()
	second, other := mustServe()
	if one == other {
		t.Errorf("both listen at %s", one)
	}
	mustStop(first)
	mustStop(second)
	for range 3 {
		again, at := mustServe()
		if at != other {
			t.Errorf("it was started at %s, and not where one has ended last, %s", at, other)
		}
		mustStop(again)
	}

	ended, _ := bearing(t, engine, "mtlslab.run="+l.ID())
	for _, c := range ended {
		if _, err := engine.ContainerKill(t.Context(), c.ID, client.ContainerKillOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for range ended {
		if serving, _, err := serve(); err == nil {
			mustStop(serving)
			break
		}
	}
	mustServe()
	server.Close(t.Context())
}
