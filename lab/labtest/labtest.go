package labtest

import (
	"os"
	"sync"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// RequireEngine is the variable of the environment that makes a missing engine a failure,
// where a test would be skipped, if it is "1".
const RequireEngine = "MTLSLAB_REQUIRE_ENGINE"

// Option changes how a lab is made.
type Option func(*lab.Config)

// Containers has the lab's own peers run in containers. The test is skipped where no engine
// answers, or fails; see [RequireEngine].
func Containers() Option { return func(c *lab.Config) { c.Runtime = sandbox.Containers } }

// Processes has the lab's own peers run as local processes, whatever engine there is.
func Processes() Option { return func(c *lab.Config) { c.Runtime = sandbox.Processes } }

// Keys are of that algorithm, and not of ECDSA on P-256.
func Keys(a pki.Algorithm) Option { return func(c *lab.Config) { c.Algorithm = a } }

// Timeout bounds one exchange, the start of its peers included, and not that they are built.
func Timeout(d time.Duration) Option { return func(c *lab.Config) { c.Timeout = d } }

// Lab is an authority, and a place to run peers in, for as long as a test takes. Subtests may
// use it at the same time.
type Lab struct {
	tb     testing.TB
	pair   *pki.Pair
	chains *audit.Chains
	usual  func() *lab.Lab // where our own peers, and images, run
	beside func() *lab.Lab // processes, which reach what runs on this host
}

// ttl is how long a lab's peers live at most, should the test's process be killed.
const ttl = time.Hour

// shared is what all labs of a test binary have in common: their programs are built once.
var shared = sandbox.NewShared()

// Start makes a lab that ends with the test, and fails it if anything is left behind. Nothing
// is started before it is needed. Without options the lab's own peers are containers where an
// engine answers, and else local processes.
func Start(tb testing.TB, options ...Option) *Lab {
	tb.Helper()
	cfg := lab.Config{TTL: ttl, Shared: shared, Progress: func(what string) { tb.Log(what) }}
	for _, o := range options {
		o(&cfg)
	}
	if cfg.Runtime == sandbox.Containers {
		requireEngine(tb)
	}
	pair, err := pki.NewPair(pki.Config{Algorithm: cfg.Algorithm})
	if err != nil {
		tb.Fatal(err)
	}
	cfg.Pair, cfg.Chains = pair, audit.NewChains(pair)
	usual := once(tb, cfg)
	if cfg.Runtime == sandbox.Processes {
		return &Lab{tb, pair, cfg.Chains, usual, usual}
	}
	cfg.Runtime = sandbox.Processes
	return &Lab{tb, pair, cfg.Chains, usual, once(tb, cfg)}
}

// once starts a lab when it is first asked for.
func once(tb testing.TB, cfg lab.Config) func() *lab.Lab {
	started := sync.OnceValues(func() (*lab.Lab, error) {
		l, err := lab.Start(tb.Context(), cfg)
		if err == nil {
			tb.Cleanup(func() {
				if err := l.Close(tb.Context()); err != nil {
					tb.Error(err)
				}
			})
		}
		return l, err
	})
	return func() *lab.Lab {
		tb.Helper()
		l, err := started()
		if err != nil {
			tb.Fatal(err)
		}
		return l
	}
}

// requireEngine skips a test where no engine answers, or fails it.
func requireEngine(tb testing.TB) {
	tb.Helper()
	switch _, err := sandbox.Connect(tb.Context()); {
	case err == nil:
	case os.Getenv(RequireEngine) == "1":
		tb.Fatalf("%s=1: %v", RequireEngine, err)
	default:
		tb.Skipf("needs an engine: %v", err)
	}
}

// Pair is the lab's authority, with its good server and its good client.
func (l *Lab) Pair() *pki.Pair { return l.pair }

// Material is what the lab's good server, or its good client, has.
func (l *Lab) Material(role wire.Role) Material {
	l.tb.Helper()
	return newMaterial(l.tb, l.pair.Material(role))
}
