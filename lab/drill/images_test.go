package drill_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/drill"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/labtest"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/timeline"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// inContainers starts a lab of containers that ends with the test.
func inContainers(t *testing.T) *lab.Lab {
	t.Helper()
	if testing.Short() {
		t.Skip("containers take seconds")
	}
	l, err := lab.Start(t.Context(), lab.Config{Runtime: sandbox.Containers, TTL: time.Hour})
	switch {
	case errors.Is(err, sandbox.ErrNoEngine) && os.Getenv(labtest.RequireEngine) != "1":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return l
}

func image(t *testing.T, name string) foreign.Image {
	t.Helper()
	p, err := foreign.FromGallery(name, wire.Server)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A root is replaced under traffic through HAProxy, by its reloads: nobody is turned away who should not be,
// the old root is refused, and connections that are open end. If it is told nothing of that, the same
// claims fail.
func TestDrillOfAnImage(t *testing.T) {
	l := inContainers(t)
	d, err := drill.Named("root-rotation")
	if err != nil {
		t.Fatal(err)
	}
	haproxy := image(t, "haproxy")
	shown, err := l.Drill(t.Context(), d, drill.Run{Server: haproxy, Rate: drillRate})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range shown.Claims {
		// What was sent on a connection that ended by a reload had to be sent again.
		if ends := strings.HasPrefix(c.ID, "again/") && strings.HasSuffix(c.ID, "open connections"); !c.Held && !ends {
			t.Errorf("%s: %s; saw %s. %s", c.ID, c.Says, c.Saw, c.Mean)
		}
	}
	if got := timeline.Count(shown.Streams...); got.Lost > 0 || got.Refused == 0 {
		t.Errorf("%+v", got)
	}

	deaf := *haproxy.Adapter
	deaf.Name, deaf.Reload.Signal = "haproxy-deaf", "WINCH"
	how := drill.Run{Server: foreign.Image{Adapter: &deaf, Context: haproxy.Context}, Rate: drillRate}
	shown, err = l.Drill(t.Context(), d, how)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"step 2/effect", "step 4/effect", "course/forgotten, new connections/2"} {
		if !slices.ContainsFunc(shown.Claims, func(c timeline.Claim) bool { return c.ID == id && !c.Held }) {
			t.Errorf("it was told nothing, and %s holds", id)
		}
	}
}

// What cannot be carried out with somebody else's server is told, and why.
func TestUnsuited(t *testing.T) {
	l := inContainers(t)
	for name, of := range map[string]string{
		"server-killed": "haproxy",
		"staples":       "haproxy",
		"server-leaf":   "go-http", // has no reload
		"clocks-apart":  "nginx",   // its clients would have to refuse the server
		"list-expires":  "go-http", // takes no lists
	} {
		d, err := drill.Named(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = l.Drill(t.Context(), d, drill.Run{Server: image(t, of)})
		if _, unsuited := errors.AsType[*drill.UnsuitedError](err); !unsuited {
			t.Errorf("%s of %s: %v", name, of, err)
		}
		t.Log(err)
	}
}
