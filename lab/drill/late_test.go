package drill_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/drill"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/timeline"
)

// slow is our own server on a machine that takes a while to start it.
type slow struct {
	peer.Own
	by time.Duration
}

type (
	slowServer struct {
		peer.Server
		by time.Duration
	}
	slowServing struct {
		peer.Serving
		ready time.Time
	}
)

func (s slow) Server(ctx context.Context, in peer.Place) (peer.Server, error) {
	own, err := s.Own.Server(ctx, in)
	return slowServer{own, s.by}, err
}

func (s slowServer) Serve(ctx context.Context, g peer.Given) (peer.Serving, error) {
	own, err := s.Server.Serve(ctx, g)
	return slowServing{own, time.Now().Add(s.by)}, err
}

func (s slowServing) Wait(ctx context.Context) (peer.Listening, error) {
	select {
	case <-time.After(time.Until(s.ready)):
	case <-ctx.Done():
	}
	return s.Serving.Wait(ctx)
}

// What is to expire lives longer where all takes longer to start: it is as good when messages begin.
func TestSlowMachine(t *testing.T) {
	t.Parallel()
	d, err := drill.Named("server-expires")
	if err != nil {
		t.Fatal(err)
	}
	shown := drillAll(t, []drilled{{"slow", d, drill.Run{Server: slow{by: 2 * time.Second}}}})[0]
	mustHold(t, "on a slow machine", shown)
	if s := shown.Steps[0]; s.Began < 10*time.Second {
		t.Errorf("%s: after %v, as on a fast machine", s.Name, s.Began)
	}
}

// There is an end to that.
func TestTooSlow(t *testing.T) {
	t.Parallel()
	l := onProcesses(t)
	shown, err := l.Drill(t.Context(), drill.Drill{
		Name: "brief", Server: drill.Kit{Life: time.Second},
		Clients: []drill.Client{{Holder: "client", Over: []peer.Connections{peer.New}}},
		Steps:   []drill.Step{{Name: "the server's certificate expires", Expires: "server"}},
	}, drill.Run{Server: slow{by: 3 * time.Second}})
	if err == nil {
		t.Errorf("it was carried out: %v", timeline.Count(shown.Streams...))
	}
}

// A client that cannot be started is an error that names it, and what was started before is stopped.
func TestClientThatIsNotThere(t *testing.T) {
	t.Parallel()
	l := onProcesses(t)
	d, err := drill.Named("client-leaf")
	if err != nil {
		t.Fatal(err)
	}
	none := peer.Own{Source: images.Source{Name: "none", Package: "./lab/none"}}
	if _, err := l.Drill(t.Context(), d, drill.Run{Client: none}); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("got %v, want an error that names it", err)
	}
}
