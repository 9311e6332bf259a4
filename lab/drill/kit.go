package drill

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/mtlslab/mtlslab/lab/issuer"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Authority is one of a drill, by name. It is minted when it is first spoken of.
type Authority string

// The authorities that drills speak of. Next is Old with another intermediate, and Brief with one that
// expires soon.
const (
	Old   Authority = "old"
	Next  Authority = "old, next intermediate"
	Brief Authority = "old, brief intermediate"
	New   Authority = "new"
	Other Authority = "other"

	// StepCA is Old as step-ca, which has the intermediate and issues in its name.
	StepCA Authority = "old, by step-ca"
)

// Kit is what a server or a client is given, said in a way that does not depend on keys.
type Kit struct {
	From   Authority   // that issued its certificate; Old if empty
	Leaf   int         // which of those that its holder got from there
	Renews bool        // what its holder has is renewed by step-ca; else he is enrolled there by a token
	Trusts []Authority // Old alone if there are none
	Lists  *Lists      // revocation lists; none if nil
	Staple *Staple     // a server's OCSP response; none if nil
	Spoilt Spoilt      // what is wrong with the files

	Life  time.Duration // of the certificate, from when it is issued; as long as its authority if zero
	Ahead time.Duration // by how much the clock of whoever issues it is ahead; behind if negative
	Exact bool          // it begins when it is issued, and not some days before
}

// Lists are revocation lists, one of every authority in a chain.
type Lists struct {
	Revoked []string      // holders whose certificate of the moment is on them
	Life    time.Duration // from when they are made; as long as their authority if zero
	By      Authority     // those of another authority in their place
}

// Staple is what an OCSP responder says of a server's certificate.
type Staple struct {
	Revoked bool
	Stale   bool      // it was good until a minute ago
	By      Authority // another says so
}

// Spoilt is what is wrong with files.
type Spoilt string

// The ways.
const (
	Whole      Spoilt = ""
	OldKey     Spoilt = "the key of another certificate"
	HalfChain  Spoilt = "half a certificate"
	Garbage    Spoilt = "what is no certificate"
	NoTrust    Spoilt = "trust with no certificate in it"
	HalfTrust  Spoilt = "trust that breaks off"
	BrokenList Spoilt = "a list that breaks off"
)

// mint makes what kits speak of, each thing once.
type mint struct {
	authorities map[Authority]*pki.Authority
	issued      map[issue]*pki.Identity
	holds       map[string]*pki.Identity // what a holder was given last
	lives       map[string]life          // of that, by holder, and of what else can expire
	ends        map[string]time.Time     // of all certificates, by serial
	stretch     float64                  // by which whatever is to expire lives longer than its kit says

	stepCA     func(ctx context.Context, of *pki.Authority) (*issuer.StepCA, error) // starts it
	running    *issuer.StepCA
	known      wire.Field // where the server looks for who its clients are
	serverName string     // that it is called by
}

// life is from when something is given to somebody until it has expired.
type life struct{ from, until time.Time }

type issue struct {
	holder string
	role   wire.Role
	kit    string // of Kit, what the certificate depends on
}

func newMint(stretch float64, stepCA func(context.Context, *pki.Authority) (*issuer.StepCA, error)) *mint {
	return &mint{
		stretch:     stretch,
		authorities: make(map[Authority]*pki.Authority), issued: make(map[issue]*pki.Identity),
		holds: make(map[string]*pki.Identity), lives: make(map[string]life),
		ends: make(map[string]time.Time), stepCA: stepCA,
	}
}

func (m *mint) authority(name Authority) (*pki.Authority, error) {
	if name == StepCA {
		name = Old
	}
	if a := m.authorities[name]; a != nil {
		return a, nil
	}
	var a *pki.Authority
	var err error
	switch name {
	case Next, Brief:
		var until time.Time
		if name == Brief {
			until = m.expiring(Intermediate, briefly)
		}
		if a, err = m.authority(Old); err == nil {
			a, err = a.WithIntermediate(until)
		}
	default:
		a, err = pki.New(pki.Config{Name: "mtlslab " + string(name)})
	}
	if err != nil {
		return nil, err
	}
	m.authorities[name] = a
	return a, nil
}

