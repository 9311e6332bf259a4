package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// adaptedLimit is how long somebody else's peer may take to say yes or no.
// Programs that are slow to start are no worse for it.
const adaptedLimit = 10 * time.Second

// adaptedTimeout bounds one trial of such a peer, which may begin with a start.
const adaptedTimeout = startLimit + errandLimit + adaptedLimit

// visitor is the audited peer where that is somebody else's image. It gives no
// account of its own, so what the adversary sees of it, and how it ends, is all
// there is.
type visitor struct {
	*adapted
	plain  *adaptedServer // of a server
	lists  *adaptedServer // the same with revocation lists, if any case needs them
	client *adaptedClient // of a client
	calls  string         // the address of whom it calls

	spare   *spare             // of a server: where it is started with other material
	spoiled map[string]spoiled // of a client: the other material, by case

	fixed   bool              // of a client: its configuration files name its material
	listed  bool              // of a client: they name its revocation lists
	silent  map[string]string // why it is not tried in a version of TLS
	oneRoot bool              // it trusts no more than the first of the roots that it is given
}

// beginAdapted brings the audited image up, as often as the trials need it.
func (r *auditor) beginAdapted(ctx context.Context, plan []trial) (err error) {
	v := r.visitor
	if r.audit.Role == wire.Client {
		ip, err := v.host.addressOf(ctx, r.adversary.process)
		if err != nil {
			return err
		}
		if v.fixed, v.listed, err = v.bound(); err != nil {
			return err
		}
		with := stay{hosts: []string{adapter.Host + ":" + ip}, often: len(plan) > 100}
		if v.spoiled, with.files, err = r.spoil(plan); err != nil {
			return err
		}
		if v.client, err = v.startClient(ctx, r.lab.name(v.Name), r.subject, with); err != nil {
			return err
		}
		v.calls = ip
		return r.ask(ctx)
	}
	withLists := slices.ContainsFunc(plan, func(t trial) bool { return t.lists })
	var start errgroup.Group
	start.Go(func() (err error) {
		v.plain, err = r.startAdapted(ctx, r.subject, false)
		return err
	})
	if withLists {
		start.Go(func() (err error) {
			v.lists, err = r.startAdapted(ctx, r.subject, true)
			return err
		})
	}
	if err := start.Wait(); err != nil {
		return err
	}
	return r.ask(ctx)
}

// running are the containers of the audit.
func (v *visitor) running() []*process {
	var all []*process
	for _, s := range []*adaptedServer{v.plain, v.lists} {
		if s != nil {
			all = append(all, s.process)
		}
	}
	if v.client != nil {
		all = append(all, v.client.process)
	}
	if v.spare != nil {
		all = append(all, v.spare.process)
	}
	return all
}

// usable holds an audit up where the good exchange is not delivered: hundreds of
// cases would prove nothing, and it is likely the adapter that is wrong. A version
// of TLS that the peer refuses to speak is left out, unless it was asked for. The
// controls that remain are returned, with their findings.
func (r *auditor) usable(controls []trial, findings []finding.Finding) ([]trial, []finding.Finding, error) {
	r.visitor.silent = make(map[string]string)
	var failed *AdapterError
	for i, f := range findings {
		if f.Status == finding.Passed || r.visitor.silent[f.Version] != "" {
			continue
		}
		undelivered := r.undelivered(f, controls[i].lists)
		if f.Decision != string(WasRefused) {
			return nil, nil, undelivered // a timeout, say: that is no way to refuse a version
		}
		r.visitor.silent[f.Version] = fmt.Sprintf("the good exchange in TLS %s is refused", f.Version)
		failed = cmp.Or(failed, undelivered)
	}
	if failed != nil && (r.chosen || len(r.visitor.silent) == len(r.audit.Versions)) {
		return nil, nil, failed
	}
	var left []trial
	var of []finding.Finding
	for i, t := range controls {
		if r.visitor.silent[t.version] == "" {
			left, of = append(left, t), append(of, findings[i])
		}
	}
	return left, of, nil
}

// undelivered is the error of a good exchange that was not.
func (r *auditor) undelivered(f finding.Finding, lists bool) *AdapterError {
	e := &AdapterError{
		Peer: r.visitor.Name,
		What: fmt.Sprintf("%s in TLS %s is not delivered: %s\n  client saw: %s\n  server saw: %s",
			f.Summary, f.Version, cmp.Or(f.Means, f.Decision), f.Client, f.Server),
		Look: "speaks, delivered, material, files",
	}
	switch {
	case r.visitor.client != nil:
		e.Look = "command, delivered, material"
		e.Log = []string{f.Client}
	case lists:
		e.Log = r.visitor.lists.lastLines()
	default:
		e.Log = r.visitor.plain.lastLines()
	}
	return e
}

