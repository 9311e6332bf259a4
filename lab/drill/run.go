package drill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
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
		if !ok || stretch*late.needs > mostStretch {
			return t, err
		}
		stretch *= late.needs
		how.Progress("once more, as the machine is slow: with longer lives", 0, len(d.Steps))
	}
}

// mostStretch is how much longer things live at most, on a slow machine, than a drill says.
const mostStretch = 20

// lateError says that something had expired, or nearly, before it was time: the machine was busy.
type lateError struct {
	needs float64 // how many times as long it should live
}

func (*lateError) Error() string {
	return "something had expired before it was time, however long it was made to live: the machine is too busy"
}

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

// begin starts the server and all clients, and returns once each has been told what became of its
// first message.
func (w *world) begin(ctx context.Context) (err error) {
	w.hostname = w.Place.Names.Fresh("server")
	if w.server, err = w.how.Server.Server(ctx, w.Place); err != nil {
		return fmt.Errorf("%s: %w", w.how.Server.Name(), err)
	}
	if why := w.unsuited(); why != "" {
		return &UnsuitedError{Drill: w.drill.Name, Server: w.how.Server.Name(), Why: why}
	}
	materials := make(map[string]wire.Material)
	if err := w.giveFirst(ctx, materials, false); err != nil { // before the server's, whose lists may be about them
		return err
	}
	if err := w.equip(ctx, w.drill.Server); err != nil {
		return err
	}
	if err := w.serve(ctx, ""); err != nil {
		return err
	}
	w.address = w.listens.Address
	if w.drill.Between {
		if w.between, err = peer.StartBetween(ctx, w.Place, w.address); err != nil {
			return err
		}
		w.address = w.between.Address()
	}
	if err := w.start(ctx); err != nil {
		return err
	}
	if err := w.giveFirst(ctx, materials, true); err != nil {
		return err
	}
	group, limited := errgroup.WithContext(ctx)
	for _, s := range w.streams {
		group.Go(func() error { return s.Begin(limited, materials[s.client.Holder]) })
	}
	err = group.Wait()
	w.began = time.Now()
	return cmp.Or(w.late(), err)
}

// giveFirst makes what those clients are to have at first whose certificates expire in the drill, or do
// not.
func (w *world) giveFirst(ctx context.Context, materials map[string]wire.Material, expire bool) (err error) {
	for _, c := range w.drill.Clients {
		if (c.Kit.Life != 0) != expire {
			continue
		}
		if materials[c.Holder], err = w.give(ctx, c.Holder, wire.Client, c.Kit); err != nil {
			return err
		}
	}
	return nil
}

// late is an error where too little is left, when all have begun, of the life of what is to expire.
func (w *world) late() error {
	for _, step := range w.drill.Steps {
		of, ok := w.mint.lives[cmp.Or(step.Expires, step.Matures)]
		if took := w.began.Sub(of.from); ok && of.until.Sub(w.began) < 4*took {
			return &lateError{needs: 8 * took.Seconds() / of.until.Sub(of.from).Seconds()}
		}
	}
	return nil
}

// start starts all streams, which send nothing yet.
func (w *world) start(ctx context.Context) error {
	for _, c := range w.drill.Clients {
		for _, over := range w.ways(c.Over) {
			w.streams = append(w.streams, &stream{client: c, over: over})
		}
	}
	paced := 0 // streams that do not wait for a connection to have been open for a while
	for _, s := range w.streams {
		if s.over != open {
			paced++
		}
	}
	every := time.Duration(float64(max(paced, 1)) / w.how.Rate * float64(time.Second))
	group, limited := errgroup.WithContext(ctx)
	for _, s := range w.streams {
		group.Go(func() (err error) {
			what := peer.Streamed{
				Message: s.name(), Every: every, Connections: s.over,
				Server: w.address, ServerName: w.mint.serverName, Limit: messageLimit,
			}
			if w.traits.Tells {
				program := w.how.Client
				program.Args = slices.Concat(program.Args, s.client.Flags)
				s.traffic, err = program.Stream(limited, w.Place, what)
			} else {
				s.traffic = newCalls(w.Adversary, w.traits.Protocol, what)
			}
			return err
		})
	}
	return group.Wait()
}

// name is what the stream is called, and what its messages say.
func (s *stream) name() string { return s.client.Holder + ", " + words[s.over] }

var words = map[peer.Connections]string{
	peer.Kept: "kept connection", peer.New: "new connections", peer.Resumed: "resumed sessions",
	open: "open connections",
}

// equip makes what the server is to have.
func (w *world) equip(ctx context.Context, kit Kit) error {
	made, err := w.give(ctx, serverHolder, wire.Server, kit)
	if err == nil {
		w.material, w.kit = made, kit
	}
	return err
}

// give makes what a holder is to have.
func (w *world) give(ctx context.Context, holder string, role wire.Role, kit Kit) (wire.Material, error) {
	m, err := w.mint.material(ctx, holder, role, kit)
	if err == nil && kit.Spoilt == Whole {
		w.serial[holder] = wire.IdentityOf(w.mint.holds[holder].Certificate).Serial
	}
	return m, err
}

// serve starts a server with the material of the moment.
func (w *world) serve(ctx context.Context, listen string) (err error) {
	given := peer.Given{Hostname: w.hostname, Material: w.material, Lists: len(w.material.CRL) > 0, Listen: listen}
	if w.serving, err = w.server.Serve(ctx, given); err != nil {
		return err
	}
	w.listens, err = w.serving.Wait(ctx)
	return err
}

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
		group.Go(func() error { return s.Stop(ctx) })
	}
	return errors.Join(group.Wait(), w.serving.Stop(ctx))
}

// end ends what was started, whatever became of it.
func (w *world) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if !w.stopped && w.serving != nil {
		_ = w.stop(ctx) // likewise
	}
	if w.server != nil {
		w.server.Close(ctx)
	}
	if w.between != nil {
		_ = w.between.Stop(ctx) // what stays is removed with the lab
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