// material is what a kit of that holder comes to.
func (m *mint) material(ctx context.Context, holder string, role wire.Role, kit Kit) (wire.Material, error) {
	id, err := m.identity(ctx, holder, role, kit)
	if err != nil {
		return wire.Material{}, err
	}
	m.holds[holder], m.lives[holder] = id, life{time.Now(), id.Certificate.NotAfter}
	m.ends[wire.IdentityOf(id.Certificate).Serial] = id.Certificate.NotAfter
	var trust []*pki.Authority
	for _, name := range kit.trusts() {
		a, err := m.authority(name)
		if err != nil {
			return wire.Material{}, err
		}
		trust = append(trust, a)
	}
	made := id.Material(trust...)
	if kit.Lists != nil {
		if made.CRL, err = m.lists(kit); err != nil {
			return wire.Material{}, err
		}
	}
	if kit.Staple != nil {
		if made.Staple, err = m.staple(id, kit); err != nil {
			return wire.Material{}, err
		}
	}
	return m.spoil(ctx, made, kit.Spoilt)
}

func (m *mint) staple(id *pki.Identity, kit Kit) ([]byte, error) {
	a, err := m.authority(cmp.Or(kit.Staple.By, kit.From, Old))
	if err != nil {
		return nil, err
	}
	from, until := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if kit.Staple.Stale {
		until = time.Now().Add(-time.Minute)
	}
	return a.Staple(id.Certificate, kit.Staple.Revoked, from, until)
}

func (k Kit) trusts() []Authority {
	if len(k.Trusts) == 0 {
		return []Authority{Old}
	}
	return k.Trusts
}

func (m *mint) identity(ctx context.Context, holder string, role wire.Role, kit Kit) (*pki.Identity, error) {
	from := cmp.Or(kit.From, Old)
	of := issue{holder, role, fmt.Sprint(from, kit.Leaf, kit.Life, kit.Ahead, kit.Exact)}
	if id := m.issued[of]; id != nil {
		return id, nil
	}
	a, err := m.authority(from)
	if err != nil {
		return nil, err
	}
	request := pki.RequestOf(role)
	if role == wire.Client {
		request.Name, request.Known = holder, m.known
	} else {
		request.DNS = []string{m.serverName}
	}
	kit.Life = m.stretched(kit.Life)
	issuing := time.Now().Add(kit.Ahead)
	if kit.Exact {
		request.NotBefore = issuing
	}
	if kit.Life != 0 {
		request.NotAfter = issuing.Add(kit.Life)
	}
	if from == StepCA { // which issues another each time
		return m.online(ctx, a, holder, request, kit)
	}
	id, err := a.Issue(request)
	if err == nil {
		m.issued[of] = id
	}
	return id, err
}

// lists are those of every authority that a kit trusts, and of their further intermediates.
func (m *mint) lists(kit Kit) (all []byte, err error) {
	var until time.Time
	if kit.Lists.Life != 0 {
		until = m.expiring(theLists, kit.Lists.Life)
	}
	by := kit.trusts()
	if kit.Lists.By != "" {
		by = []Authority{kit.Lists.By}
	}
	if slices.Contains(by, Old) && m.authorities[Next] != nil {
		by = append(slices.Clone(by), Next)
	}
	for _, name := range by {
		a, err := m.authority(name)
		if err != nil {
			return nil, err
		}
		var revoked []*x509.Certificate
		for _, holder := range kit.Lists.Revoked {
			if id := m.holds[holder]; id != nil && a.Issued(id.Certificate) {
				revoked = append(revoked, id.Certificate)
			}
		}
		list, err := a.CRLsUntil(until, revoked...)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// expiring is when something expires that is made now to live for a while.
func (m *mint) expiring(what string, nominal time.Duration) time.Time {
	now := time.Now()
	until := now.Add(m.stretched(nominal)).Truncate(time.Second)
	m.lives[what] = life{now, until}
	return until
}

func (m *mint) stretched(nominal time.Duration) time.Duration {
	return time.Duration(float64(nominal) * m.stretch)
}

// spoil damages files as they are damaged in life.
func (m *mint) spoil(ctx context.Context, made wire.Material, how Spoilt) (wire.Material, error) {
	switch how {
	case OldKey:
		other, err := m.identity(ctx, "another", wire.Client, Kit{})
		if err != nil {
			return made, err
		}
		made.Key = other.Material().Key
	case HalfChain:
		made.Chain = made.Chain[:len(made.Chain)/3]
	case Garbage:
		made.Chain = []byte("<html>502 Bad Gateway</html>\n")
	case NoTrust:
		made.Trust = []byte("# to be filled in\n")
	case HalfTrust:
		made.Trust = made.Trust[:len(made.Trust)/2]
	case BrokenList:
		made.CRL = made.CRL[:3*len(made.CRL)/4] // the first of two is whole
	case Whole:
	}
	return made, nil
}
