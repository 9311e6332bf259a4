package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// controls are the good exchange in every version, and in every state in which
// the trials find the peer.
func (r *round) controls(plan []trial) ([]trial, error) {
	forged, err := r.Chains.good(r.guise())
	if err != nil {
		return nil, err
	}
	states := []bool{false}
	if r.traits.ListsApart && wantsLists(plan) {
		states = append(states, true)
	}
	var controls []trial
	for _, lists := range states {
		c := cases.Case{ID: controlID, Summary: "the good exchange"}
		if lists {
			c.Summary = "the good exchange, with revocation lists"
		}
		for _, version := range r.audit.Versions {
			controls = append(controls, trial{
				Case: c, version: version, rule: cases.Rule{Expect: cases.MustAccept}, forged: forged, lists: lists,
			})
		}
	}
	return controls, nil
}

func wantsLists(plan []trial) bool {
	return slices.ContainsFunc(plan, func(t trial) bool { return t.lists })
}

// usable holds an audit up where somebody else's peer does not deliver the good exchange:
// hundreds of cases would prove nothing, and it is likely the adapter that is wrong. A
// version of TLS that the peer refuses to speak is left out, unless it was asked for. The
// controls that remain are returned, with what came of them.
func (r *round) usable(controls []trial, results []tried) ([]trial, []tried, error) {
	if r.traits.Tells {
		return controls, results, nil
	}
	var failed *peer.UnusableError
	for i, t := range controls {
		v := results[i].Judge()
		if v.Status == finding.Passed || r.silent[t.version] != "" {
			continue
		}
		undelivered := r.undelivered(t, results[i])
		if v.Decision != verdict.WasRefused {
			return nil, nil, undelivered // a timeout, say: that is no way to refuse a version
		}
		r.silent[t.version] = fmt.Sprintf("the good exchange in TLS %s is refused", t.version)
		failed = cmp.Or(failed, undelivered)
	}
	if failed != nil && (r.chosen || len(r.silent) == len(r.audit.Versions)) {
		return nil, nil, failed
	}
	var left []trial
	var of []tried
	for i, t := range controls {
		if r.silent[t.version] == "" {
			left, of = append(left, t), append(of, results[i])
		}
	}
	return left, of, nil
}

// undelivered is the error of a good exchange that was not delivered.
func (r *round) undelivered(t trial, v tried) *peer.UnusableError {
	f := r.finding(t, v)
	e := &peer.UnusableError{
		Peer: r.audit.Peer.Name(),
		What: fmt.Sprintf("%s in TLS %s is not delivered: %s\n  client saw: %s\n  server saw: %s",
			f.Summary, f.Version, cmp.Or(f.Means, f.Decision), f.Client, f.Server),
	}
	switch {
	case r.audit.Role == wire.Client && r.traits.Deployed:
		e.Look = "whether it was given client/ of this export, and calls " + pki.ServerName
		return e
	case r.audit.Role == wire.Client && r.traits.OwnWords:
		e.Look = fmt.Sprintf("whether it calls %s at port %d, and trusts its system's store: --name, --port, --ca-file",
			r.traits.ServerName, r.traits.Calls)
		e.Log = []string{f.Client}
		return e
	case r.audit.Role == wire.Client:
		e.Look, e.Log = "command, delivered, material", []string{f.Client}
		return e
	}
	e.Look = "speaks, delivered, material, files"
	e.Log = r.standingFor(t).target.at.LastLines()
	return e
}

// startsStill looks whether somebody else's peer still works with good material where it
// was tried with other. If it does not, what was tried there shows nothing.
func (r *round) startsStill(ctx context.Context, plan []trial, results []tried) error {
	tried := func(t trial) bool { return t.alone() && r.lacks(t) == "" }
	if r.traits.Tells || !slices.ContainsFunc(plan, tried) {
		return nil
	}
	controls, err := r.controls(nil)
	if err != nil {
		return err
	}
	why := ""
	for _, t := range controls {
		if r.silent[t.version] != "" {
			continue
		}
		t.Material = func(m wire.Material) wire.Material { return m }
		again, err := r.inTurn(ctx, t, nil)
		if err != nil {
			return err
		}
		v := again.Judge()
		if v.Decision == verdict.WasDelivered {
			return nil
		}
		why = "with good material it did not work where this was tried: " + v.String()
	}
	for i, t := range plan {
		if t.Material != nil && why != "" {
			results[i].Void = why
		}
	}
	return nil
}
