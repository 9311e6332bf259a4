package drill_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/drill"
	"github.com/mtlslab/mtlslab/lab/peer"
)

var (
	changingServer = images.Source{Name: "changingserver", Package: "./lab/testdata/changingserver"}
	changingClient = images.Source{Name: "changingclient", Package: "./lab/testdata/changingclient"}
)

// twin is a pair of which one or both have one fault, and what must come of a drill of it.
type twin struct {
	server, client string // their faults; ours if empty
	drill          string
	caught         []string // the beginnings of claims that must fail, each of at least one
	also           []string // of claims that may fail besides
}

var twins = []twin{
	{server: "list-read-once", drill: "revocation", caught: []string{"step 1/effect", "course/thief,"}},
	{server: "trust-only-grows", drill: "root-rotation", caught: []string{"step 4/effect", "course/forgotten,"}},
	{server: "trust-only-grows", drill: "authority-removed", caught: []string{"step 1/effect", "course/stranger,"}},
	{server: "keeps-its-certificate", drill: "server-leaf", caught: []string{"step 1/effect", "step 2/effect"}},
	{server: "reads-nothing", drill: "server-leaf", caught: []string{"step 1/effect", "step 2/effect"}},
	{
		server: "old-key", drill: "server-leaf", caught: []string{"course/client, new", "course/client, resumed"},
		also: []string{"step "},
	},
	{server: "drops-connections", drill: "server-leaf", caught: []string{"connections/"}, also: []string{"again/"}},
	{server: "late", drill: "revocation", caught: []string{"step 1/effect"}},
	{server: "deaf-for-a-moment", drill: "server-leaf", caught: []string{"again/"}},
	{server: "open-goes-on", drill: "revocation", caught: []string{"step 1/effect", "course/thief, kept"}},
	{server: "takes-before-it-looks", drill: "revocation", caught: []string{"taken/thief, kept"}},
	{server: "open-goes-on", drill: "client-expires", caught: []string{"step 1/effect", "course/late, kept"}},
	{
		server: "resumes-unasked", drill: "authority-removed",
		caught: []string{"step 1/effect", "course/stranger, kept", "course/stranger, resumed"},
	},
	{server: "ends-on-garbage", drill: "half-rotation", caught: []string{"step 1/kept", "step 1/lives", "lost/"}},
	{
		server: "silent-on-garbage", drill: "half-rotation",
		caught: []string{"step 1/kept", "step 2/kept", "step 3/kept", "step 4/kept", "step 5/kept", "step 6/kept"},
	},
	{
		server: "takes-what-it-can", drill: "half-rotation", caught: []string{"step 1/kept", "course/client"},
		also: []string{"step ", "connections/"},
	},
	{server: "starts-once", drill: "server-killed", caught: []string{"step 1/lives", "lost/"}, also: []string{"course/"}},
	{server: "takes-twice", drill: "server-leaf", caught: []string{"receipts/once"}},
	{server: "takes-none", drill: "server-leaf", caught: []string{"receipts/taken"}},
	{server: "parts-before-receipt", drill: "server-leaf", caught: []string{"again/"}, also: []string{"connections/"}},

	{client: "reads-nothing", drill: "client-leaf", caught: []string{"step 1/effect", "step 2/effect"}},
	{client: "keeps-talking", drill: "server-distrusted", caught: []string{"step 1/effect", "course/client, kept"}},
	{client: "never-looks-again", drill: "server-expires", caught: []string{"step 1/effect", "course/client, kept"}},
	{
		client: "heeds-no-staple", drill: "staples", caught: []string{"step 1/effect", "step 3/effect", "course/lenient,"},
		also: []string{"step ", "course/client,"},
	},
	{client: "sends-once", drill: "server-killed", caught: []string{"lost/"}},
	{
		client: "sends-anew", server: "parts-before-receipt", drill: "server-leaf", caught: []string{"receipts/stray"},
		also: []string{"again/", "connections/"},
	},
	{
		client: "believes-anything", server: "parts-before-taking", drill: "server-leaf", caught: []string{"receipts/taken"},
		also: []string{"again/", "connections/"},
	},
}

func (w twin) run() drill.Run {
	var how drill.Run
	if w.server != "" {
		how.Server = peer.Own{Source: changingServer, Args: []string{"-fault", w.server}}
	}
	if w.client != "" {
		how.Client = peer.Own{Source: changingClient, Args: []string{"-fault", w.client}}
	}
	return how
}

// Each twin fails by the claims that name its fault, and by no others.
func TestChangingTwins(t *testing.T) {
	t.Parallel()
	var all []drilled
	for _, w := range twins {
		d, err := drill.Named(w.drill)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, drilled{strings.Join([]string{w.server, w.client, w.drill}, "/"), d, w.run()})
	}
	for i, shown := range drillAll(t, all) {
		w, name := twins[i], all[i].name
		missed := slices.Clone(w.caught)
		for _, c := range shown.Claims {
			if c.Held {
				continue
			}
			t.Logf("%s: %s: %s. %s", name, c.ID, c.Saw, c.Mean)
			begins := func(of string) bool { return strings.HasPrefix(c.ID, of) }
			if !slices.ContainsFunc(slices.Concat(w.caught, w.also), begins) {
				t.Errorf("%s: %s fails, which does not name the fault: %s", name, c.ID, c.Saw)
			}
			missed = slices.DeleteFunc(missed, begins)
		}
		if len(missed) > 0 {
			t.Errorf("%s: nothing is caught of %q", name, missed)
		}
	}
}

// The programs of the twins, without a fault, stand every drill: what is caught is the fault.
func TestUnfaultedTwins(t *testing.T) {
	t.Parallel()
	stand(t, drill.Run{Server: peer.Own{Source: changingServer}, Client: peer.Own{Source: changingClient}})
}
