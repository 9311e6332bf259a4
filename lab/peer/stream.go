package peer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Connections is how the messages of a stream share connections.
type Connections string

// The ways.
const (
	Kept    Connections = "keep"   // one connection for all, as long as it lasts
	New     Connections = "new"    // one each, with a handshake in full
	Resumed Connections = "resume" // one each, by the session of the one before
)

// Streamed says what a stream is: numbered messages, one after the other.
type Streamed struct {
	Message     string // before the number
	Every       time.Duration
	Connections Connections
	Server      string        // host:port
	ServerName  string        // that the server must be of
	Limit       time.Duration // of one message, with all that it is sent again
}

// Stream is a client that stays up and sends numbered messages until it is stopped.
type Stream struct{ program *program }

// Stream starts our own client so, or another that takes the same flags. It sends nothing before it has
// material.
func (o Own) Stream(ctx context.Context, in Place, s Streamed) (*Stream, error) {
	args := []string{
		"-log", "json", "-material", wire.Stdin, "-connect", s.Server, "-server-name", s.ServerName,
		"-every", s.Every.String(), "-connections", string(s.Connections), "-timeout", s.Limit.String(),
	}
	started, err := start(ctx, in.Sandbox, sandbox.Program{
		Hostname: in.Names.Fresh("client"), Source: cmp.Or(o.Source, ClientSource),
		Args: slices.Concat(args, o.Args, []string{"--", s.Message}),
	})
	if err != nil {
		return nil, err
	}
	return &Stream{started}, nil
}

// Begin gives it its first material, and waits until something has become of the first message.
func (s *Stream) Begin(ctx context.Context, m wire.Material) error {
	if err := s.program.give(m); err != nil {
		return err
	}
	_, err := s.program.await(ctx, func(o wire.Outcome) bool { return o.Numbered != nil })
	return err
}

// Accounts are what became of each message by now, or ever if it was stopped, and of each renewal.
func (s *Stream) Accounts(ctx context.Context) []wire.Outcome { return s.program.accounts(ctx) }

// Renew gives it other material, and returns once it has said what it does with that.
func (s *Stream) Renew(ctx context.Context, m wire.Material) (Renewal, error) {
	return s.program.renew(ctx, m)
}

// Stop has it end once something has become of the message that is under way.
func (s *Stream) Stop(ctx context.Context) error {
	_ = s.program.Stdin.Close() // it may have ended
	if _, err := s.program.Wait(ctx); err != nil {
		return fmt.Errorf("waiting for %s to end: %w", s.program.name, err)
	}
	return nil
}
