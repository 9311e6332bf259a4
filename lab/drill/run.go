package drill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/issuer"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/timeline"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// What applies where a Run gives none.
const (
	DefaultRate   = 100 // messages per second, of all streams together
	DefaultWithin = time.Second

	MaxRate = 5000 // what is more is a slip of the finger
	MaxFor  = time.Hour
)

// leastRest is how long traffic goes on at least before the first step, and after each has settled.
const leastRest = 500 * time.Millisecond

// rest is that of the drill: messages of connections that are open come less often.
func (w *world) rest() time.Duration {
	if !w.traits.Tells {
		return leastRest + 2*openFor
	}
	return leastRest
}

// messageLimit is how long one message may take, with all that it is sent again. After that it is
// lost.
const messageLimit = 10 * time.Second

// patience is how long a peer may take to say what it does with what it is given.
const patience = 5 * time.Second

// Run says how a drill is carried out. The zero value is our own server and client.
type Run struct {
	Rate   float64       // messages per second; [DefaultRate] if zero
	For    time.Duration // how long it is to take, in about; as long as its steps need if zero, and if it is [Drill.Timed]
	Server peer.Peer     // ours if nil, or another program that takes the same flags, or an image
	Client peer.Own      // or a program that takes the same flags; of an image's server the adversary calls

	Progress func(step string, done, total int) // is told of each step; may be nil
}

// Runner carries out drills in one place.
type Runner struct {
	Place     peer.Place
	Adversary *attack.Adversary // by whom step-ca is called, where it runs, and servers that are images
}

// Run carries out one drill. Whatever becomes of its messages is in the timeline; an error means
// that the lab broke, or that the peers could not be started.
func (r *Runner) Run(ctx context.Context, d Drill, how Run) (*timeline.Timeline, error) {
	how.Rate = cmp.Or(how.Rate, DefaultRate)
	if how.Server == nil {
		how.Server = peer.Own{}
	}
	if how.Progress == nil {
		how.Progress = func(string, int, int) {}
	}
	if d.Isolated && !r.Place.Sandbox.Facts().Isolated() {
		return nil, fmt.Errorf("the drill %s needs containers, and here are processes: it needs an engine", d.Name)
	}
	for stretch := 1.0; ; {
		t, err := r.once(ctx, d, how, stretch)
		late, ok := errors.AsType[*lateError](err)
		if !ok || ctx.Err() != nil || stretch*late.longer > mostStretch {
			return t, err
		}
		stretch *= late.longer
		how.Progress("once more, as the machine is slow: with longer lives", 0, len(d.Steps))
	}
}

// mostStretch is how much longer things live at most, on a slow machine, than a drill says.
const mostStretch = 20

// once carries out a drill in which whatever is to expire lives so many times as long as it says.
func (r *Runner) once(ctx context.Context, d Drill, how Run, stretch float64) (*timeline.Timeline, error) {
	w := &world{
		Runner: r, drill: d, how: how, traits: how.Server.Traits(), mint: newMint(stretch, r.stepCA),
		serial: make(map[string]string),
	}
	w.mint.known, w.mint.serverName = w.traits.Known, cmp.Or(w.traits.ServerName, pki.ServerName)
	defer w.end(context.WithoutCancel(ctx))
	if err := w.begin(ctx); err != nil {
		return nil, err
	}
	if err := w.play(ctx); err != nil {
		return nil, err
	}
	if err := w.stop(ctx); err != nil {
		return nil, err
	}
	t := w.timeline(ctx)
	t.Judge()
	return t, nil
}

// world is one drill under way.
type world struct {
	*Runner
	drill  Drill
	how    Run
	traits peer.Traits // of the server
	mint   *mint

	server   peer.Server
	serving  peer.Serving
	listens  peer.Listening
	between  *peer.Between // nil if there is none
	rough    bool          // it hinders connections
	address  string        // that clients call
	hostname string
	kit      Kit               // that the server has
	material wire.Material     // of that
	past     []peer.Listening  // of the servers that have ended
	serial   map[string]string // of the certificate that each holder has

	streams []*stream
	began   time.Time
	took    time.Duration
	stopped bool
	ended   int // by which step, counted from 1, the server ended
	steps   []timeline.Step
}

