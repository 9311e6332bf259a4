package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/journal"
)

// imageServer is a server of somebody else's image.
type imageServer struct {
	*broughtImage

	mu      sync.Mutex
	started []*imageServing

	reusing sync.Mutex
	reused  *reusedImage // where it is started again and again; nil until then
}

func (s *imageServer) Lacks(d Demand) string {
	a := s.Adapter
	switch {
	case d.Lists && !a.TakesLists():
		return "its adapter gives it no revocation lists"
	case d.Admission && !a.Admits:
		return "it is not told whom to admit, and so admits whoever its authority vouches for"
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

func (s *imageServer) Serve(ctx context.Context, g Given) (Serving, error) {
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
	defer s.mu.Unlock()
	for _, started := range s.started {
		_ = started.Stop(ctx) // what stays is removed with the lab
	}
	if s.reused != nil {
		_ = s.reused.process.Stop(ctx)
	}
}

// startOwn starts the server in a container of its own.
func (s *imageServer) startOwn(ctx context.Context, g Given) (*imageServing, error) {
	values := s.Adapter.ValuesFor(s.Adapter.Dir(), g.Lists)
	started := &imageServing{imageServer: s, values: values, output: journal.New[string]()}
	p := s.program(g.Hostname, g.Alias)
	var err error
	if p.Files, err = s.configured(g.Material, values); err != nil {
		return nil, err
	}
	if p.Env, err = s.expandMap(s.Adapter.Env, "env", values); err != nil {
		return nil, err
	}
	if p.Argv, err = s.argvOf(values); err != nil {
		return nil, err
	}
	if started.process, err = s.in.StartImage(ctx, p); err != nil {
		return nil, fmt.Errorf("starting %s: %w", s.Name(), err)
	}
	go journal.ReadText(started.output, started.process.Stdout)
	started.ended, started.exit, started.stop = started.process.Ended, started.process.Wait, started.process.Stop
	started.signal = func(ctx context.Context, name string) error { return s.in.Signal(ctx, started.process, name) }
	started.runs = func(ctx context.Context) (bool, error) { return s.in.Runs(ctx, started.process) }
	ip, err := started.process.Address(ctx)
	if err != nil {
		ip = "0.0.0.0" // one that has ended is seen to have, by whoever waits for it
	}
	started.address = net.JoinHostPort(ip, strconv.Itoa(s.Adapter.Port))
	return started, nil
}

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