// otherRoot is a good exchange under a root that only some cases stand on. A
// peer that takes one root alone turns those away whatever else is wrong.
func (r *auditor) otherRoot() (trial, error) {
	c := cases.Case{ID: "control/other-root", Summary: "the good exchange under another root", Withdrawn: true}
	forged, err := r.lab.forge(c, r.audit.Role.Other())
	c.Withdrawn = false
	version := r.audit.Versions[len(r.audit.Versions)-1]
	if r.visitor != nil && r.visitor.silent[version] != "" {
		version = r.audit.Versions[0]
	}
	return trial{Case: c, version: version, rule: cases.Rule{Expect: cases.MustAccept}, forged: forged}, err
}

// tryOtherRoot finds out whether the peer takes more roots than one.
func (r *auditor) tryOtherRoot(ctx context.Context, plan []trial) error {
	if r.visitor == nil || !slices.ContainsFunc(plan, func(t trial) bool { return len(t.forged.ExtraRoots) > 0 }) {
		return nil
	}
	t, err := r.otherRoot()
	if err != nil {
		return err
	}
	v, err := r.inTurn(ctx, t)
	if err == nil && v.Decision != WasDelivered && v.Decision != WasRefused {
		err = r.undelivered(r.finding(t, v), false)
	}
	r.visitor.oneRoot = v.Decision == WasRefused
	return err
}

func (r *auditor) startAdapted(ctx context.Context, material wire.Material, lists bool) (*adaptedServer, error) {
	return r.visitor.startReady(ctx, r.lab.name(r.visitor.Name), material, lists, r.adversary)
}

// startReady returns a server that is ready. One that ends instead is an
// *AdapterError.
func (a *adapted) startReady(ctx context.Context, name string, material wire.Material, lists bool, by *adversary) (*adaptedServer, error) {
	s, err := a.startServer(ctx, name, material, lists)
	if err != nil {
		return nil, err
	}
	err = s.ready(ctx, by)
	if errors.Is(err, errEnded) {
		var code int
		if code, err = s.wait(ctx); err == nil {
			err = s.unusable(fmt.Sprintf("it ended with code %d before it was ready", code), "command, files, material")
		}
	}
	if err != nil {
		_ = s.stop(context.WithoutCancel(ctx)) // it would go on, and be found by its name
		return nil, err
	}
	return s, nil
}

// ask has the peer say its version.
func (r *auditor) ask(ctx context.Context) error {
	v := r.visitor
	if len(v.Version) == 0 {
		return nil
	}
	output, code, err := v.host.execute(ctx, v.running()[0].id, v.Version)
	if err == nil && code == 0 {
		v.product.Version = wire.Printable(firstOf(output))
	}
	return err
}

// missing says why a trial cannot be made of this peer; "" if it can.
func (r *auditor) missing(t trial) string {
	v := r.visitor
	if v == nil {
		return ""
	}
	server := r.audit.Role == wire.Server
	var order attack.Attack
	if t.Attack != nil {
		t.Attack(&order)
	}
	switch {
	case v.silent[t.version] != "":
		return v.silent[t.version]
	case slices.Contains(t.Needs, cases.RevocationLists) && !v.TakesLists():
		return "its adapter gives it no revocation lists"
	case server && slices.Contains(t.Needs, cases.Admission) && !v.Admits:
		return "it is not told whom to admit, and so admits whoever its authority vouches for"
	case v.oneRoot && len(t.forged.ExtraRoots) > 0:
		return "it trusts no more than one of the roots that it is given"
	case t.Withdrawn && v.Reload.Signal == "" && len(v.Reload.Command) == 0:
		return "its adapter knows no way to have it read its trust again"
	case server && order.HangUp:
		return "it gives no account of what it does not answer"
	case !server && t.Material != nil && (v.fixed || !v.movable()):
		return "its material is at fixed places, so that it has no other beside it"
	case t.lists && v.listed:
		return "its configuration file names its revocation lists, so that it cannot do without at other times"
	case server && len(order.Preface) > 0 && !order.NoTLS && t.ahead() && v.OpensPlainly():
		return "what comes first on its connections is in the clear anyway"
	default:
		return ""
	}
}
