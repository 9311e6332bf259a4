package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// spare is a container of a server in which that is started again and again, each
// time with other material: a new process costs a tenth of a new container. That
// the server can be started there at all, also after all that was tried, is a
// control of its own.
type spare struct {
	*adapted
	*process
	ip string

	starts int // so far; one server at a time, for they share a port

	mu      sync.Mutex
	running map[string]*adaptedServer // by the ID of their errand
}

// spareLife is how long a server may run in a spare container.
const spareLife = adaptedTimeout

// startSpare starts the container, with nothing in it yet.
func (a *adapted) startSpare(ctx context.Context, name string) (*spare, error) {
	sp := &spare{adapted: a, running: make(map[string]*adaptedServer)}
	var err error
	if sp.process, err = a.start(ctx, name, nil, nil, nil, nil); err != nil {
		return nil, fmt.Errorf("starting a spare %s: %w", a.Name, err)
	}
	if sp.ip, err = a.host.addressOf(ctx, sp.process); err != nil {
		return nil, err
	}
	returns := newJournal[wire.Return]()
	go returns.read(sp.process.stdout, func(line []byte) (wire.Return, error) {
		back, err := wire.ParseReturn(line)
		if err == nil {
			sp.take(back)
		}
		return back, err
	})
	return sp, nil
}

// take hands what comes from the container to the server that it is of.
func (sp *spare) take(back wire.Return) {
	sp.mu.Lock()
	s := sp.running[back.ID]
	sp.mu.Unlock()
	switch {
	case s == nil:
	case back.Says != "":
		s.output.change(func() { s.output.entries = append(s.output.entries, back.Says) })
	default:
		sp.mu.Lock()
		delete(sp.running, back.ID)
		sp.mu.Unlock()
		s.exit = back.Exit
		if back.Fault != "" {
			s.exit = 1
			s.output.change(func() { s.output.entries = append(s.output.entries, back.Fault) })
		}
		s.output.change(func() { s.output.ended = errSilent })
		close(s.ended)
	}
}

// movable says whether the peer's material can be in another place each time.
func (a *adapted) movable() bool {
	return !slices.ContainsFunc(a.MaterialPaths(a.Dir()), func(file string) bool { return path.Dir(file) != a.Dir() })
}

// serve starts the server with that material.
func (sp *spare) serve(ctx context.Context, material wire.Material, lists bool) (*adaptedServer, error) {
	sp.starts++
	dir := sp.Dir() + "-" + strconv.Itoa(sp.starts)
	values := sp.Paths(dir, lists)
	files, err := sp.filesOf(material, dir, values)
	if err != nil {
		return nil, err
	}
	if err := sp.put(ctx, sp.id, files); err != nil {
		return nil, err
	}
	errand := wire.Errand{ID: newID(), Limit: spareLife, Lines: true}
	if errand.Argv, err = sp.argvOf(values); err != nil {
		return nil, err
	}
	for name, text := range sp.Env {
		value, err := sp.Expand(text, values)
		if err != nil {
			return nil, err
		}
		errand.Env = append(errand.Env, name+"="+value)
	}
	s := &adaptedServer{
		adapted: sp.adapted, output: newJournal[string](), values: values, within: sp,
		address: net.JoinHostPort(sp.ip, strconv.Itoa(sp.Port)),
		process: &process{id: sp.id, ended: make(chan struct{}), stderr: new(tail)},
	}
	s.wait = func(ctx context.Context) (int, error) {
		select {
		case <-s.ended:
			return s.exit, nil
		case <-ctx.Done():
			return 0, fmt.Errorf("waiting for %s to exit: %w", sp.Name, context.Cause(ctx))
		}
	}
	s.stop = func(ctx context.Context) error {
		if err := sp.tell(wire.Errand{ID: errand.ID, End: true}); err != nil {
			return err
		}
		_, err := s.wait(ctx)
		return err
	}
	sp.mu.Lock()
	sp.running[errand.ID] = s
	sp.mu.Unlock()
	return s, sp.tell(errand)
}

func (sp *spare) tell(errand wire.Errand) error {
	line, err := json.Marshal(errand)
	if err != nil {
		return err
	}
	sp.mu.Lock()
	defer sp.mu.Unlock()
	if _, err := sp.stdin.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("%s: sending it on its errand: %w%s", sp.Name, err, sp.stderr.said())
	}
	return nil
}

// inSpare says whether a trial is made in the audit's spare container.
func (r *auditor) inSpare(t trial) bool {
	return r.visitor != nil && r.audit.Role == wire.Server && t.Material != nil && r.visitor.movable()
}

// spareServer starts a server in the audit's spare container, which is made when
// it is first needed. It must not be called twice at once; done makes way for the
// next.
func (r *auditor) spareServer(ctx context.Context, material wire.Material, lists bool) (s *adaptedServer, done func(), err error) {
	v := r.visitor
	if v.spare == nil {
		if v.spare, err = v.startSpare(ctx, r.lab.name(v.Name)); err != nil {
			return nil, nil, err
		}
	}
	s, err = v.spare.serve(ctx, material, lists)
	return s, func() {
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		_ = s.stop(limit) // one that does not end is in the way of the next, and of the control
	}, err
}

// startsStill says whether a good server still starts in the spare container, and
// why not. If it does not, what was tried there shows nothing.
func (r *auditor) startsStill(ctx context.Context) (why string, err error) {
	if r.visitor == nil || r.visitor.spare == nil {
		return "", nil
	}
	controls, err := r.controls(nil)
	if err != nil {
		return "", err
	}
	for _, t := range controls {
		if r.visitor.silent[t.version] != "" {
			continue
		}
		t.Material = func(m wire.Material) wire.Material { return m }
		v, err := r.inTurn(ctx, t)
		if err != nil || v.Decision == WasDelivered {
			return "", err
		}
		why = fmt.Sprintf("a good server did not start where this was tried: %s", strings.TrimSpace(v.String()))
	}
	return why, nil
}
