package lab

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Roundup audits many peers in one lab, so that each is shown the very same
// certificates.
type Roundup struct {
	Audits []Audit
	AtOnce int // how many are under way at once; DefaultAtOnce if 0

	// Finished, if not nil, is told of each audit as it is over, or why it broke:
	// that says nothing of the others. It is not called twice at the same time.
	Finished func(i int, result cases.Audit, broke error)
}

// DefaultAtOnce is how many audits keep two processors busy: while one waits for
// containers or for its peer's patience to end, others work.
const DefaultAtOnce = 4

// Roundup carries out the audits. Its error is that of ctx; what breaks one audit
// alone goes to Finished.
func (l *Lab) Roundup(ctx context.Context, r Roundup) error {
	over := make(chan struct{}, 1) // held while Finished is told
	var group errgroup.Group
	if r.AtOnce <= 0 {
		r.AtOnce = DefaultAtOnce
	}
	group.SetLimit(r.AtOnce)
	for _, i := range longestFirst(r.Audits) {
		a := r.Audits[i]
		group.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			result, err := l.Audit(ctx, a)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if r.Finished != nil {
				over <- struct{}{}
				defer func() { <-over }()
				r.Finished(i, result, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// longestFirst is an order in which no long audit is left to run alone: clients,
// each run of which is a process, before servers, which wait a good deal; and of
// those first the ones that can be run only a few at a time.
func longestFirst(audits []Audit) []int {
	order := make([]int, len(audits))
	for i := range order {
		order[i] = i
	}
	rank := func(i int) (int, int) {
		a := audits[i]
		atOnce := cmp.Or(parallelOf(a.Peer), math.MaxInt)
		if a.Role == wire.Server {
			return 1, atOnce
		}
		return 0, atOnce
	}
	slices.SortStableFunc(order, func(i, j int) int {
		roleI, atOnceI := rank(i)
		roleJ, atOnceJ := rank(j)
		return cmp.Or(cmp.Compare(roleI, roleJ), cmp.Compare(atOnceI, atOnceJ))
	})
	return order
}

// Sent is what the lab's adversary presents in each case that was tried so far,
// by case and role.
func (l *Lab) Sent() []cases.Sent {
	l.mu.Lock()
	defer l.mu.Unlock()
	var sent []cases.Sent
	for key, forged := range l.forgeries {
		sent = append(sent, cases.Sent{Run: l.id, Case: cmp.Or(key.id, "control"), Role: key.role, Chain: forged.Chain})
	}
	slices.SortFunc(sent, func(a, b cases.Sent) int { return cmp.Or(cmp.Compare(a.Case, b.Case), cmp.Compare(a.Role, b.Role)) })
	return sent
}

// Identify brings the image of a peer that has an adapter into the engine, and says
// which it is.
func (l *Lab) Identify(ctx context.Context, p Peer) (cases.Product, error) {
	if p.Adapter == nil {
		return cases.Product{}, errors.New("identify: a peer without an adapter is our own program")
	}
	adapted, err := l.adapt(ctx, p)
	if err != nil {
		return cases.Product{}, err
	}
	return adapted.product, nil
}

// fingerprint changes with anything that an adapter says.
func fingerprint(a *adapter.Adapter) string {
	text, err := json.Marshal(a)
	if err != nil {
		return "" // not of texts and numbers
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Gallery lists the peers of other people's software that come with mtlslab:
// servers, then clients, each by name.
func Gallery() ([]Peer, error) {
	var all []Peer
	files := images.Peers()
	for _, role := range []wire.Role{wire.Server, wire.Client} {
		paths, err := fs.Glob(files, "*/"+string(role)+".yaml")
		if err != nil {
			return nil, err
		}
		for _, file := range paths {
			p, err := galleryPeer(files, file)
			if err != nil {
				return nil, err
			}
			all = append(all, p)
		}
	}
	return all, nil
}

func galleryPeer(files fs.FS, file string) (Peer, error) {
	opened, err := files.Open(file)
	if err != nil {
		return Peer{}, err
	}
	defer opened.Close() //nolint:errcheck // read-only
	a, err := adapter.Read("images/peers/"+file, opened)
	if err != nil {
		return Peer{}, err
	}
	context, err := fs.Sub(files, path.Dir(file))
	if err != nil {
		return Peer{}, fmt.Errorf("%s: %w", file, err)
	}
	return Peer{Adapter: a, Context: context}, nil
}

// Built says whether the engine has the image already that is built for a peer.
// Without containers, and of a peer that builds none, it has not.
func (l *Lab) Built(ctx context.Context, p Peer) (bool, error) {
	host, ok := l.host.(*containerHost)
	if !ok || p.Adapter == nil || p.Adapter.Build == "" {
		return false, nil
	}
	return images.Built(ctx, host.engine, p.Adapter.BuildName(), p.files())
}

// files are what the peer's image is built of.
func (p Peer) files() fs.FS {
	if p.Context != nil {
		return p.Context
	}
	return os.DirFS(p.Adapter.BuildDir())
}
