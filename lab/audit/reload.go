package audit

import (
	"bytes"
	"context"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// reload has a server read what the case says again, and waits until that shows, or for as
// long as a server may take. Whether it shows, the attack finds out. Without goes, it did not
// come to the attack, and v says why.
func (r *round) reload(ctx context.Context, t trial, server *target, v *verdict.Trial) (goes bool, err error) {
	m := r.material
	switch t.Reload {
	case cases.ForgetAuthority:
		_, delivered, err := r.sayGreeting(ctx, t, server)
		if !delivered || err != nil {
			v.Void = "it did not serve that authority's clients before it was told to forget it"
			return false, err
		}
		m.Trust = bytes.Replace(m.Trust, t.forged.Trust(), nil, 1)
	case cases.ForgetOther:
		other, err := r.otherRoot()
		if err != nil {
			return false, err
		}
		m.Trust = bytes.Replace(m.Trust, other.forged.Trust(), nil, 1)
	case cases.TakeCertificate:
		fresh, err := r.Pair.Authority.Issue(pki.RequestOf(wire.Server))
		if err != nil {
			return false, err
		}
		own := fresh.Material(r.Pair.Authority)
		m.Chain, m.Key = own.Chain, own.Key
		v.Wrong = "it goes on showing the certificate from before"
		return true, r.reloadUntil(ctx, server, m, func() (bool, error) {
			seen, _, err := r.sayGreeting(ctx, t, server)
			if peer := seen.Last().Peer; peer != nil && peer.Key == wire.IdentityOf(fresh.Certificate).Key {
				v.Wrong = ""
			}
			return v.Wrong == "", err
		})
	case cases.TakeAuthority, cases.NoReload:
	}
	return true, r.reloadUntil(ctx, server, m, func() (bool, error) {
		_, delivered, err := r.sayGreeting(ctx, t, server)
		return delivered == (t.rule.Expect == cases.MustAccept), err
	})
}

// sayGreeting makes the exchange of a trial as if it were honest.
func (r *round) sayGreeting(ctx context.Context, t trial, server *target) (attack.Evidence, bool, error) {
	nonce := sandbox.NewID()
	return r.say(ctx, server, r.order(t, nonce, greeting(nonce)), nonce)
}

// reloadUntil has a server read its material again, and waits until it shows for a while, as
// long as a server may take: one with several processes replaces them one by one.
func (r *round) reloadUntil(ctx context.Context, server *target, m wire.Material, shows func() (bool, error)) error {
	renewal, err := server.Reload(ctx, m)
	if err != nil || renewal.Kept {
		return err
	}
	enough := settled
	if renewal.InUse {
		enough = 0
	}
	_, err = r.settles(ctx, enough, shows)
	return err
}
