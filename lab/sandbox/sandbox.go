// Package sandbox is where programs run: in containers of an engine, on a network of
// their own with no way out, or as local processes. It builds and starts them, finds
// their addresses, gives them files and signals, and removes all that it made.
//
// It exists so that nothing else has to know what an engine is. It knows nothing of
// TLS, of certificates or of verdicts. It is not a way to run services for other
// tests: use testcontainers-go itself for those.
package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/images"
)

// Runtime is the kind of a sandbox.
type Runtime string

// The runtimes. The zero value takes containers where an engine answers, and
// processes elsewhere.
const (
	Containers Runtime = "containers" // isolated, and the lab checks it
	Processes  Runtime = "processes"  // on loopback; isolates nothing
)

// ErrClosed says that a sandbox starts nothing any more.
var ErrClosed = errors.New("the lab is closed")

// Sandbox is a place where programs run. Its methods may be called by many
// goroutines at once. [New] makes one.
type Sandbox interface {
	// Start runs one of our own programs, with its standard streams attached before
	// it begins.
	Start(ctx context.Context, p Program) (*Process, error)
	// Reach is where other programs of the sandbox find what listens there, host:port,
	// on the host of that name.
	Reach(hostname, listening string) string
	// Facts says what the sandbox is, and how far it isolates.
	Facts() Facts
	// Close ends and removes everything that was started, and looks again. It works
	// even if ctx is cancelled, within a minute, and may be called again. Its error is a
	// [*LeftoverError] if something is still there.
	Close(ctx context.Context) error
}

// Config says how a sandbox is made.
type Config struct {
	Runtime Runtime
	Run     string    // its name, on everything that it makes; see [NewID]
	Ends    time.Time // when the programs in it end by themselves
	Shared  *Shared   // with other sandboxes; nothing is shared if nil

	// Sources are the programs that will be run for certain. They are built at once.
	Sources []images.Source

	// Progress is told what is about to be done when it may take long. It may be nil.
	Progress func(string)
}

// Facts is what is known of a sandbox.
type Facts struct {
	Runtime   Runtime        `json:"runtime"`
	Why       string         `json:"why,omitempty"` // why processes, where none were asked for
	Engine    *EngineFacts   `json:"engine,omitempty"`
	Images    []images.Image `json:"images,omitempty"`
	Network   *Network       `json:"network,omitempty"`
	Connect   time.Duration  `json:"connect_ns"` // finding the engine
	Build     time.Duration  `json:"build_ns"`   // binaries and images
	Connected time.Duration  `json:"network_ns"` // making the network

	// Listen is the address that a server is to listen on. With port 0 the system
	// chooses, and nobody knows before it listens.
	Listen string `json:"-"`

	// Nameless says that nobody in it is found by name: on an internal network Podman
	// resolves none.
	Nameless bool `json:"-"`

	// Gateway is the address, host:port, at which the engine's host stays in the network, where
	// the engine has no way to keep it out; empty if it is out.
	Gateway string `json:"gateway,omitempty"`

	// Interface is the network interface of this machine over which its programs speak to each
	// other, if the engine is here.
	Interface string `json:"-"`

	// Outside are addresses, host:port, that no program in it may reach: a program that
	// tries shows whether it is so. There are none where nothing is isolated.
	Outside []string `json:"-"`
}

// Isolated says whether nobody in it reaches anybody outside, its engine's host included.
func (f Facts) Isolated() bool { return f.Runtime == Containers && f.Gateway == "" }

// New makes a sandbox. Without an engine its error is [ErrNoEngine] if containers
// were asked for.
func New(ctx context.Context, cfg Config) (Sandbox, error) {
	if cfg.Progress == nil {
		cfg.Progress = func(string) {}
	}
	if cfg.Shared == nil {
		cfg.Shared = NewShared()
	}
	switch cfg.Runtime {
	case Processes:
		return newLocal(ctx, cfg, "")
	case Containers:
		return newContainers(ctx, cfg)
	case "":
		s, err := newContainers(ctx, cfg)
		if errors.Is(err, ErrNoEngine) {
			return newLocal(ctx, cfg, err.Error())
		}
		return s, err
	default:
		return nil, fmt.Errorf("runtime %q: choose %s or %s", cfg.Runtime, Containers, Processes)
	}
}

// NewID returns a name that nobody else has: twelve hexadecimal digits.
func NewID() string {
	id := make([]byte, 6)
	_, _ = rand.Read(id) // never fails
	return hex.EncodeToString(id)
}

// Names gives out hostnames, each once. The zero value has given none.
type Names struct {
	mu    sync.Mutex
	given map[string]int
}

// Fresh returns a hostname that was not given before: that one, or with a number.
func (n *Names) Fresh(hostname string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.given == nil {
		n.given = make(map[string]int)
	}
	n.given[hostname]++
	if count := n.given[hostname]; count > 1 {
		return fmt.Sprintf("%s-%d", hostname, count)
	}
	return hostname
}
