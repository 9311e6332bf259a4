package foreign

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/command"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// imageServing is a server of somebody else's image, started.
type imageServing struct {
	*imageServer
	room    *room
	running *command.Running
	values  adapter.Values
	stop    func(context.Context) error
}

func (s *imageServing) alive() bool {
	select {
	case <-s.running.Ended:
		return false
	default:
		return true
	}
}

func (s *imageServing) Wait(ctx context.Context) (peer.Listening, error) {
	within := s.Adapter.Ready.Limit()
	limit, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if s.Adapter.Ready.Log != "" {
		pattern := regexp.MustCompile(s.Adapter.Ready.Log)
		if _, err := s.running.Lines.Await(limit, pattern.MatchString); err != nil {
			what := fmt.Sprintf("no line of its output matched ready.log within %v", within)
			return peer.Listening{}, s.notReady(ctx, limit, what, "ready.log, command")
		}
	}
	if err := s.untilOpen(ctx, limit); err != nil {
		return peer.Listening{}, err
	}
	if !s.alive() { // one that it had started has answered
		return peer.Listening{}, s.hasEnded(ctx)
	}
	says := wire.Outcome{Role: wire.Server, Kind: wire.Listening, Local: s.room.address}
	listening := peer.Listening{Address: s.room.address, Account: says, LastLines: s.lastLines, Life: s.room.life}
	return listening, s.askVersion(ctx, s.room.Runner)
}

// untilOpen waits until something listens at its port. Nobody calls to find that out: a
// server may hold a call against whoever makes it.
func (s *imageServing) untilOpen(ctx, limit context.Context) error {
	pause := newPause()
	defer pause.Stop()
	for {
		life, err := s.room.life(limit)
		switch {
		case !s.alive():
			return s.hasEnded(ctx)
		case err != nil && limit.Err() == nil:
			return err
		case len(life.Sockets) > 0:
			return nil
		}
		select {
		case <-s.running.Ended:
			return s.hasEnded(ctx)
		case <-limit.Done():
			what := fmt.Sprintf("nothing listens on port %d after %v", s.Adapter.At(), s.Adapter.Ready.Limit())
			return s.notReady(ctx, limit, what, "port, command, files")
		case <-pause.C:
			pause.again()
		}
	}
}

// notReady is the error of a server that did not become ready in time, or has ended.
func (s *imageServing) notReady(ctx, limit context.Context, what, look string) error {
	switch {
	case !s.alive():
		return s.hasEnded(ctx)
	case ctx.Err() != nil || limit.Err() == nil:
		return context.Cause(ctx)
	default:
		return s.unusable(what, look)
	}
}

// hasEnded is the error of a server that ended.
func (s *imageServing) hasEnded(ctx context.Context) error {
	account, err := s.exitAccount(ctx)
	if err != nil {
		return err
	}
	e := s.unusable("it ended: "+account.Detail, "command, files, material")
	e.Ended = account
	return e
}

// exitAccount is that of a server that ended.
func (s *imageServing) exitAccount(ctx context.Context) (*wire.Outcome, error) {
	result, err := s.running.Wait(ctx)
	switch {
	case err != nil:
		return nil, fmt.Errorf("waiting for %s to exit: %w", s.Name(), err)
	case result.Fault != "":
		return nil, s.unusable("its command could not be run: "+result.Fault, "command")
	}
	said := ""
	if lines := s.lastLines(); len(lines) > 0 {
		said = "; it said: " + lines[len(lines)-1]
	}
	return peer.Ended(wire.Server, result.Exit, said), nil
}

func (s *imageServing) unusable(what, look string) *peer.UnusableError {
	return &peer.UnusableError{Peer: s.Name(), What: what, Look: look, Log: s.lastLines()}
}

// maxLastLines is how many lines of a peer's output an error shows.
const maxLastLines = 8

// lastLines are the end of what it wrote.
func (s *imageServing) lastLines() []string {
	lines := slices.DeleteFunc(s.running.Lines.All(), func(line string) bool { return strings.TrimSpace(line) == "" })
	lines = lines[max(0, len(lines)-maxLastLines):]
	for i, line := range lines {
		lines[i] = wire.Printable(line)
	}
	return lines
}

