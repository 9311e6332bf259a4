package lab

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/change"
	"github.com/mtlslab/mtlslab/lab/drill"
	"github.com/mtlslab/mtlslab/lab/exchange"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/limit"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/scorecard"
	"github.com/mtlslab/mtlslab/lab/timeline"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// The limits that apply where a Config gives none, and MaxTTL: certificates are good
// for a day.
const (
	DefaultTTL     = 10 * time.Minute
	DefaultTimeout = 15 * time.Second
	MaxTTL         = 12 * time.Hour
)

// Config says how a lab is made. The zero value is a good lab.
type Config struct {
	Runtime   sandbox.Runtime // containers where an engine answers, else processes, if empty
	Algorithm pki.Algorithm   // of every key; [pki.ECDSAP256] if empty
	Pair      *pki.Pair       // the authority, with its good server and client; minted if nil
	Chains    *audit.Chains   // of Pair: what adversaries present; made when it is needed if nil

	// TTL is how long the lab's peers live at most. They end by themselves, so
	// that nothing outlives a lab that was killed. [DefaultTTL] if zero.
	TTL time.Duration

	// Timeout bounds one exchange, the start of its peers included, and not that they are built.
	// [DefaultTimeout] if zero.
	Timeout time.Duration

	// Shared is what this lab has in common with others of the process, such as what they
	// have built: give it to all of them where there are many. Nothing if nil.
	Shared *sandbox.Shared

	// Secrets is told the secrets of all sessions, lines of a key log, by which whoever has recorded
	// them can read them: those of our own clients, and of adversaries. Nobody is if nil.
	Secrets io.Writer

	// Progress is told what is about to be done when it may take long. It may be nil.
	Progress func(string)
}

// whole is the config with its defaults filled in, or what is wrong with it.
func (c Config) whole() (Config, error) {
	c.TTL = cmp.Or(c.TTL, DefaultTTL)
	c.Timeout = cmp.Or(c.Timeout, DefaultTimeout)
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	switch {
	case c.TTL < time.Second || c.TTL > MaxTTL:
		return c, fmt.Errorf("config: TTL %v: want a second to %v", c.TTL, MaxTTL)
	case c.Timeout < 0:
		return c, fmt.Errorf("config: timeout %v: want none that is negative", c.Timeout)
	}
	return c, nil
}

// Facts is what a lab knows of the place where its peers run.
type Facts struct {
	sandbox.Facts
	Mint time.Duration `json:"mint_ns"` // the authority and two identities
}

// Lab is an authority and a place to run peers in. Its methods may be called
// by many goroutines at once.
type Lab struct {
	cfg  Config
	id   string
	ends time.Time // when its peers end by themselves
	mint time.Duration

	pair    *pki.Pair
	place   peer.Place
	runner  *exchange.Runner
	auditor *audit.Auditor
}

// Start makes a lab: a sandbox with its network, a fresh authority, and an identity for
// either side. Close it. Without an engine it returns an error that is
// [sandbox.ErrNoEngine] if containers were asked for.
func Start(ctx context.Context, cfg Config) (*Lab, error) {
	cfg, err := cfg.whole()
	if err != nil {
		return nil, err
	}
	l := &Lab{cfg: cfg, id: sandbox.NewID(), ends: time.Now().Add(cfg.TTL), pair: cfg.Pair}
	if l.pair == nil {
		began := time.Now()
		if l.pair, err = pki.NewPair(pki.Config{Algorithm: cfg.Algorithm}); err != nil {
			return nil, err
		}
		l.mint = time.Since(began)
	}
	in, err := sandbox.New(ctx, sandbox.Config{
		Runtime: cfg.Runtime, Run: l.id, Ends: l.ends, Shared: cfg.Shared, Progress: cfg.Progress,
		Sources: []images.Source{peer.ServerSource, peer.ClientSource},
	})
	if err != nil {
		return nil, fmt.Errorf("starting the lab: %w", err)
	}
	l.furnish(in)
	return l, nil
}

// furnish puts the rooms together in a sandbox.
func (l *Lab) furnish(in sandbox.Sandbox) {
	chains := l.cfg.Chains
	if chains == nil {
		chains = audit.NewChains(l.pair)
	}
	l.place = peer.Place{Sandbox: in, Names: new(sandbox.Names), Progress: l.cfg.Progress}
	l.runner = &exchange.Runner{
		Place: l.place, Pair: l.pair, Timeout: l.cfg.Timeout, Servers: &exchange.Servers{Reach: in.Facts().Outside},
		Secrets: l.cfg.Secrets,
	}
	adversary := attack.New(func(ctx context.Context) (attack.Running, error) { return startAdversary(ctx, in) })
	adversary.Secrets = l.cfg.Secrets
	l.auditor = &audit.Auditor{
		Place: l.place, Pair: l.pair, Chains: chains, Run: l.id, Timeout: l.cfg.Timeout,
		Adversary: adversary, Servers: limit.To(4 * runtime.GOMAXPROCS(0)), Clients: limit.To(1 + runtime.GOMAXPROCS(0)),
	}
}

var adversarySource = images.Source{Name: "adversary", Package: "./lab/adversary"}

