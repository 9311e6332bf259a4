package lab

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Runtime is where the peers of a lab run.
type Runtime string

// The runtimes. The zero value takes containers where an engine answers, and
// processes elsewhere.
const (
	Containers Runtime = "containers" // isolated, and the lab checks it
	Processes  Runtime = "processes"  // on loopback; isolates nothing
)

// ServerName is the DNS name of a lab's own server.
const ServerName = "server"

// The limits that apply where a Config gives none, and MaxTTL: certificates are good
// for a day.
const (
	DefaultTTL     = 10 * time.Minute
	DefaultTimeout = 15 * time.Second
	MaxTTL         = 12 * time.Hour
)

var errClosed = errors.New("the lab is closed")

// Config says how a lab is made. The zero value is a good lab.
type Config struct {
	Runtime   Runtime
	Algorithm pki.Algorithm // of every key; pki.ECDSAP256 if empty

	// TTL is how long the lab's peers live at most. They end by themselves, so
	// that nothing outlives a lab that was killed. DefaultTTL if zero.
	TTL time.Duration

	// Timeout bounds one exchange, the start of its peers included.
	// DefaultTimeout if zero.
	Timeout time.Duration

	// Progress is told what is about to be done when it may take long.
	Progress func(string)
}

// Facts is what a lab knows of the place where its peers run.
type Facts struct {
	Runtime   Runtime        `json:"runtime"`
	Why       string         `json:"why,omitempty"` // why processes, where none were asked for
	Engine    *Engine        `json:"engine,omitempty"`
	Images    []images.Image `json:"images,omitempty"`
	Network   *Network       `json:"network,omitempty"`
	Connect   time.Duration  `json:"connect_ns"` // finding the engine
	Build     time.Duration  `json:"build_ns"`   // binaries and images
	Mint      time.Duration  `json:"mint_ns"`    // the authority and two identities
	Connected time.Duration  `json:"network_ns"` // making the network

	listen string // the address that a server is told; port 0 lets the system choose
}

// Lab is an authority and a place to run peers in. Its methods may be called
// by many goroutines at once.
type Lab struct {
	// Run's peers are of these unless an exchange says otherwise.
	Authority *pki.Authority
	Server    *pki.Identity
	Client    *pki.Identity

	cfg  Config
	id   string
	end  time.Time // when its peers end by themselves
	host host
	mint time.Duration
	why  string

	mu        sync.Mutex
	servers   map[serverKey]*server
	named     int
	adversary *adversary
	forgeries map[forgeryKey]*pki.Forged

	slots chan struct{} // one element for each trial of a server under way: it waits a good deal
	runs  chan struct{} // one element for each of a client: that is a process, and hardly waits
}

// Start makes a lab: a runtime, a network, a fresh authority, and an identity
// for either side. Close it. Without an engine it returns an error that is
// ErrNoEngine if containers were asked for.
func Start(ctx context.Context, cfg Config) (*Lab, error) {
	cfg.TTL = cmp.Or(cfg.TTL, DefaultTTL)
	cfg.Timeout = cmp.Or(cfg.Timeout, DefaultTimeout)
	if cfg.Progress == nil {
		cfg.Progress = func(string) {}
	}
	if cfg.TTL < time.Second || cfg.TTL > MaxTTL {
		return nil, fmt.Errorf("config: TTL %v: want a second to %v", cfg.TTL, MaxTTL)
	}
	if cfg.Timeout < 0 {
		return nil, fmt.Errorf("config: timeout %v: want none that is negative", cfg.Timeout)
	}
	l := &Lab{cfg: cfg, id: newID(), end: time.Now().Add(cfg.TTL), servers: make(map[serverKey]*server)}
	l.forgeries = make(map[forgeryKey]*pki.Forged)
	l.slots, l.runs = make(chan struct{}, 4*runtime.GOMAXPROCS(0)), make(chan struct{}, 1+runtime.GOMAXPROCS(0))

	began := time.Now()
	if err := l.mintPKI(); err != nil {
		return nil, err
	}
	l.mint = time.Since(began)

	var err error
	if l.host, err = l.newHost(ctx); err != nil {
		return nil, fmt.Errorf("starting the lab: %w", err)
	}
	return l, nil
}

