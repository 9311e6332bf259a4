package drill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/pki"
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

// messageLimit is how long one message may take, with all that it is sent again. After that it is
// lost.
const messageLimit = 10 * time.Second

// patience is how long a peer may take to say what it does with what it is given.
const patience = 5 * time.Second

// Run says how a drill is carried out. The zero value is our own server and client.
type Run struct {
	Rate   float64       // messages per second; [DefaultRate] if zero
	For    time.Duration // how long it is to take, in about; as long as its steps need if zero
	Server peer.Own      // or a program that takes the same flags
	Client peer.Own

	Progress func(step string, done, total int) // is told of each step; may be nil
}

// Runner carries out drills in one place.
type Runner struct {
	Place peer.Place
}

// Run carries out one drill. Whatever becomes of its messages is in the timeline; an error means
// that the lab broke, or that the peers could not be started.
func (r *Runner) Run(ctx context.Context, d Drill, how Run) (*timeline.Timeline, error) {
	how.Rate = cmp.Or(how.Rate, DefaultRate)
	if how.Progress == nil {
		how.Progress = func(string, int, int) {}
	}
	if d.Isolated && !r.Place.Sandbox.Facts().Isolated() {
		return nil, fmt.Errorf("the drill %s cuts networks: it needs containers", d.Name)
	}
	w := &world{Runner: r, drill: d, how: how, mint: newMint(), serial: make(map[string]string)}
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
	drill Drill
	how   Run
	mint  *mint

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
	ended   int // by which step, counted from 1, the server ended
	steps   []timeline.Step
}

// stream is one of a client's.
type stream struct {
	*peer.Stream
	client Client
	over   peer.Connections
}

const serverHolder = "server"