func startAdversary(ctx context.Context, in sandbox.Sandbox) (attack.Running, error) {
	started, err := in.Start(ctx, sandbox.Program{Hostname: adversarySource.Name, Source: adversarySource})
	if err != nil {
		return attack.Running{}, err
	}
	host, err := started.Address(ctx)
	return attack.Running{Stdin: started.Stdin, Stdout: started.Stdout, Said: started.Stderr.Said, Host: host}, err
}

// ID is the name of the lab's run, on everything that it makes.
func (l *Lab) ID() string { return l.id }

// Pair is the lab's authority, with its good server and its good client.
func (l *Lab) Pair() *pki.Pair { return l.pair }

// Sandbox is where the lab's peers run.
func (l *Lab) Sandbox() sandbox.Sandbox { return l.place.Sandbox }

// Facts tells where the lab's peers run.
func (l *Lab) Facts() Facts { return Facts{Facts: l.place.Sandbox.Facts(), Mint: l.mint} }

// Run carries out one exchange. Whatever the peers do to each other is the verdict; an
// error means that the lab broke, or is a [*peer.UnusableError].
func (l *Lab) Run(ctx context.Context, x exchange.Exchange) (verdict.Verdict, error) {
	v, err := l.runner.Run(ctx, x)
	return v, cmp.Or(l.expired(), err)
}

// Audit carries out every case of a profile against one peer, between controls that must
// be delivered. What the peer lets through is a finding; an error means that the lab
// broke, or is a [*peer.UnusableError].
func (l *Lab) Audit(ctx context.Context, a audit.Audit) (finding.Audit, error) {
	result, err := l.auditor.Audit(ctx, a)
	return result, cmp.Or(l.expired(), err)
}

// Audits carries out many audits side by side. Its error is that of ctx; what breaks one
// audit is told to a.Finished.
func (l *Lab) Audits(ctx context.Context, a scorecard.Audits) error { return a.Run(ctx, l.auditor) }

// Interop carries out a plain exchange between every client and every server that speak
// the same. It wants a lab of its own.
func (l *Lab) Interop(
	ctx context.Context,
	servers, clients []peer.Peer,
	progress func(done, total int),
) ([]finding.Interop, error) {
	all, err := scorecard.Interop(ctx, l.place, l.pair, servers, clients, progress)
	return all, cmp.Or(l.expired(), err)
}

// Drill carries out a drill: messages flow, and the world changes under them. What becomes of the
// messages is in the timeline; an error means that the lab broke.
func (l *Lab) Drill(ctx context.Context, d drill.Drill, how drill.Run) (*timeline.Timeline, error) {
	t, err := (&drill.Runner{Place: l.place, Adversary: l.auditor.Adversary}).Run(ctx, d, how)
	return t, cmp.Or(l.expired(), err)
}

// MeasureClient measures how a client that stays up takes up what is changed, likewise.
func (l *Lab) MeasureClient(ctx context.Context, p foreign.Image) (change.Product, error) {
	m := change.Measurer{Place: l.place, Adversary: l.auditor.Adversary}
	product, err := m.MeasureClient(ctx, p)
	return product, cmp.Or(l.expired(), err)
}

// Measure measures how a server takes up what is changed while it runs. It wants a lab of containers.
func (l *Lab) Measure(ctx context.Context, p peer.Peer) (change.Product, error) {
	m := change.Measurer{Place: l.place, Adversary: l.auditor.Adversary}
	product, err := m.Measure(ctx, p)
	return product, cmp.Or(l.expired(), err)
}

// Sent is what the lab's adversary presented in each case that was tried so far.
func (l *Lab) Sent() []finding.Sent { return l.auditor.Chains.Sent(l.id) }

// Identify brings the image of somebody else's peer into the engine, and says which it
// is; nil of our own.
func (l *Lab) Identify(ctx context.Context, p peer.Peer, role wire.Role) (*finding.Product, error) {
	if role == wire.Client {
		client, err := p.Client(ctx, l.place)
		if err != nil {
			return nil, err
		}
		return client.Product(), nil
	}
	server, err := p.Server(ctx, l.place)
	if err != nil {
		return nil, err
	}
	return server.Product(), nil
}

// Stranger is material for a peer of that role with the very names of the lab's own, but
// issued by another authority of the same name.
func (l *Lab) Stranger(role wire.Role) (*wire.Material, error) { return l.pair.Stranger(role) }

// Reached is what the lab's own server came to when it tried to reach what is outside,
// each address that it was told of. It is nil if no exchange has started that server, and
// where the peers are not isolated.
func (l *Lab) Reached(ctx context.Context) ([]wire.Try, error) {
	server, ok := l.runner.Servers.Good()
	if !ok || len(l.runner.Servers.Reach) == 0 {
		return nil, nil
	}
	account, err := server.Account(ctx, peer.Asked{Kind: wire.Reached})
	if account == nil {
		return nil, cmp.Or(err, errUnreached)
	}
	return account.Tries, err
}

// expired is an error once the lab's peers have ended by themselves: whatever was seen
// of them then says nothing.
func (l *Lab) expired() error {
	if time.Now().Before(l.ends) {
		return nil
	}
	return fmt.Errorf("the lab's time is over, and its peers have ended by themselves: it was given %v", l.cfg.TTL)
}