// Account is that the message is in its log, if its adapter says that it would be, or how
// it ended. It gives none of its own.
func (s *imageServing) Account(ctx context.Context, a peer.Asked) (*wire.Outcome, error) {
	if a.Kind != "" {
		return nil, nil //nolint:nilnil // that there is no account is the answer
	}
	if s.Adapter.Logs && !a.NoLog {
		switch logged := s.logged(ctx, a); {
		case logged:
			return &wire.Outcome{Role: wire.Server, Kind: wire.Received, Time: a.Began, Message: &a.Sent}, nil
		case a.Answered:
			return nil, s.unusable(
				"a message was answered, and is not in its output, though its adapter says that it logs them",
				"logs",
			)
		}
	}
	if a.Log {
		return nil, nil //nolint:nilnil // that there is no account is the answer
	}
	if a.Patient && a.Ending == attack.EndUnreachable {
		s.untilEnd(ctx) // some listen before they have read what they cannot work with, and end
	}
	if s.alive() {
		return nil, nil //nolint:nilnil // that there is no account is the answer
	}
	return s.exitAccount(ctx)
}

// untilEnd waits for the server to end as long as it may take to be ready.
func (s *imageServing) untilEnd(ctx context.Context) {
	limit, cancel := context.WithTimeout(ctx, s.Adapter.Ready.Limit())
	defer cancel()
	select {
	case <-s.running.Ended:
	case <-limit.Done():
	}
}

// logged says whether the message is in the server's log. The log of one that has ended
// is whole before long.
func (s *imageServing) logged(ctx context.Context, a peer.Asked) bool {
	holds := func(line string) bool { return strings.Contains(line, a.Nonce) }
	if !a.Answered && !a.CutShort && !a.Late && s.alive() {
		return s.running.Lines.Any(holds)
	}
	ctx, cancel := context.WithTimeout(ctx, peer.AccountGrace)
	defer cancel()
	_, err := s.running.Lines.Await(ctx, holds)
	return err == nil
}

// Reload has the server take up what its files now say. How long that takes, nobody tells.
func (s *imageServing) Reload(ctx context.Context, m wire.Material) (peer.Renewal, error) {
	if err := s.Write(ctx, m); err != nil {
		return peer.Renewal{}, err
	}
	return peer.Renewal{}, s.Reread(ctx)
}

// Write changes the files of the server.
func (s *imageServing) Write(ctx context.Context, m wire.Material) error {
	files, err := s.material(m, s.values.Dir)
	if err != nil {
		return err
	}
	return s.in.Put(ctx, s.room.process, s.room.Runner, s.owner(), files)
}

// Reread has the server read them again, as its adapter says. One whose command says that it cannot
// is a [*peer.UnusableError].
func (s *imageServing) Reread(ctx context.Context) error {
	fault, err := s.reread(ctx, s.room.Runner, s.room.process, s.running, s.values)
	if fault != "" {
		return s.unusable(fault, "reload.command")
	}
	return err
}

// reread has what runs in a container read its files again, as its adapter says. The fault is that it
// says that it cannot.
func (b *broughtImage) reread(
	ctx context.Context, by *command.Runner, in *sandbox.Process, what *command.Running, values adapter.Values,
) (fault string, err error) {
	if b.Adapter.Reload.Signal != "" {
		return "", by.Signal(what, b.Adapter.Reload.Signal)
	}
	argv, err := b.Adapter.ExpandAll(b.Adapter.Reload.Command, values)
	if err != nil {
		return "", err
	}
	output, code, err := b.in.Exec(ctx, in, argv)
	if err == nil && code != 0 {
		fault = fmt.Sprintf("reload.command ended with code %d: %s", code, wire.Printable(lastLine(output)))
	}
	return fault, err
}

func (s *imageServing) Stop(ctx context.Context) error { return s.stop(ctx) }