// begin starts the server and all clients, and returns once each has been told what became of its
// first message.
func (w *world) begin(ctx context.Context) (err error) {
	w.hostname = w.Place.Names.Fresh("server")
	if w.server, err = w.how.Server.Server(ctx, w.Place); err != nil {
		return err
	}
	materials := make(map[string]wire.Material)
	for _, c := range w.drill.Clients { // before the server's, whose lists may be about them
		if materials[c.Holder], err = w.give(c.Holder, wire.Client, c.Kit); err != nil {
			return err
		}
	}
	if err := w.equip(w.drill.Server); err != nil {
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
	count := 0
	for _, c := range w.drill.Clients {
		count += len(c.Over)
	}
	every := time.Duration(float64(count) / w.how.Rate * float64(time.Second))
	group, limited := errgroup.WithContext(ctx)
	for _, c := range w.drill.Clients {
		for _, over := range c.Over {
			s := &stream{client: c, over: over}
			w.streams = append(w.streams, s)
			group.Go(func() (err error) {
				program := w.how.Client
				program.Args = slices.Concat(program.Args, c.Flags)
				s.Stream, err = program.Stream(limited, w.Place, peer.Streamed{
					Message: s.name(), Every: every, Connections: over, Material: materials[c.Holder],
					Server: w.address, ServerName: pki.ServerName, Limit: messageLimit,
				})
				if err != nil {
					return err
				}
				return s.Begun(limited)
			})
		}
	}
	err = group.Wait()
	w.began = time.Now()
	return err
}

// name is what the stream is called, and what its messages say.
func (s *stream) name() string { return s.client.Holder + ", " + words[s.over] }

var words = map[peer.Connections]string{
	peer.Kept: "kept connection", peer.New: "new connections", peer.Resumed: "resumed sessions",
}

// equip makes what the server is to have.
func (w *world) equip(kit Kit) (err error) {
	w.material, err = w.give(serverHolder, wire.Server, kit)
	w.kit = kit
	return err
}

// give makes what a holder is to have.
func (w *world) give(holder string, role wire.Role, kit Kit) (wire.Material, error) {
	m, err := w.mint.material(holder, role, kit)
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
	rest, least := w.how.For/time.Duration(len(w.drill.Steps)+1), leastRest
	for i, step := range w.drill.Steps {
		if err := wait(ctx, time.Now().Add(max(rest, least))); err != nil {
			return err
		}
		least = leastRest + step.within()
		w.how.Progress(step.Name, i, len(w.drill.Steps))
		if err := w.take(ctx, step); err != nil {
			return fmt.Errorf("step %d, %s: %w", i+1, step.Name, err)
		}
		if w.hasEnded(ctx) {
			w.ended = i + 1
			break
		}
	}
	if err := wait(ctx, time.Now().Add(max(rest, least))); err != nil {
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

// take takes one step.
func (w *world) take(ctx context.Context, step Step) error {
	ctx, cancel := context.WithTimeout(ctx, patience+peer.StartLimit)
	defer cancel()
	began := time.Now()
	if step.Expires != "" {
		began = w.expiry(step.Expires) // and not when this was woken up
		if time.Since(began) > 0 {
			return errors.New("it was so before it was time: the machine was busy")
		}
		if err := wait(ctx, began); err != nil {
			return err
		}
	}
	s := timeline.Step{
		Name: step.Name, Began: began.Sub(w.began), Within: step.within(), Bad: step.Bad,
		Breaks: step.Act != "" || step.Hinders != nil,
	}
	before := w.serial[serverHolder]
	var told []peer.Renewal
	if step.Server != nil {
		renewal, err := w.giveServer(ctx, *step.Server, step.Bad)
		if err != nil {
			return err
		}
		told = append(told, renewal)
	}
	more, err := w.giveClients(ctx, step, &s)
	if err == nil {
		err = w.act(ctx, step.Act)
	}
	if err == nil && step.Hinders != nil {
		err = w.between.Hinder(ctx, *step.Hinders)
		w.rough = step.Hinders.Kind != ""
	}
	s.Rough = w.rough
	if err != nil {
		return err
	}
	for k, renewal := range append(told, more...) {
		s.Tells = true
		s.InUse = (k == 0 || s.InUse) && renewal.InUse
		s.Kept = (k == 0 || s.Kept) && renewal.Kept
		s.Says = cmp.Or(s.Says, renewal.Says)
	}
	if now := w.serial[serverHolder]; now != before && !step.Silent {
		s.Server = now
	}
	s.Done = time.Since(w.began)
	w.steps = append(w.steps, s)
	return nil
}

// within is how long a step may take to have its effect. Dates are whole seconds, and inclusive (RFC
// 5280, 4.1.2.5): some take a certificate for a second longer than others.
func (s Step) within() time.Duration {
	within := cmp.Or(s.Within, DefaultWithin)
	if s.Expires != "" {
		within += time.Second
	}
	return within
}

// expiry is when something is over.
func (w *world) expiry(of string) time.Time {
	switch of {
	case theLists:
		return w.mint.listsEnd
	case theIntermediate:
		return w.mint.briefEnds
	default:
		return w.mint.holds[of].Certificate.NotAfter
	}
}

// giveServer gives the server something else. What cannot be used is not what it goes on with.
func (w *world) giveServer(ctx context.Context, kit Kit, bad bool) (peer.Renewal, error) {
	was, had, held := w.kit, w.material, w.mint.holds[serverHolder]
	if err := w.equip(kit); err != nil {
		return peer.Renewal{}, err
	}
	now := w.material
	if bad {
		w.kit, w.material, w.mint.holds[serverHolder] = was, had, held
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errSilent)
	defer cancel()
	renewal, err := w.serving.Reload(ctx, now)
	if errors.Is(err, errSilent) || err != nil && w.hasEnded(ctx) {
		return peer.Renewal{Says: err.Error()}, nil // that is what it does
	}
	return renewal, err
}

var errSilent = fmt.Errorf("it said nothing of that within %v", patience)

// hasEnded says whether the server has ended.
func (w *world) hasEnded(ctx context.Context) bool {
	_, err := w.serving.Wait(ctx)
	_, unusable := errors.AsType[*peer.UnusableError](err)
	return unusable
}

// giveClients gives clients something else, all at the same time.
func (w *world) giveClients(ctx context.Context, step Step, s *timeline.Step) ([]peer.Renewal, error) {
	group, limited := errgroup.WithContext(ctx)
	told := make([]peer.Renewal, len(w.streams))
	var given []int
	for _, holder := range sorted(step.Clients) {
		before := w.serial[holder]
		m, err := w.give(holder, wire.Client, step.Clients[holder])
		if err != nil {
			return nil, err
		}
		s.Renews = append(s.Renews, holder)
		if now := w.serial[holder]; now != before && !step.Silent {
			s.Client = now
		}
		for i, stream := range w.streams {
			if stream.client.Holder == holder {
				given = append(given, i)
				group.Go(func() (err error) {
					told[i], err = stream.Renew(limited, m)
					return err
				})
			}
		}
	}
	err := group.Wait()
	var all []peer.Renewal
	for _, i := range given {
		all = append(all, told[i])
	}
	return all, err
}

func sorted(clients map[string]Kit) []string {
	var all []string
	for holder := range clients {
		all = append(all, holder)
	}
	slices.Sort(all)
	return all
}

// act does to the server what a step says.
func (w *world) act(ctx context.Context, what Act) error {
	switch what {
	case Kill:
		w.past = append(w.past, w.listens)
		if err := w.serving.Stop(ctx); err != nil {
			return err
		}
		return w.serve(ctx, w.listens.Account.Local)
	case Cut, Join:
		severed, ok := w.serving.(peer.Severed)
		switch {
		case !ok:
			return errors.ErrUnsupported
		case what == Cut:
			return severed.Cut(ctx)
		default:
			return severed.Join(ctx)
		}
	}
	return nil
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
	if w.server != nil {
		w.server.Close(ctx)
	}
	if w.between != nil {
		_ = w.between.Stop(ctx) // what stays is removed with the lab
	}
}
