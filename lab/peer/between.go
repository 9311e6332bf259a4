package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/hindrance"
	"github.com/mtlslab/mtlslab/lab/journal"
	"github.com/mtlslab/mtlslab/lab/sandbox"
)

// BetweenSource is the program that stands between clients and a server. It is large, for what one
// drill alone needs, so the one file that people download does not carry it.
var BetweenSource = images.Source{Name: "between", Package: "./lab/between", Like: "adversary"}

// Between passes connections on to a server, and hinders them as it is told.
type Between struct {
	process *sandbox.Process
	answers *journal.Journal[hindrance.Answer]
	address string

	mu   sync.Mutex
	told int // so far
}

// StartBetween starts it in front of the server at that address, host:port.
func StartBetween(ctx context.Context, in Place, to string) (*Between, error) {
	name := in.Names.Fresh(BetweenSource.Name)
	started, err := in.Sandbox.Start(ctx, sandbox.Program{
		Hostname: name, Source: BetweenSource, Args: []string{"-listen", in.Sandbox.Facts().Listen, "-to", to},
	})
	if err != nil {
		return nil, err
	}
	b := &Between{process: started, answers: journal.New[hindrance.Answer]()}
	go b.answers.Read(started.Stdout, hindrance.ParseAnswer)
	listening, err := b.answers.Await(ctx, func(a hindrance.Answer) bool { return a.Listening != "" })
	if err != nil {
		return nil, fmt.Errorf("%s: %w%s", name, err, started.Stderr.Said())
	}
	b.address = in.Sandbox.Reach(name, listening.Listening)
	return b, nil
}

// Address is where clients reach it, host:port.
func (b *Between) Address() string { return b.address }

// Hinder has it hinder connections so, those that are open as well, in place of what was before.
func (b *Between) Hinder(ctx context.Context, h hindrance.Hindrance) error {
	line, err := json.Marshal(h)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.process.Stdin.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("telling the program between: %w%s", err, b.process.Stderr.Said())
	}
	b.told++
	seen := 0
	answer, err := b.answers.Await(ctx, func(a hindrance.Answer) bool {
		if a.Done {
			seen++
		}
		return seen == b.told
	})
	if err == nil && answer.Error != "" {
		err = errors.New(answer.Error)
	}
	return err
}

// Stop ends it, and the connections that it passes on.
func (b *Between) Stop(ctx context.Context) error { return b.process.Stop(ctx) }
