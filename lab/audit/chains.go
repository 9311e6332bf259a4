package audit

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Chains are what the adversary presents in each case, made once: whoever is audited is
// shown the same. Its methods may be called by many goroutines at once.
type Chains struct {
	pair     *pki.Pair
	imported bool // they were made earlier, and a peer has been told of them

	mu     sync.Mutex
	forged map[chainKey]func() (*pki.Forged, error)
}

// chainKey tells the chains apart.
type chainKey struct {
	id string // of the case; empty for the control
	guise
}

// guise is whose good certificate the adversary's differs from.
type guise struct {
	role  wire.Role
	known wire.Field // where the audited peer looks for whom it has before it
	host  string     // a server's name; that of the lab's servers if empty
}

// request is what the good certificate is asked for with.
func (g guise) request() pki.Request {
	request := pki.RequestOf(g.role)
	request.Known = g.known
	if g.host != "" {
		request.DNS = []string{g.host}
	}
	return request
}

// NewChains returns chains of that authority, none of which has been made.
func NewChains(pair *pki.Pair) *Chains {
	return &Chains{pair: pair, forged: make(map[chainKey]func() (*pki.Forged, error))}
}

// of is the adversary's chain in a case. Some take long to make, and none waits for another.
func (f *Chains) of(c cases.Case, as guise) (*pki.Forged, error) {
	f.mu.Lock()
	key := chainKey{c.ID, as}
	if f.forged[key] == nil {
		f.forged[key] = sync.OnceValues(func() (*pki.Forged, error) { return f.late(c, as) })
	}
	forged := f.forged[key]
	f.mu.Unlock()
	return forged()
}

// late is a chain that was not made earlier: of what a peer would have had to be told of,
// there is none.
func (f *Chains) late(c cases.Case, as guise) (*pki.Forged, error) {
	forged, err := f.forge(c, as)
	if err == nil && f.imported && told(forged) {
		return nil, errors.New("it is not among what was exported: export anew, with this mtlslab")
	}
	return forged, err
}

func (f *Chains) forge(c cases.Case, as guise) (*pki.Forged, error) {
	request := as.request()
	switch {
	case as.known != wire.FieldURI && c.Named != "": // a good certificate, of somebody else
		request.Name = c.Named
		return f.pair.Authority.Forge(request)
	case c.Meanwhile == cases.ForgetsTrust, c.Meanwhile == cases.TrustsElsewhere,
		c.Reload == cases.ForgetAuthority, c.Reload == cases.TakeAuthority:
		return f.pair.Authority.Forge(request, func(f *pki.Forgery) { f.OwnRoot() })
	case c.Mutation == nil:
		return f.pair.Authority.Forge(request)
	default:
		return f.pair.Authority.Forge(request, c.Mutation(request))
	}
}

// good is the chain of a control.
func (f *Chains) good(as guise) (*pki.Forged, error) {
	return f.of(cases.Case{}, as)
}

// arm makes an attack what the case says, once all else about it is set, and returns when its
// certificate expires, if that is part of it.
func (f *Chains) arm(
	t trial, as guise, life time.Duration, a *attack.Attack,
) (expired time.Time, err error) {
	if t.Attack == nil {
		return expired, nil
	}
	t.Attack(a)
	if a.Resume == nil || !a.Resume.AfterExpiry {
		return expired, nil
	}
	forged, expired, err := f.brief(as, life)
	if err != nil {
		return expired, err
	}
	a.Chain, a.Key = forged.Chain, forged.PKCS8
	return expired, nil
}

// brief is a good chain whose leaf expires after that life, up to the whole second, and so is
// made last of all, and when nobody takes it any more: notAfter is inclusive (RFC 5280, 4.1.2.5).
func (f *Chains) brief(
	as guise, life time.Duration,
) (forged *pki.Forged, expired time.Time, err error) {
	request := as.request()
	request.NotAfter = time.Now().Add(life).Truncate(time.Second)
	forged, err = f.pair.Authority.Forge(request)
	return forged, request.NotAfter.Add(time.Second), err
}

// Sent is what was made so far, by case and role. The control is the case "control".
func (f *Chains) Sent(run string) []finding.Sent {
	f.mu.Lock()
	defer f.mu.Unlock()
	var sent []finding.Sent
	for key, of := range f.forged {
		forged, err := of()
		if err != nil {
			continue
		}
		sent = append(sent, finding.Sent{Run: run, Case: cmp.Or(key.id, "control"), Role: key.role, Chain: forged.Chain})
	}
	slices.SortFunc(sent, func(a, b finding.Sent) int {
		return cmp.Or(cmp.Compare(a.Case, b.Case), cmp.Compare(a.Role, b.Role))
	})
	return sent
}
