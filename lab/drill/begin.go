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
	"github.com/mtlslab/mtlslab/lab/wire"
)

// lateError says that something had expired, or nearly, before it was time: the machine was busy.
type lateError struct {
	longer float64 // how many times as long it should live
}

func (*lateError) Error() string {
	return "something had expired before it was time, however long it was made to live: the machine is too busy"
}

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
	if err := w.mintFirst(ctx, materials, false); err != nil { // before the server's, whose lists may be about them
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
	if err := w.mintFirst(ctx, materials, true); err != nil {
		return err
	}
	group, limited := errgroup.WithContext(ctx)
	for _, s := range w.streams {
		group.Go(func() error { return s.Begin(limited, materials[s.client.Holder]) })
	}
	err = group.Wait()
	w.began = time.Now()
	return errors.Join(w.late(), err)
}

// mintFirst makes what clients are to have at first: of those whose certificates expire in the drill if
// that is so of expiring, and else of the others.
func (w *world) mintFirst(ctx context.Context, materials map[string]wire.Material, expiring bool) (err error) {
	for _, c := range w.drill.Clients {
		if (c.Kit.Life != 0) != expiring {
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
			return &lateError{longer: 8 * took.Seconds() / of.until.Sub(of.from).Seconds()}
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
		group.Go(func() error {
			what := peer.Streamed{
				Message: s.name(), Every: every, Connections: s.over,
				Server: w.address, ServerName: w.mint.serverName, Limit: messageLimit,
			}
			if !w.traits.Tells {
				s.traffic = newCalls(w.Adversary, w.traits.Protocol, what)
				return nil
			}
			program := w.how.Client
			program.Args = slices.Concat(program.Args, s.client.Flags)
			started, err := program.Stream(limited, w.Place, what)
			if err == nil {
				s.traffic = started
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