// stream is one of a client's.
type stream struct {
	traffic
	client Client
	over   peer.Connections
}

// traffic is numbered messages that somebody sends, until it is stopped.
type traffic interface {
	// Begin gives whoever sends them the first material, and waits until something has become of the
	// first message.
	Begin(ctx context.Context, m wire.Material) error
	// Accounts are what has become of each by now, or ever if it was stopped, and of each renewal.
	Accounts(ctx context.Context) []wire.Outcome
	// Renew gives whoever sends them other material.
	Renew(ctx context.Context, m wire.Material) (peer.Renewal, error)
	// Stop returns once something has become of the message that is under way.
	Stop(ctx context.Context) error
}

const serverHolder = "server"

// play carries out the steps, with a rest before each and after the last.
func (w *world) play(ctx context.Context) error {
	rest, least := w.how.For/time.Duration(len(w.drill.Steps)+1), w.rest()
	if w.drill.Timed() {
		rest = 0
	}
	for i, step := range w.drill.Steps {
		if err := wait(ctx, time.Now().Add(max(rest, least))); err != nil {
			return err
		}
		least = w.rest() + step.within()
		w.how.Progress(step.Name, i, len(w.drill.Steps))
		if err := w.take(ctx, step); err != nil {
			return fmt.Errorf("step %d, %s: %w", i+1, step.Name, err)
		}
		if w.hasEnded(ctx) {
			w.ended = i + 1
			break
		}
	}
	lasts := time.Until(w.began.Add(w.mint.stretched(w.drill.Lasts)))
	if err := wait(ctx, time.Now().Add(max(rest, least, lasts))); err != nil {
		return err
	}
	w.took = time.Since(w.began)
	w.how.Progress("", len(w.drill.Steps), len(w.drill.Steps))
	return nil
}

func wait(ctx context.Context, until time.Time) error {
	select {
	case <-time.After(time.Until(until)):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// said is what all servers have said.
func (w *world) said(ctx context.Context) (all []wire.Outcome) {
	for _, server := range append(w.past, w.listens) {
		if server.Accounts != nil {
			all = append(all, server.Accounts(ctx)...)
		}
	}
	return all
}

// stop stops all clients, each after the message that is under way, and then the server.
func (w *world) stop(ctx context.Context) error {
	w.stopped = true
	ctx, cancel := context.WithTimeout(ctx, messageLimit+patience)
	defer cancel()
	var group errgroup.Group
	for _, s := range w.streams {
		if s.traffic != nil { // it was started
			group.Go(func() error { return s.Stop(ctx) })
		}
	}
	err := group.Wait()
	if w.serving != nil {
		err = errors.Join(err, w.serving.Stop(ctx))
	}
	return err
}

// end ends what was started, whatever became of it.
func (w *world) end(ctx context.Context) {
	if !w.stopped {
		stopping, cancel := context.WithTimeout(ctx, patience)
		_ = w.stop(stopping) // what stays is removed with the lab
		cancel()
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if w.server != nil {
		w.server.Close(ctx)
	}
	if w.between != nil {
		_ = w.between.Stop(ctx) // likewise
	}
	if w.mint.running != nil {
		_ = w.mint.running.Stop(ctx) // likewise
	}
}

// stepCA starts it as an authority.
func (r *Runner) stepCA(ctx context.Context, of *pki.Authority) (*issuer.StepCA, error) {
	in, err := sandbox.IsolatedOf(r.Place.Sandbox)
	if err != nil {
		return nil, err
	}
	return issuer.Start(ctx, in, r.Place.Names, r.Adversary, of)
}
