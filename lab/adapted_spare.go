package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/command"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// spare is a container of a server in which that is started again and again, each
// time with other material: a new process costs a tenth of a new container. That
// the server can be started there at all, also after all that was tried, is a
// control of its own.
type spare struct {
	*adapted
	*errands
	ip string

	starts int // so far; one server at a time, for they share a port
}

// spareLife is how long a server may run in a spare container.
const spareLife = adaptedTimeout

// startSpare starts the container, with nothing in it yet.
func (a *adapted) startSpare(ctx context.Context, name string) (*spare, error) {
	started, err := a.start(ctx, name, stay{})
	if err != nil {
		return nil, fmt.Errorf("starting a spare %s: %w", a.Name, err)
	}
	ip, err := a.host.addressOf(ctx, started)
	if err != nil {
		return nil, err
	}
	return &spare{adapted: a, errands: sentOn(a.Name, started), ip: ip}, nil
}

// address is where servers listen that are started in it.
func (sp *spare) address() string { return net.JoinHostPort(sp.ip, strconv.Itoa(sp.Port)) }

// movable says whether the peer's material can be in another place each time.
func (a *adapted) movable() bool {
	return !slices.ContainsFunc(a.MaterialPaths(a.Dir()), func(file string) bool { return path.Dir(file) != a.Dir() })
}

// serve starts the server with that material.
func (sp *spare) serve(ctx context.Context, material wire.Material, lists bool) (*adaptedServer, error) {
	sp.starts++
	dir := sp.Dir() + "-" + strconv.Itoa(sp.starts)
	values := sp.ValuesFor(dir, lists)
	files, err := sp.filesOf(material, dir, values)
	if err != nil {
		return nil, err
	}
	if err := sp.put(ctx, sp.id, files); err != nil {
		return nil, err
	}
	errand := command.Command{ID: newID(), Limit: spareLife, Lines: true, Alone: true}
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
	sent, err := sp.send(errand)
	if err != nil {
		return nil, err
	}
	s := &adaptedServer{
		adapted: sp.adapted, output: sent.says, values: values, within: sp,
		address: sp.address(),
		process: &process{id: sp.id, ended: sent.ended, stderr: new(tail)},
		signal: func(_ context.Context, name string) error {
			return sp.tell(command.Command{ID: errand.ID, Signal: name})
		},
	}
	s.wait = func(ctx context.Context) (int, error) {
		back, err := sent.wait(ctx)
		if err != nil {
			return 0, fmt.Errorf("waiting for %s to exit: %w", sp.Name, err)
		}
		if back.Fault != "" {
			return 0, fmt.Errorf("%s could not be run: %s", sp.Name, back.Fault)
		}
		return back.Exit, nil
	}
	s.stop = func(ctx context.Context) error {
		if err := sp.stopErrand(sent); err != nil {
			return err
		}
		_, err := s.wait(ctx)
		return err
	}
	return s, nil
}

// inSpare says whether a trial is made in the audit's spare container.
func (r *auditor) inSpare(t trial) bool {
	return r.visitor != nil && r.audit.Role == wire.Server && (t.Material != nil || t.Withdrawn) && r.visitor.movable()
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
	if err := r.vacant(ctx, v.spare); err != nil {
		return nil, nil, err
	}
	s, err = v.spare.serve(ctx, material, lists)
	return s, func() {
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		_ = s.stop(limit) // one that does not end is in the way of the next, and of the control
	}, err
}

// errOccupied says that a server that was started before is still there.
var errOccupied = errors.New("a server that was started before is still there, and would answer")

// vacant waits until nobody listens in the spare container.
func (r *auditor) vacant(ctx context.Context, sp *spare) error {
	limit, cancel := context.WithTimeout(ctx, adaptedLimit)
	defer cancel()
	ticker := time.NewTicker(knockPause)
	defer ticker.Stop()
	for {
		open, err := r.adversary.knock(limit, sp.address())
		switch {
		case limit.Err() != nil && ctx.Err() == nil:
			return errOccupied
		case err != nil:
			return err
		case !open:
			return nil
		}
		select {
		case <-ticker.C:
		case <-limit.Done():
		}
	}
}

// startsStill says whether the peer still works with good material where it was
// tried with other, and why not. If it does not, what was tried shows nothing.
func (r *auditor) startsStill(ctx context.Context, plan []trial) (why string, err error) {
	if r.visitor == nil || !slices.ContainsFunc(plan, func(t trial) bool { return r.missing(t) == "" && (t.Material != nil || r.inSpare(t)) }) {
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
		why = fmt.Sprintf("with good material it did not work where this was tried: %s", strings.TrimSpace(v.String()))
	}
	return why, nil
}
