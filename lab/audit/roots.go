package audit

import (
	"context"
	"errors"
	"slices"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// otherRoot is a good exchange under a root that only some cases stand on. A
// peer that takes one root alone turns those away whatever else is wrong.
func (r *round) otherRoot() (trial, error) {
	c := underOtherRoot()
	forged, err := r.Chains.of(c, r.guise())
	version := r.audit.Versions[len(r.audit.Versions)-1]
	if r.silent[version] != "" {
		version = r.audit.Versions[0]
	}
	return trial{Case: c, version: version, rule: cases.Rule{Expect: cases.MustAccept}, forged: forged}, err
}

func underOtherRoot() cases.Case {
	return cases.Case{
		ID: "control/other-root", Summary: "the good exchange under another root",
		Mutation: func(pki.Request) pki.Mutation { return func(f *pki.Forgery) { f.OwnRoot() } },
	}
}

// tryOtherRoot finds out whether somebody else's peer takes more roots than one.
func (r *round) tryOtherRoot(ctx context.Context, plan []trial) error {
	if r.traits.Tells || !slices.ContainsFunc(plan, func(t trial) bool { return len(t.forged.ExtraRoots) > 0 }) {
		return nil
	}
	t, err := r.otherRoot()
	if err != nil || r.unread[t.forged] {
		return err
	}
	tried, err := r.inTurn(ctx, t, r.targetFor(t))
	if err != nil {
		return err
	}
	v := tried.Judge()
	if v.Decision != verdict.WasDelivered && v.Decision != verdict.WasRefused {
		return r.undelivered(t, tried)
	}
	r.oneRoot = v.Decision == verdict.WasRefused
	return nil
}

// serveReadable starts the audited server. One that does not come up with all the roots and lists
// that the cases stand on is started without those that it cannot read, which are found by halves;
// their cases are not tried.
func (r *round) serveReadable(ctx context.Context, plan []trial) error {
	err := r.serve(ctx, plan)
	unusable, is := errors.AsType[*peer.UnusableError](err)
	if !is || unusable.Ended == nil || r.traits.Tells || r.traits.Deployed {
		return err
	}
	found, failed := r.readable(ctx, r.traits.ListsApart && wantsLists(plan))
	if failed != nil || !found {
		return errors.Join(failed, err)
	}
	return r.serve(ctx, plan)
}

// readable has the server be told of those chains alone with which it comes up. found says that it
// does with none at all, and so it is them.
func (r *round) readable(ctx context.Context, lists bool) (found bool, err error) {
	if found, err = r.startsWith(ctx, nil, lists); err != nil || !found {
		return false, err
	}
	unread, err := r.unreadable(ctx, r.told, lists)
	if err != nil {
		return false, err
	}
	left := slices.DeleteFunc(slices.Clone(r.told), func(f *pki.Forged) bool { return slices.Contains(unread, f) })
	most, err := r.most(ctx, left, lists)
	if err != nil {
		return false, err
	}
	for _, forged := range append(unread, left[most:]...) {
		r.unread[forged] = true
	}
	r.material, err = r.tells(left[:most])
	return true, err
}

// most is of how many of these chains, each of which it can read, the server can be told at once.
func (r *round) most(ctx context.Context, all []*pki.Forged, lists bool) (most int, err error) {
	most = len(all)
	for low, high := 0, len(all); ; most = (low + high + 1) / 2 {
		stands, err := r.startsWith(ctx, all[:most], lists)
		if err != nil {
			return 0, err
		}
		if stands {
			low = most
		} else {
			high = most - 1
		}
		if low >= high {
			return low, nil
		}
	}
}

// tells is the peer's good material with all that it must be told of these chains.
func (r *round) tells(of []*pki.Forged) (wire.Material, error) {
	material := r.Pair.Material(r.audit.Role)
	lists, err := r.Pair.Authority.CRLs()
	material.CRL = lists
	for _, forged := range of {
		material.Trust = append(material.Trust, forged.Trust()...)
		material.CRL = append(material.CRL, forged.CRLs()...)
	}
	return material, err
}

// unreadable are those of the chains of which the server cannot be told, so that it does not come
// up.
func (r *round) unreadable(ctx context.Context, all []*pki.Forged, lists bool) ([]*pki.Forged, error) {
	if stands, err := r.startsWith(ctx, all, lists); err != nil || stands {
		return nil, err
	}
	if len(all) == 1 {
		return slices.Clone(all), nil
	}
	first, err := r.unreadable(ctx, all[:len(all)/2], lists)
	if err != nil {
		return nil, err
	}
	second, err := r.unreadable(ctx, all[len(all)/2:], lists)
	return append(first, second...), err
}

// startsWith says whether the server comes up that is told of these chains, in each of its states.
func (r *round) startsWith(ctx context.Context, of []*pki.Forged, lists bool) (stands bool, err error) {
	for _, with := range slices.Compact([]bool{false, lists}) {
		given := r.given(with)
		given.Alone = true
		if given.Material, err = r.tells(of); err != nil {
			return false, err
		}
		serving, err := r.server.Serve(ctx, given)
		if err == nil {
			_, err = serving.Wait(ctx)
			err = errors.Join(err, serving.Stop(ctx))
		}
		if _, is := errors.AsType[*peer.UnusableError](err); is {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}
