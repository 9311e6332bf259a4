package foreign

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/command"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/sandbox"
)

// room is a container in which a server can be started: once, or again and again with other
// material, one at a time, for they share a port. That the server can be started there still, after
// all that was tried, is a control of its own.
type room struct {
	*command.Runner
	process *sandbox.Process
	port    int
	address string // where servers listen that are started in it
	told    []int  // all ports at which they are said to listen
}

// roomsAtOnce is how many containers there are that are reused: as many servers of one image
// can be started at once with material of their own.
const roomsAtOnce = 2

// enter returns a container in which there is no server, which is made when it is first
// needed. leave has it be the next one's, but for one in which something could not be done:
// nobody knows what lives there, and whether it does.
func (s *imageServer) enter(ctx context.Context, hostname string) (in *room, leave func(broken bool), err error) {
	free, err := s.rooms.Enter(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("waiting for a container of %s: %w", s.Name(), err)
	}
	if in = s.vacantRoom(); in == nil {
		if in, err = s.open(ctx, s.program(hostname, "", nil)); err != nil {
			free()
			return nil, nil, err
		}
	}
	var once sync.Once
	return in, func(broken bool) {
		once.Do(func() {
			defer free()
			if broken {
				in.close(ctx)
				return
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.vacant = append(s.vacant, in)
		})
	}, nil
}

// vacantRoom takes one that was made before; nil if there is none.
func (s *imageServer) vacantRoom() *room {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.vacant) - 1
	if last < 0 {
		return nil
	}
	in := s.vacant[last]
	s.vacant = s.vacant[:last]
	return in
}

// open starts a container in which the server can be started.
func (s *imageServer) open(ctx context.Context, p sandbox.ImageProgram) (*room, error) {
	process, err := s.in.StartImage(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("starting a container of %s: %w", s.Name(), err)
	}
	in := &room{
		Runner:  command.NewRunner(s.Name(), process.Stdin, process.Stdout, process.Stderr.Said),
		process: process, port: s.Adapter.At(), told: append([]int{s.Adapter.Port}, s.Adapter.Ports...),
	}
	ip, err := process.Address(ctx)
	if err != nil {
		in.close(ctx)
		return nil, err
	}
	in.address = net.JoinHostPort(ip, strconv.Itoa(in.port))
	return in, nil
}

// close ends the container, also when the work for which it was started has been broken off.
func (in *room) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), imagePatience)
	defer cancel()
	_ = in.process.Stop(ctx) // what stays is removed with the lab
}

// startReused starts the server in a container that is reused, once nobody listens there.
func (s *imageServer) startReused(ctx context.Context, g peer.Given) (started *imageServing, err error) {
	values := s.valuesFor(s.Adapter.Dir()+"-"+strconv.Itoa(int(s.starts.Add(1))), g)
	files, err := s.configured(g.Material, nil, values)
	if err != nil {
		return nil, err
	}
	in, leave, err := s.enter(ctx, g.Hostname)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			leave(true)
		}
	}()
	if err := s.emptied(ctx, in); err != nil {
		return nil, err
	}
	if err := s.in.Put(ctx, in.process, in.Runner, s.owner(), files); err != nil {
		return nil, err
	}
	if started, err = s.run(in, values, imageLimit); err != nil {
		return nil, err
	}
	stop := started.stop
	started.stop = func(ctx context.Context) error {
		err := stop(ctx)
		leave(err != nil)
		return err
	}
	return started, nil
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
func (in *room) life(ctx context.Context) (peer.Life, error) {
	seen, err := in.Look(ctx, sandbox.NewID())
	if err != nil {
		return peer.Life{}, err
	}
	life := peer.Life{Sockets: slices.Sorted(slices.Values(seen.Listening[in.port]))}
	for pid, began := range seen.Processes {
		life.Processes = append(life.Processes, fmt.Sprintf("%d since %s", pid, began))
	}
	slices.Sort(life.Processes)
	for _, port := range slices.Sorted(maps.Keys(seen.Listening)) {
		if !slices.Contains(in.told, port) {
			life.Others = append(life.Others, port)
		}
	}
	return life, nil
}

// emptied waits until nothing listens in a container that is reused.
func (s *imageServer) emptied(ctx context.Context, in *room) error {
	limit, cancel := context.WithTimeout(ctx, imagePatience)
	defer cancel()
	pause := newPause()
	defer pause.Stop()
	for {
		life, err := in.life(limit)
		switch {
		case err == nil && len(life.Sockets) == 0:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case limit.Err() != nil:
			return errStillThere
		case err != nil:
			return err
		}
		select {
		case <-pause.C:
			pause.again()
		case <-limit.Done():
		}
	}
}
