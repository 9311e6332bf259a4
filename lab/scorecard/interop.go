package scorecard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab/exchange"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// interopAtOnce is how many plain exchanges are made at once: they go on beside audits.
const interopAtOnce = 2

// caller is a client that calls every server that speaks as it does.
type caller struct {
	peer   peer.Peer
	client peer.Client
}

// Interop carries out a plain exchange between every client and every server that speak
// the same, in each version of TLS. Those of a peer that cannot be run are inconclusive,
// and say why. It wants a place of its own, in which no other server has the name that
// each has in turn. Progress, if not nil, is told how many servers are done.
func Interop(
	ctx context.Context, in peer.Place, pair *pki.Pair, servers, clients []peer.Peer, progress func(done, total int),
) ([]finding.Interop, error) {
	callers := make([]caller, len(clients))
	defer func() {
		for _, c := range callers {
			if c.client != nil {
				c.client.Close(context.WithoutCancel(ctx))
			}
		}
	}()
	for i, p := range clients {
		made, err := p.Client(ctx, in)
		if err != nil {
			return nil, err
		}
		callers[i] = caller{p, made}
	}
	var all []finding.Interop
	for i, p := range servers {
		made, err := interopOf(ctx, in, pair, p, callers)
		if err != nil {
			return all, err
		}
		all = append(all, made...)
		if progress != nil {
			progress(i+1, len(servers))
		}
	}
	return all, nil
}

// interopOf has all the clients call one server that speak as it does.
func interopOf(
	ctx context.Context,
	in peer.Place,
	pair *pki.Pair,
	p peer.Peer,
	callers []caller,
) ([]finding.Interop, error) {
	server, err := p.Server(ctx, in)
	if err != nil {
		return nil, err
	}
	defer server.Close(context.WithoutCancel(ctx))
	started, err := serve(ctx, in, pair, p, server)
	broke, unusable := errors.AsType[*peer.UnusableError](err)
	if err != nil && !unusable {
		return nil, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(min(cmp.Or(p.Traits().AtOnce, interopAtOnce), interopAtOnce))
	callers = slices.DeleteFunc(
		slices.Clone(callers),
		func(c caller) bool { return c.peer.Traits().Speaks != p.Traits().Speaks },
	)
	versions := wire.Versions()
	all := make([]finding.Interop, len(callers)*len(versions))
	for i, c := range callers {
		mine := all[i*len(versions):][:len(versions)]
		group.Go(func() error { // one version after the other: some clients are run one at a time
			for j := range mine {
				mine[j] = finding.Interop{Client: c.peer.Name(), Server: p.Name(), Version: versions[j]}
				if unusable {
					mine[j].Status, mine[j].Saw = finding.Inconclusive, broke.Peer+": "+broke.What
				} else if err := one(ctx, started, c, p, pair, &mine[j]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return all, group.Wait()
}

// serve starts a server, under the name that its certificate is for, and waits for it.
func serve(
	ctx context.Context,
	in peer.Place,
	pair *pki.Pair,
	p peer.Peer,
	server peer.Server,
) (exchange.Started, error) {
	started := exchange.Started{Hostname: in.Names.Fresh(p.Name()), Named: true, Calls: len(wire.Versions())}
	var err error
	started.Serving, err = server.Serve(ctx, peer.Given{
		Hostname: started.Hostname, Alias: pki.ServerName, Material: pair.Material(wire.Server),
	})
	if err != nil {
		return started, err
	}
	_, err = started.Wait(ctx)
	return started, err
}

// one carries out one plain exchange of many.
func one(
	ctx context.Context,
	server exchange.Started,
	c caller,
	p peer.Peer,
	pair *pki.Pair,
	i *finding.Interop,
) error {
	x, err := exchange.Exchange{Server: p, Client: c.peer, Version: i.Version}.Whole(pair)
	if err != nil {
		return err
	}
	v, err := exchange.Between(ctx, server, c.client, x)
	if broke, ok := errors.AsType[*peer.UnusableError](err); ok {
		i.Status, i.Saw = finding.Inconclusive, broke.Peer+": "+broke.What
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s to %s: %w", i.Client, i.Server, err)
	}
	i.Took, i.Saw, i.Status = v.Took, verdict.Account(&v.Client), finding.Passed
	if v.Decision != verdict.WasDelivered {
		i.Status, i.Saw = finding.Failed, v.String()+"; the client: "+i.Saw
	}
	return nil
}
