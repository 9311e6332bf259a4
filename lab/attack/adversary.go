package attack

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/mtlslab/mtlslab/lab/journal"
)

// maxReport bounds a line of what the adversary says, in bytes: what it heard on all
// connections of an attack, each byte of which may take six in JSON.
const maxReport = 128<<10 + 6*MaxConnections*MaxHeard

// Running is the adversary's program, once it runs, as whoever started it has it.
type Running struct {
	Stdin  io.Writer
	Stdout io.Reader
	Said   func() string // the end of an error: the last that it complained of
	Host   string        // the address at which peers find it, without a port
}

// Adversary is the hostile peer. It is told its attacks one by one and carries out
// many at once. It is started when it is first needed. Its methods may be called by
// many goroutines at once. Make one with [New].
type Adversary struct {
	// Secrets is told the secrets of all sessions, lines of a key log. Nobody is if nil.
	Secrets io.Writer

	start func(context.Context) (Running, error)

	starting sync.Mutex
	running  *Running

	telling sync.Mutex // of standard input

	mu      sync.Mutex
	attacks map[string]*journal.Journal[Report] // by ID, until their evidence is asked for
	ended   error                               // why it reports no more
}

// New returns an adversary whose program that function starts.
func New(start func(context.Context) (Running, error)) *Adversary {
	return &Adversary{start: start, attacks: make(map[string]*journal.Journal[Report])}
}

// Host is the address at which peers find the adversary, without a port. It starts
// the adversary if that does not run yet.
func (a *Adversary) Host(ctx context.Context) (string, error) {
	running, err := a.ready(ctx)
	return running.Host, err
}

// ready starts the adversary if it does not run yet. After a failure the next call
// tries again.
func (a *Adversary) ready(ctx context.Context) (Running, error) {
	a.starting.Lock()
	defer a.starting.Unlock()
	if a.running != nil {
		return *a.running, nil
	}
	started, err := a.start(ctx)
	if err != nil {
		return Running{}, fmt.Errorf("starting the adversary: %w", err)
	}
	a.running = &started
	go func() {
		a.end(journal.EachLine(started.Stdout, maxReport, func(line []byte) error {
			report, err := ParseReport(line)
			if err == nil {
				a.take(report)
			}
			return err
		}))
		_, _ = io.Copy(io.Discard, started.Stdout) // it must not block on a full pipe
	}()
	return started, nil
}

func (a *Adversary) take(r Report) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if reports := a.attacks[r.ID]; reports != nil {
		reports.Add(r)
	}
}

func (a *Adversary) end(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = err
	for _, reports := range a.attacks {
		reports.End(err)
	}
}

// Carry has an attack of a client carried out, and returns what the adversary saw.
// An error says that there was no attack.
func (a *Adversary) Carry(ctx context.Context, out Attack) (Evidence, error) {
	if err := a.tell(ctx, out); err != nil {
		return Evidence{}, err
	}
	return a.evidence(ctx, out.ID)
}

// Listen begins an attack of a server, and returns the port on which it listens.
// [Adversary.Finish] ends it.
func (a *Adversary) Listen(ctx context.Context, as Attack) (port string, err error) {
	if err := a.tell(ctx, as); err != nil {
		return "", err
	}
	report, err := a.report(ctx, as.ID, func(r Report) bool { return r.Listening != "" })
	if err != nil {
		return "", err
	}
	_, port, err = net.SplitHostPort(report.Listening)
	return port, err
}

// Served waits until the first connection has ended of an attack of a server that is to [Attack.Tell].
func (a *Adversary) Served(ctx context.Context, id string) error {
	_, err := a.report(ctx, id, func(r Report) bool { return r.Served || r.Evidence != nil })
	return err
}

// Hold begins an attack of a client whose dialogue holds, and returns once it does, or has
// ended without. [Adversary.Finish] has it go on, if it does, and says what it saw.
func (a *Adversary) Hold(ctx context.Context, out Attack) error {
	if err := a.tell(ctx, out); err != nil {
		return err
	}
	_, err := a.report(ctx, out.ID, func(r Report) bool { return r.Listening != "" || r.Evidence != nil })
	return err
}

// Finish ends an attack of a server, or has a client go on that holds, and returns what the adversary saw.
func (a *Adversary) Finish(ctx context.Context, id string) (Evidence, error) {
	if err := a.tell(ctx, Attack{ID: id, End: true}); err != nil {
		return Evidence{}, err
	}
	return a.evidence(ctx, id)
}

// tell writes one line to the adversary.
func (a *Adversary) tell(ctx context.Context, what Attack) error {
	what.KeyLog = a.Secrets != nil && !what.End
	line, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("attack %s: %w", what.ID, err)
	}
	running, err := a.ready(ctx)
	if err != nil {
		return err
	}
	if !what.End {
		a.expect(what.ID)
	}
	a.telling.Lock()
	defer a.telling.Unlock()
	if _, err := running.Stdin.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("attack %s: telling the adversary: %w%s", what.ID, err, running.Said())
	}
	return nil
}

// expect makes room for the reports of an attack.
func (a *Adversary) expect(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.attacks[id] = journal.New[Report]()
	if a.ended != nil {
		a.attacks[id].End(a.ended)
	}
}

// evidence waits for what the adversary saw.
func (a *Adversary) evidence(ctx context.Context, id string) (Evidence, error) {
	report, err := a.report(ctx, id, func(r Report) bool { return r.Evidence != nil })
	a.mu.Lock()
	delete(a.attacks, id)
	a.mu.Unlock()
	if err != nil {
		return Evidence{}, err
	}
	for i, c := range report.Evidence.Connections {
		if a.Secrets != nil && c.Secrets != "" {
			_, _ = io.WriteString(a.Secrets, c.Secrets) // a recording that lacks them says so itself
			report.Evidence.Connections[i].Secrets = ""
		}
	}
	return *report.Evidence, nil
}

func (a *Adversary) report(ctx context.Context, id string, match func(Report) bool) (Report, error) {
	a.mu.Lock()
	reports := a.attacks[id]
	a.mu.Unlock()
	report, err := reports.Await(ctx, func(r Report) bool { return match(r) || r.Error != "" })
	switch {
	case err != nil:
		return report, fmt.Errorf("attack %s: waiting for the adversary: %w%s", id, err, a.said())
	case report.Error != "":
		return report, fmt.Errorf("attack %s: the adversary could not carry it out: %s", id, report.Error)
	default:
		return report, nil
	}
}

func (a *Adversary) said() string {
	a.starting.Lock()
	defer a.starting.Unlock()
	if a.running == nil {
		return ""
	}
	return a.running.Said()
}