func (l *Lab) newHost(ctx context.Context) (host, error) {
	switch l.cfg.Runtime {
	case Processes:
		return newProcessHost(ctx, l.cfg)
	case Containers, "":
		h, err := newContainerHost(ctx, l.cfg, l.id, l.end)
		if l.cfg.Runtime == "" && errors.Is(err, ErrNoEngine) {
			l.why = err.Error()
			return newProcessHost(ctx, l.cfg)
		}
		if err != nil {
			return nil, err
		}
		return h, nil
	default:
		return nil, fmt.Errorf("runtime %q: choose %s or %s", l.cfg.Runtime, Containers, Processes)
	}
}

func (l *Lab) mintPKI() error {
	var err error
	if l.Authority, err = pki.New(pki.Config{Algorithm: l.cfg.Algorithm}); err != nil {
		return err
	}
	if l.Server, err = l.Authority.Issue(serverRequest); err != nil {
		return err
	}
	l.Client, err = l.Authority.Issue(clientRequest)
	return err
}

var (
	serverRequest = pki.Request{Role: wire.Server, Name: "server", DNS: []string{ServerName}}
	clientRequest = pki.Request{Role: wire.Client, Name: "client"}
)

// Stranger returns material for a peer of that role with the very names of the
// lab's own, but issued by another authority of the same name. It trusts the
// lab's authority, so that it is the other side that has to refuse.
func (l *Lab) Stranger(role wire.Role) (*wire.Material, error) {
	other, err := pki.New(pki.Config{Algorithm: l.cfg.Algorithm})
	if err != nil {
		return nil, err
	}
	request := serverRequest
	if role == wire.Client {
		request = clientRequest
	}
	id, err := other.Issue(request)
	if err != nil {
		return nil, err
	}
	material := id.Material(l.Authority)
	return &material, nil
}

// ID is the value of the label mtlslab.run on everything the lab makes.
func (l *Lab) ID() string { return l.id }

// Facts tells where the lab's peers run.
func (l *Lab) Facts() Facts {
	facts := l.host.facts()
	facts.Mint, facts.Why = l.mint, l.why
	return facts
}

// Close ends and removes everything the lab made, looks again, and returns a
// *LeftoverError if anything is still there, or a *CloseError if that could not be
// seen. It does its work even if ctx is cancelled already, within a minute. It may
// be called more than once.
func (l *Lab) Close(ctx context.Context) error {
	err := l.host.close(ctx)
	if _, left := errors.AsType[*LeftoverError](err); err == nil || left {
		return err
	}
	return &CloseError{err}
}

// CloseError says that nobody knows whether a lab has left anything behind.
type CloseError struct{ Err error }

func (e *CloseError) Error() string {
	return fmt.Sprintf("closing the lab: %v\nonce the engine answers, remove what may be left: mtlslab clean", e.Err)
}

func (e *CloseError) Unwrap() error { return e.Err }

// over is an error once the lab's peers have ended by themselves: whatever was seen
// of them then says nothing.
func (l *Lab) over() error {
	if time.Now().Before(l.end) {
		return nil
	}
	return fmt.Errorf("the lab's time is over, and its peers have ended by themselves: it was given %v", l.cfg.TTL)
}

func newID() string {
	id := make([]byte, 6)
	_, _ = rand.Read(id) // never fails
	return hex.EncodeToString(id)
}

// lifetime is the flag that makes our own peers end by themselves.
func lifetime(end time.Time) []string {
	return []string{"-lifetime", time.Until(end).Round(time.Millisecond).String()}
}

// name is a hostname that no other of the lab's has.
func (l *Lab) name(of string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.named++
	return fmt.Sprintf("%s-%d", of, l.named)
}
