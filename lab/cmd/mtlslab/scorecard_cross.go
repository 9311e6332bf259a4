package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/deployment"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// divide leaves those out that are of other shards: of the peers to be audited, and of the
// servers that all clients call. Peers that are like another, but for a setting, call nobody and
// are not called, nor are servers that answer every message alike.
func (r *round) divide() error {
	r.crossing = make(map[wire.Role][]peer.Peer)
	for _, c := range r.contenders {
		if image, is := c.Peer.(foreign.Image); is && (image.Adapter.Like != "" || !image.Adapter.SaysBack()) {
			continue // it would talk as that does; or no client could tell whether its message arrived
		}
		r.crossing[c.audit.Role] = append(r.crossing[c.audit.Role], c.Peer)
	}
	if r.shard = cmp.Or(r.shard, os.Getenv("MTLSLAB_SHARD")); r.shard == "" {
		return nil
	}
	index, of, err := finding.ParseShard(r.shard)
	switch {
	case err != nil:
		return fmt.Errorf("--%w", err)
	case of > len(r.contenders):
		return fmt.Errorf("--shard %s: there are only %d peers", r.shard, len(r.contenders))
	}
	shard := &finding.Shard{Index: index, Of: of}
	for _, c := range r.contenders {
		shard.Peers = append(shard.Peers, c.label())
	}
	r.card.Shard = shard
	r.contenders = partOf(*shard, r.contenders)
	r.crossing[wire.Server] = partOf(*shard, r.crossing[wire.Server])
	return nil
}

// partOf is what a shard has of all.
func partOf[T any](s finding.Shard, all []T) []T {
	place := -1
	return slices.DeleteFunc(all, func(T) bool {
		place++
		return !s.Has(place)
	})
}

// configure says how its labs are made: with the same authority where one was exported.
func (r *round) configure() error {
	r.cfg = lab.Config{Runtime: sandbox.Containers, TTL: longTTL, Timeout: time.Minute}
	if r.pki == "" {
		return nil
	}
	d, err := deployment.Read(r.pki)
	if err != nil {
		return fmt.Errorf("--pki: %w", err)
	}
	if name := d.ServerName(); name != pki.ServerName {
		return fmt.Errorf("--pki %s: its server is %q, and the gallery's is %q: mtlslab pki export --dns %[3]s",
			r.pki, name, pki.ServerName)
	}
	r.cfg.Pair, r.cfg.Chains = d.Pair, d.Chains
	return nil
}

// crosses says whether there are plain exchanges to be made.
func (r *round) crosses() bool {
	return !r.noExchanges && len(r.crossing[wire.Server]) > 0 && len(r.crossing[wire.Client]) > 0
}

// cross carries out the plain exchanges, on a network of their own, in which each
// server in turn has the name that its certificate is for.
func (r *round) cross(ctx context.Context) (err error) {
	l, err := lab.Start(ctx, r.cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close(ctx)) }()
	made, err := l.Interop(
		ctx,
		r.crossing[wire.Server],
		r.crossing[wire.Client],
		func(done, total int) { r.board.Update(exchanges, done, total) },
	)
	if err == nil {
		r.exchanged(made)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.card.Interop = made
	return err
}
