package peer

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/mtlslab/mtlslab/lab/command"
	"github.com/mtlslab/mtlslab/lab/sandbox"
)

// reusedImage is a container of a server in which that is started again and again, each
// time with other material: a new process costs a tenth of a new container. That the
// server can be started there at all, also after all that was tried, is a control of its
// own.
type reusedImage struct {
	*command.Runner
	process *sandbox.Process
	address string // where servers listen that are started in it

	starts int // so far; one server at a time, for they share a port
}

// reuse returns the container, which is made when it is first needed, with nothing in it
// yet.
func (s *imageServer) reuse(ctx context.Context, hostname string) (*reusedImage, error) {
	if s.reused != nil {
		return s.reused, nil
	}
	process, err := s.in.StartImage(ctx, s.program(hostname, ""))
	if err != nil {
		return nil, fmt.Errorf("starting a %s to be reused: %w", s.Name(), err)
	}
	ip, err := process.Address(ctx)
	if err != nil {
		return nil, err
	}
	s.reused = &reusedImage{
		Runner:  command.NewRunner(s.Name(), process.Stdin, process.Stdout, process.Stderr.Said),
		process: process, address: net.JoinHostPort(ip, strconv.Itoa(s.Adapter.Port)),
	}
	return s.reused, nil
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
	values := s.Adapter.ValuesFor(s.Adapter.Dir()+"-"+strconv.Itoa(in.starts), g.Lists)
	files, err := s.configured(g.Material, values)
	if err != nil {
		return nil, err
	}
	if err := s.in.Copy(ctx, in.process, s.owner(), files); err != nil {
		return nil, err
	}
	what := command.Command{ID: sandbox.NewID(), Limit: imageLimit, Lines: true, Alone: true}
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
	started := &imageServing{
		imageServer: s, process: in.process, address: in.address, output: running.Lines, values: values,
		ended:  running.Ended,
		signal: func(_ context.Context, name string) error { return in.Signal(running, name) },
	}
	started.runs = func(context.Context) (bool, error) { return started.alive(), nil }
	started.exit = func(ctx context.Context) (int, error) {
		result, err := running.Wait(ctx)
		if err == nil && result.Fault != "" {
			err = fmt.Errorf("%s could not be run: %s", s.Name(), result.Fault)
		}
		return result.Exit, err
	}
	started.stop = func(ctx context.Context) error {
		if err := in.Stop(running); err != nil {
			return err
		}
		_, err := started.exit(ctx)
		return err
	}
	return started, nil
}

// vacant waits until nobody listens in the container that is reused.
func (s *imageServer) vacant(ctx context.Context, in *reusedImage) error {
	limit, cancel := context.WithTimeout(ctx, imagePatience)
	defer cancel()
	ticker := time.NewTicker(probePause)
	defer ticker.Stop()
	for {
		open, err := s.place.Adversary.Probe(limit, sandbox.NewID(), in.address)
		switch {
		case limit.Err() != nil && ctx.Err() == nil:
			return errStillThere
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
