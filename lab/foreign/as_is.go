package foreign

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/command"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// callsAnyway is a client of somebody else's image that runs as the image says, and calls whom it
// calls: that name leads to the adversary. It may make one call and end, or call again and again.
type callsAnyway struct {
	*imageClient

	opening sync.Mutex
	room    *clientRoom
}

// againGrace is how long a client may go on once a connection of it has ended: as long as it takes
// to try another way at once, and to end. One that calls again and again is ended then.
const againGrace = 500 * time.Millisecond

// Product says, besides what is known of every image, how little was claimed.
func (c *callsAnyway) Product() *finding.Product {
	product := c.imageClient.Product()
	product.Notes = append(slices.Clone(product.Notes),
		"it ran as its image says: whatever it said over TLS counts as its message, and what it makes of an answer "+
			"was not asked")
	if c.Traits().Anonymous {
		product.Notes = append(product.Notes, "it was given no certificate: only whom it trusts was tried")
	}
	return product
}

// Lacks says what cannot be known of a client that is told nothing.
func (c *callsAnyway) Lacks(d peer.Demand) string {
	switch {
	case d.Store:
		return "its system's store is where its own trust is put"
	case d.Altered:
		return "it runs as its image says, with no other material"
	case d.Opinion:
		return "it does not say whether it calls its message delivered"
	default:
		return c.imageClient.Lacks(d)
	}
}

func (c *callsAnyway) Close(ctx context.Context) {
	c.opening.Lock()
	defer c.opening.Unlock()
	if c.room != nil {
		_ = c.room.process.Stop(ctx) // what stays is removed with the lab
	}
}

func (c *callsAnyway) Call(ctx context.Context, call peer.Call) (wire.Outcome, error) {
	o := wire.Outcome{Role: wire.Client, Kind: wire.Failed, Time: time.Now()}
	in, err := c.enter(ctx, call)
	if err != nil {
		return o, err
	}
	what := command.Command{ID: call.Nonce, Limit: call.Patience + imagePatience, Alone: true}
	if what.Argv, err = c.words(); err != nil {
		return o, err
	}
	for name, value := range c.Adapter.Env {
		what.Env = append(what.Env, name+"="+value)
	}
	running, err := in.Start(what)
	if err != nil {
		return o, err
	}
	ended, err := c.seen(ctx, call, in, running)
	if err != nil {
		return o, err
	}
	result, err := running.Wait(ctx)
	if err != nil {
		return o, fmt.Errorf("%s: waiting for it to end: %w", c.Name(), err)
	}
	if result.Fault != "" {
		return o, &peer.UnusableError{Peer: c.Name(), What: "it could not be run: " + result.Fault, Look: "--command"}
	}
	if ended {
		o.Detail = "it went on, and was ended"
		return o, nil
	}
	account, err := c.account(result, adapter.Values{})
	account.Kind = wire.Failed // by its exit code it may mean anything
	return account, err
}

// seen waits until the client has ended, or has been seen by the adversary and goes on: then it is
// told to end.
func (c *callsAnyway) seen(
	ctx context.Context, call peer.Call, in *clientRoom, running *command.Running,
) (ended bool, err error) {
	limit, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- call.Served(limit) }()
	select {
	case <-running.Ended:
		return false, nil
	case err := <-served:
		if err != nil {
			return false, err
		}
	}
	over := time.NewTimer(againGrace)
	defer over.Stop()
	select {
	case <-running.Ended:
		return false, nil
	case <-over.C:
		return true, in.Stop(running)
	}
}

// enter returns the client's container, which is made with the first call. Whom it is to trust,
// its system trusts.
func (c *callsAnyway) enter(ctx context.Context, call peer.Call) (*clientRoom, error) {
	c.opening.Lock()
	defer c.opening.Unlock()
	if c.room != nil {
		return c.room, nil
	}
	address, err := call.Server(ctx)
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if net.ParseIP(host) == nil {
		if host, err = c.in.Lookup(ctx, host); err != nil {
			return nil, err
		}
	}
	call.Store = call.Material.Trust
	c.room, err = c.open(ctx, call, host)
	return c.room, err
}

// words are what is run.
func (c *callsAnyway) words() ([]string, error) {
	argv := slices.Concat(c.argv, c.Adapter.Command)
	if len(argv) == 0 {
		return nil, &peer.UnusableError{Peer: c.Name(), What: "its image does not say what to run", Look: "--command"}
	}
	return argv, nil
}
