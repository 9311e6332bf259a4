package audit

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// choosy is a server that comes up where it can read what it is told, and it is not too much.
type choosy struct {
	peer.Server
	most   int
	cannot [][]byte // PEM
	starts int
}

func (c *choosy) Serve(_ context.Context, g peer.Given) (peer.Serving, error) {
	c.starts++
	up := bytes.Count(g.Material.Trust, []byte("BEGIN")) <= c.most
	for _, root := range c.cannot {
		up = up && !bytes.Contains(g.Material.Trust, root)
	}
	return choice{up: up}, nil
}

type choice struct {
	peer.Serving
	up bool
}

func (c choice) Wait(context.Context) (peer.Listening, error) {
	if c.up {
		return peer.Listening{}, nil
	}
	return peer.Listening{}, &peer.UnusableError{Ended: &wire.Outcome{}}
}

func (choice) Stop(context.Context) error { return nil }

// TestReadable leaves out the roots that a server cannot read, and no other; of one that takes a
// number of them, the rest.
func TestReadable(t *testing.T) {
	t.Parallel()
	pair, err := pki.NewPair(pki.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var told []*pki.Forged
	for range 9 {
		forged, err := pair.Authority.Forge(pki.RequestOf(wire.Client), func(f *pki.Forgery) { f.OwnRoot() })
		if err != nil {
			t.Fatal(err)
		}
		told = append(told, forged)
	}
	for name, test := range map[string]struct {
		most   int // beside the authority's own
		cannot []int
		unread []int
	}{
		"one":           {9, []int{4}, []int{4}},
		"two":           {9, []int{0, 8}, []int{0, 8}},
		"no more":       {3, nil, []int{3, 4, 5, 6, 7, 8}},
		"both":          {3, []int{1}, []int{1, 4, 5, 6, 7, 8}},
		"all, with it":  {0, nil, []int{0, 1, 2, 3, 4, 5, 6, 7, 8}},
		"nothing of it": {-1, nil, nil},
	} {
		server := &choosy{most: test.most + 1}
		for _, i := range test.cannot {
			server.cannot = append(server.cannot, told[i].Trust())
		}
		r := &round{
			Auditor: &Auditor{Pair: pair, Place: peer.Place{Names: new(sandbox.Names)}}, audit: Audit{Peer: peer.Own{}},
			server: server, told: told, unread: make(map[*pki.Forged]bool), plain: &standing{},
		}
		r.audit.Role = wire.Server
		found, err := r.readable(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		var unread []int
		for i, forged := range told {
			if r.unread[forged] {
				unread = append(unread, i)
			}
		}
		if found != (test.unread != nil) || !slices.Equal(unread, test.unread) {
			t.Errorf("%s: found %t, without %v, want %v, after %d starts", name, found, unread, test.unread, server.starts)
		}
	}
}
