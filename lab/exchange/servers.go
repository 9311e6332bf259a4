package exchange

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Started is a server that was started, and may be starting still.
type Started struct {
	peer.Serving
	Hostname string
	Named    bool // it is known to the resolver by the name that its certificate is for
	Calls    int  // how often its clients are run, about; once if zero
}

// Servers are those of one lab: one that is asked for again is not started again. The
// zero value has none. Its methods may be called by many goroutines at once.
type Servers struct {
	// Reach are addresses that our own server, with good material, is to try to reach.
	Reach []string

	mu   sync.Mutex
	kept []*kept
}

type kept struct {
	peer     peer.Peer
	material *wire.Material // nil if it is the good one; the same only if it is the very same
	server   peer.Server
	started  *Started // nil if it was not started yet
}

// Good is our own server with good material, if an exchange has started it.
func (s *Servers) Good() (server Started, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.find(peer.Own{}, nil)
	if k == nil || k.started == nil {
		return Started{}, false
	}
	return *k.started, true
}

// bring returns the server of an exchange, with whatever it is made of, which takes long if that has to be
// built.
func (s *Servers) bring(ctx context.Context, in peer.Place, x Exchange, good bool) (*kept, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	material := x.ServerMaterial
	if good {
		material = nil
	}
	if k := s.find(x.Server, material); k != nil {
		return k, nil
	}
	server, err := x.Server.Server(ctx, in)
	if err != nil {
		return nil, err
	}
	k := &kept{peer: x.Server, material: material, server: server}
	s.kept = append(s.kept, k)
	return k, nil
}

// serve starts the server of an exchange, if nobody has. It does not wait. The server is there for others,
// too: it goes on to start, until then at most, when this exchange is broken off.
func (s *Servers) serve(ctx context.Context, until time.Time, in peer.Place, k *kept, x Exchange) (Started, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k.started != nil {
		return *k.started, nil
	}
	starting, giveUp := context.WithDeadlineCause(context.WithoutCancel(ctx), until, errSlow)
	given := peer.Given{Hostname: in.Names.Fresh("server"), Material: *x.ServerMaterial}
	if k.material == nil && reflect.DeepEqual(k.peer, peer.Peer(peer.Own{})) {
		given.Reach = s.Reach
	}
	serving, err := k.server.Serve(starting, given)
	if err != nil {
		giveUp()
		return Started{}, err
	}
	forget := sync.OnceFunc(func() {
		s.forget(k)
		giveUp()
		k.server.Close(context.WithoutCancel(ctx)) // what stays is removed with the lab
	})
	k.started = &Started{Serving: &shared{Serving: serving, until: until, forget: forget}, Hostname: given.Hostname}
	return *k.started, nil
}

var errSlow = errors.New("the server took longer to start than an exchange may take")

func (s *Servers) find(p peer.Peer, material *wire.Material) *kept {
	for _, k := range s.kept {
		if k.material == material && reflect.DeepEqual(k.peer, p) {
			return k
		}
	}
	return nil
}

// forget makes way for another try.
func (s *Servers) forget(gone *kept) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, k := range s.kept {
		if k == gone {
			s.kept = append(s.kept[:i], s.kept[i+1:]...)
			return
		}
	}
}

// shared is a server that is forgotten when it does not come to serve, so that the next
// exchange starts another.
type shared struct {
	peer.Serving
	until  time.Time // by when it is to serve
	forget func()
}

// Wait waits for the server. That it was not waited for long enough says nothing about it.
func (s *shared) Wait(ctx context.Context) (peer.Listening, error) {
	listening, err := s.Serving.Wait(ctx)
	if err != nil && (ctx.Err() == nil || !time.Now().Before(s.until)) {
		s.forget()
	}
	return listening, err
}
