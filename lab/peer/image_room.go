package peer

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/command"
	"github.com/mtlslab/mtlslab/lab/sandbox"
)

// room is a container in which a server can be started: once, or again and again with other
// material, because a new process costs a tenth of a new container. That the server can be
// started there still, after all that was tried, is a control of its own.
type room struct {
	*command.Runner
	process *sandbox.Process
	port    int
	address string // where servers listen that are started in it

	starts int // so far; one server at a time, for they share a port
}

// reuse returns the container, which is made when it is first needed, with nothing in it
// yet.
func (s *imageServer) reuse(ctx context.Context, hostname string) (*room, error) {
	if s.reused != nil {
		return s.reused, nil
	}
	var err error
	s.reused, err = s.open(ctx, s.program(hostname, ""))
	return s.reused, err
}

// open starts a container in which the server can be started.
func (s *imageServer) open(ctx context.Context, p sandbox.ImageProgram) (*room, error) {
	process, err := s.in.StartImage(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("starting a container of %s: %w", s.Name(), err)
	}
	ip, err := process.Address(ctx)
	if err != nil {
		return nil, err
	}
	return &room{
		Runner:  command.NewRunner(s.Name(), process.Stdin, process.Stdout, process.Stderr.Said),
		process: process, port: s.Adapter.Port, address: net.JoinHostPort(ip, strconv.Itoa(s.Adapter.Port)),
	}, nil
}

// startReused starts the server in the container that is reused, once nobody listens
// there.
func (s *imageServer) startReused(ctx context.Context, g Given) (*imageServing, error) {
	s.reusing.Lock()
	defer s.reusing.Unlock()
	in, err := s.reuse(ctx, g.Hostname)
	if err != nil {
		return nil, err
	}
	if err := s.vacant(ctx, in); err != nil {
		return nil, err
	}
	in.starts++
	values := s.valuesFor(s.Adapter.Dir()+"-"+strconv.Itoa(in.starts), g)
	files, err := s.configured(g.Material, values)
	if err != nil {
		return nil, err
	}
	if err := s.in.Copy(ctx, in.process, s.owner(), files); err != nil {
		return nil, err
	}
	return s.run(in, values, imageLimit)
}

// run starts the server in a container that is there, with files that are there.
func (s *imageServer) run(in *room, values adapter.Values, limit time.Duration) (*imageServing, error) {
	what := command.Command{ID: sandbox.NewID(), Limit: limit, Lines: true, Alone: true}
	var err error
	if what.Argv, err = s.argvOf(values); err != nil {
		return nil, err
	}
	env, err := s.expandMap(s.Adapter.Env, "env", values)
	if err != nil {
		return nil, err
	}
	for name, value := range env {
		what.Env = append(what.Env, name+"="+value)
	}
	running, err := in.Start(what)
	if err != nil {
		return nil, err
	}
	started := &imageServing{imageServer: s, room: in, running: running, values: values}
	started.stop = func(ctx context.Context) error {
		if err := in.Stop(running); err != nil {
			return err
		}
		_, err := running.Wait(ctx)
		return err
	}
	return started, nil
}

// life is what lives in the container.
func (in *room) life(ctx context.Context) (Life, error) {
	seen, err := in.Look(ctx, sandbox.NewID())
	if err != nil {
		return Life{}, err
	}
	life := Life{Sockets: slices.Sorted(slices.Values(seen.Listening[in.port]))}
	for pid, began := range seen.Processes {
		life.Processes = append(life.Processes, fmt.Sprintf("%d since %s", pid, began))
	}
	slices.Sort(life.Processes)
	for _, port := range slices.Sorted(maps.Keys(seen.Listening)) {
		if port != in.port {
			life.Others = append(life.Others, port)
		}
	}
	return life, nil
}

// vacant waits until nothing listens in the container that is reused.
func (s *imageServer) vacant(ctx context.Context, in *room) error {
	limit, cancel := context.WithTimeout(ctx, imagePatience)
	defer cancel()
	ticker := time.NewTicker(probePause)
	defer ticker.Stop()
	for {
		life, err := in.life(limit)
		switch {
		case limit.Err() != nil && ctx.Err() == nil:
			return errStillThere
		case err != nil:
			return err
		case len(life.Sockets) == 0:
			return nil
		}
		select {
		case <-ticker.C:
		case <-limit.Done():
		}
	}
}
