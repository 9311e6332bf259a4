package audit

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// A peer that answers within milliseconds has hung after seconds. So limits follow what was
// seen, and only the first hang of a kind is waited for in full.
const (
	leastPatience = 2 * time.Second
	slower        = 5 // times what a peer has ever taken, before it has hung

	leastLife = time.Second
	lifetime  = 50 // times what a peer has ever taken, before a certificate expires that it is shown
)

// patience is how long one waits for a peer. Its methods may be called by many goroutines at
// once.
type patience struct {
	full time.Duration

	mu        sync.Mutex
	unhurried bool          // a certificate expired before it was of use
	slowest   time.Duration // that a peer has taken for anything; none while that is not known
	hangs     map[hang]bool // that were waited for in full
}

// hang is a kind of hang, by how far the connection had come.
type hang struct{ handshake, plain, sent, heard bool }

func newPatience(full time.Duration) *patience {
	return &patience{full: full, hangs: make(map[hang]bool)}
}

// now is how long to wait by what is known now.
func (p *patience) now() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slowest == 0 {
		return p.full
	}
	return min(p.full, max(leastPatience, slower*p.slowest))
}

// learn takes down how long a trial took, unless it hung, and says whether it may only have
// been waited for too short a time: a client that is slow to end, on a machine that is busy, too.
func (p *patience) learn(t tried) (again bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	longest := time.Duration(0)
	for _, c := range t.Evidence.Connections {
		longest = max(longest, c.Took)
	}
	killed := t.Account != nil && t.Account.Role == wire.Client && t.Account.Reason == wire.Timeout
	if !killed && (t.Judge().Status != finding.Inconclusive || longest < t.Patience/2) {
		p.slowest = max(p.slowest, longest)
		return false
	}
	kind := hang{}
	if i := slices.IndexFunc(t.Evidence.Connections, func(c attack.Connection) bool { return c.Took == longest }); i >= 0 {
		c := t.Evidence.Connections[i]
		kind = hang{c.Handshake, c.Plain, c.Sent, c.HeardBytes > 0}
	}
	if t.Patience >= p.full {
		p.hangs[kind] = true
		return false
	}
	return !p.hangs[kind]
}

// life is how long a certificate is to live that a peer must see before it expires.
func (p *patience) life() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.unhurried:
		return 2 * cases.BriefLife
	case p.slowest == 0:
		return cases.BriefLife
	default:
		return min(cases.BriefLife, max(leastLife, lifetime*p.slowest))
	}
}

// unhurry has such certificates live longer from now on, and returns how long.
func (p *patience) unhurry() time.Duration {
	p.mu.Lock()
	p.unhurried = true
	p.mu.Unlock()
	return p.life()
}

// patiently carries out a trial, and once more in full where it was waited for too short a
// time to say that the peer has hung. So it does where a certificate was to expire in the course
// of it and came to nothing: on a machine that is busy it may have expired before it was shown.
func (r *round) patiently(
	ctx context.Context, t trial, carry func(context.Context, *verdict.Trial) error,
) (tried, error) {
	life := r.patience.life()
	made, err := r.try(ctx, t, r.patience.now(), carry)
	if err == nil && made.Void != "" && t.expires() && life < r.patience.unhurry() {
		made, err = r.try(ctx, t, r.patience.now(), carry)
	}
	if err != nil || !r.patience.learn(made) {
		return made, err
	}
	made, err = r.try(ctx, t, r.patience.full, carry)
	if err == nil {
		r.patience.learn(made)
	}
	return made, err
}

// working is how long a trial is taken to keep the machine busy. After that it is taken to
// wait, and others may begin.
const working = 500 * time.Millisecond

// waiting is how many times as many trials there may be that wait.
const waiting = 4

// enter waits until there is room for a trial of the peer's role.
func (r *round) enter(ctx context.Context) (leave func(), err error) {
	leave, err = r.room().Enter(ctx)
	if err != nil || r.audit.Role == wire.Server {
		return leave, err
	}
	once := sync.OnceFunc(leave)
	timer := time.AfterFunc(working, once)
	return func() {
		timer.Stop()
		once()
	}, nil
}
