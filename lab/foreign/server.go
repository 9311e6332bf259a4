package foreign

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/limit"
	"github.com/mtlslab/mtlslab/lab/peer"
)

// imageServer is a server of somebody else's image.
type imageServer struct {
	*broughtImage

	mu      sync.Mutex
	started []*imageServing
	vacant  []*room // in which there is no server

	rooms  limit.Limit  // of those in which there is one
	starts atomic.Int32 // in containers that are reused, each with a directory of its own
}

func newImageServer(made *broughtImage) *imageServer {
	return &imageServer{broughtImage: made, rooms: limit.To(roomsAtOnce)}
}

func (s *imageServer) Lacks(d peer.Demand) string {
	a := s.Adapter
	switch {
	case d.Store && a.TrustsStore():
		return "the authority that it is to trust is put into its system's store"
	case d.Lists && !a.TakesLists():
		return "its adapter gives it no revocation lists"
	case d.Admission && !a.Admits:
		return "it is not told whom to admit, and so admits whoever its authority vouches for"
	case d.HTTP && a.Speaks != adapter.HTTP:
		return "it does not speak HTTP"
	case d.Stays && !a.Speaks.Repeats():
		return "its protocol takes one message of a connection"
	case d.Open && !a.Open:
		return "its adapter tells of no second name that it does not guard"
	case d.Guest && !a.LeadsToClient():
		return "no template of its adapter says {{.Client}}, and so it admits nobody else for a while"
	case d.Reload && a.Reload.Signal == "" && len(a.Reload.Command) == 0:
		return "its adapter knows no way to have it read its trust again"
	case d.Unheard:
		return "it gives no account of what it does not answer"
	case d.Ahead && a.OpensPlainly():
		return "what comes first on its connections is in the clear anyway"
	default:
		return ""
	}
}

func (s *imageServer) Serve(ctx context.Context, g peer.Given) (peer.Serving, error) {
	start := s.startOwn
	if g.Alone && s.movable() {
		start = s.startReused
	}
	started, err := start(ctx, g)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = append(s.started, started)
	return started, nil
}

func (s *imageServer) Close(ctx context.Context) {
	s.mu.Lock()
	all := slices.Clone(s.started)
	s.mu.Unlock()
	for _, started := range all { // without the lock: each leaves its room
		_ = started.Stop(ctx) // what stays is removed with the lab
	}
	for in := s.vacantRoom(); in != nil; in = s.vacantRoom() { // in another there is somebody who cannot be stopped
		in.close(ctx)
	}
}

// valuesFor are those of what the server is given.
func (s *imageServer) valuesFor(dir string, g peer.Given) adapter.Values {
	values := s.Adapter.ValuesFor(dir, g.Lists)
	values.Client = cmp.Or(g.Admit, values.Client)
	return values
}

// startOwn starts the server in a container of its own.
func (s *imageServer) startOwn(ctx context.Context, g peer.Given) (*imageServing, error) {
	values := s.valuesFor(s.Adapter.Dir(), g)
	p := s.program(g.Hostname, g.Alias, g.Store)
	var err error
	if p.Files, err = s.configured(g.Material, g.Store, values); err != nil {
		return nil, err
	}
	in, err := s.open(ctx, p)
	if err != nil {
		return nil, err
	}
	started, err := s.run(in, values, ownLimit)
	if err != nil {
		in.close(ctx)
		return nil, err
	}
	started.stop = in.process.Stop
	return started, nil
}

// ownLimit is how long a server in a container of its own may run. The container ends with
// the lab in any case.
const ownLimit = 24 * time.Hour

// argvOf is what the server is started with.
func (s *imageServer) argvOf(values adapter.Values) ([]string, error) {
	argv := s.argv
	if len(s.Adapter.Entrypoint) > 0 {
		expanded, err := s.Adapter.ExpandAll(s.Adapter.Entrypoint, values)
		if err != nil {
			return nil, err
		}
		argv = expanded
	}
	command, err := s.Adapter.ExpandAll(s.Adapter.Command, values)
	if err != nil {
		return nil, err
	}
	if argv = slices.Concat(argv, command); len(argv) == 0 {
		return nil, fmt.Errorf("%s: neither its image nor its adapter says what to run", s.Name())
	}
	return argv, nil
}

// errStillThere says that a server that was started before has not made way.
var errStillThere = errors.New("a server that was started before is still there, and would answer")
