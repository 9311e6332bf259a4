package foreign

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/command"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Staying is a client of somebody else's image that stays up, and sends a message whenever it is told to.
type Staying struct {
	*broughtImage
	process *sandbox.Process
	runner  *command.Runner
	running *command.Running
	values  adapter.Values
}

// Stay starts it, to call a server at that address, host:port, where nobody need be yet.
func (i Image) Stay(ctx context.Context, in peer.Place, m wire.Material, server string) (*Staying, error) {
	if i.Adapter.Again == "" {
		return nil, errors.New(i.Name() + ": its adapter knows no client that stays up: it says nothing of again")
	}
	b, err := i.bring(ctx, in, wire.Client)
	if err != nil {
		return nil, err
	}
	s := &Staying{broughtImage: b, values: b.Adapter.ValuesFor(b.Adapter.Dir(), false)}
	if err := s.start(ctx, m, server); err != nil {
		return nil, fmt.Errorf("starting %s: %w", i.Name(), err)
	}
	return s, nil
}

func (s *Staying) start(ctx context.Context, m wire.Material, server string) (err error) {
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		return err
	}
	s.values.IP = host
	if s.values.Port, err = strconv.Atoi(port); err != nil {
		return err
	}
	p := s.program(s.place.Names.Fresh(s.Name()), "", nil)
	p.Hosts = []string{s.Adapter.Host() + ":" + host}
	if p.Files, err = s.configured(m, nil, s.values); err != nil {
		return err
	}
	what := command.Command{ID: sandbox.NewID(), Open: true, Lines: true, Alone: true, Limit: ownLimit}
	what.Argv, err = s.Adapter.ExpandAll(slices.Concat(s.Adapter.Entrypoint, s.Adapter.Command), s.values)
	if err != nil {
		return err
	}
	if s.process, err = s.in.StartImage(ctx, p); err != nil {
		return err
	}
	s.runner = command.NewRunner(s.Name(), s.process.Stdin, s.process.Stdout, s.process.Stderr.Said)
	if s.running, err = s.runner.Start(what); err != nil {
		return err
	}
	return s.askVersion(ctx, s.runner)
}

// Say has it send a message with that nonce. What becomes of it, its server sees.
func (s *Staying) Say(nonce string) error {
	values := s.values
	values.Nonce, values.Message = nonce, "Hello, server! ("+nonce+")"
	line, err := s.Adapter.Expand(s.Adapter.Again, values)
	if err != nil {
		return err
	}
	return s.runner.Feed(s.running, []byte(line+"\n"))
}

// Write changes its files.
func (s *Staying) Write(ctx context.Context, m wire.Material) error {
	files, err := s.material(m, s.values.Dir)
	if err != nil {
		return err
	}
	return s.in.Put(ctx, s.process, s.runner, s.owner(), files)
}

// Reread has it read them again, as its adapter says. A [*peer.UnusableError] says that it would not.
func (s *Staying) Reread(ctx context.Context) error {
	fault, err := s.reread(ctx, s.runner, s.process, s.running, s.values)
	if fault != "" {
		return &peer.UnusableError{Peer: s.Name(), What: fault, Look: "reload.command"}
	}
	return err
}

// Said are the lines that it has written by now, for people.
func (s *Staying) Said() []string { return s.running.Lines.All() }

// Stop ends it.
func (s *Staying) Stop(ctx context.Context) error { return s.process.Stop(ctx) }
