package lab

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// trial is one case in one version of TLS, or a control.
type trial struct {
	cases.Case
	version string
	rule    cases.Rule
	forged  *pki.Forged
	lists   bool // the peer is to have revocation lists
}

// auditor carries out one audit.
type auditor struct {
	lab       *Lab
	audit     Audit
	adversary *adversary
	subject   wire.Material
	server    *server  // where our own server is audited
	visitor   *visitor // where somebody else's peer is
	chosen    bool     // whether the versions were asked for

	trust sync.Mutex // held while the server trusts less than it did

	mu   sync.Mutex
	done int
}

// Audit carries out every case of a profile against one peer, between controls
// that must be delivered. What the peer lets through is a finding; an error
// means that the lab broke.
func (l *Lab) Audit(ctx context.Context, a Audit) (finding.Audit, error) {
	began := time.Now()
	if err := a.Check(); err != nil {
		return finding.Audit{}, fmt.Errorf("audit: %w", err)
	}
	chosen := len(a.Versions) > 0
	a = a.whole()
	plan, err := l.plan(a)
	if err != nil {
		return finding.Audit{}, err
	}
	r := &auditor{lab: l, audit: a, chosen: chosen}
	defer r.end(ctx)
	if err := r.start(ctx, plan); err != nil {
		return finding.Audit{}, err
	}
	facts := l.Facts()
	result := finding.Audit{
		Format: 1, Subject: a.Subject(), Role: a.Role, Profile: a.Profile, Run: l.id,
		Runtime: string(facts.Runtime), Isolated: facts.Runtime == Containers, Began: began,
	}
	if r.visitor != nil {
		result.Product = &r.visitor.product
	}
	err = r.fill(ctx, plan, &result)
	if err = cmp.Or(l.over(), err); err != nil {
		return result, err
	}
	result.Took = time.Since(began)
	return result.Waive(a.Waivers, time.Now()), nil
}

// fill makes the trials of a plan, between controls.
func (r *auditor) fill(ctx context.Context, plan []trial, result *finding.Audit) error {
	controls, err := r.controls(plan)
	if err != nil {
		return err
	}
	total := len(plan) + 2*len(controls)
	before, err := r.carryOut(ctx, controls, total)
	if err != nil {
		return err
	}
	result.Controls = r.findings(controls, before)
	if r.visitor != nil {
		if controls, result.Controls, err = r.usable(controls, result.Controls); err != nil {
			return err
		}
		plan = r.audit.without(func(version string) bool { return r.visitor.silent[version] != "" }, plan)
		if err := r.tryOtherRoot(ctx, plan); err != nil {
			return err
		}
	}
	tried, err := r.carryOut(ctx, plan, total)
	if err != nil {
		return err
	}
	after, err := r.carryOut(ctx, controls, total)
	if err != nil {
		return err
	}
	r.overhear(plan, tried)
	result.Findings = r.findings(plan, tried)
	result.Controls = append(result.Controls, r.findings(controls, after)...)
	why, err := r.startsStill(ctx, plan)
	if err != nil {
		return err
	}
	if why != "" {
		doubt(result.Findings, plan, why)
	}
	return r.survived(ctx)
}

// doubt takes back what was found out about a server by starting it.
func doubt(findings []finding.Finding, plan []trial, why string) {
	for i, t := range plan {
		if f := &findings[i]; t.Material != nil && f.Status != finding.Untried {
			f.Status, f.Means = finding.Inconclusive, why
		}
	}
}

// plan lists the trials with their certificates forged: what they need the peer to
// trust must be known before it starts.
func (l *Lab) plan(a Audit) ([]trial, error) {
	plan := a.trials()
	for i, t := range plan {
		forged, err := l.forge(t.Case, a.Role.Other())
		if err != nil {
			return nil, fmt.Errorf("case %s: %w", t.ID, err)
		}
		plan[i].forged = forged
	}
	return plan, nil
}

// forgeryKey tells the chains of a lab apart.
type forgeryKey struct {
	id   string // of the case; empty for the control
	role wire.Role
}

// forge makes the adversary's chain of a case, once in a lab: whoever is audited
// is shown the same.
func (l *Lab) forge(c cases.Case, role wire.Role) (*pki.Forged, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := forgeryKey{c.ID, role}
	if forged, ok := l.forgeries[key]; ok {
		return forged, nil
	}
	forged, err := l.newForgery(c, role)
	if err == nil {
		l.forgeries[key] = forged
	}
	return forged, err
}

func (l *Lab) newForgery(c cases.Case, role wire.Role) (*pki.Forged, error) {
	request := serverRequest
	if role == wire.Client {
		request = clientRequest
	}
	if c.Withdrawn {
		return l.Authority.Forge(request, func(f *pki.Forgery) { f.OwnRoot() })
	}
	if c.Mutation == nil {
		return l.Authority.Forge(request)
	}
	return l.Authority.Forge(request, c.Mutation(role))
}

// Sent is what the lab's adversary presents in each case that was tried so far,
// by case and role.
func (l *Lab) Sent() []finding.Sent {
	l.mu.Lock()
	defer l.mu.Unlock()
	var sent []finding.Sent
	for key, forged := range l.forgeries {
		sent = append(sent, finding.Sent{Run: l.id, Case: cmp.Or(key.id, "control"), Role: key.role, Chain: forged.Chain})
	}
	slices.SortFunc(sent, func(a, b finding.Sent) int { return cmp.Or(cmp.Compare(a.Case, b.Case), cmp.Compare(a.Role, b.Role)) })
	return sent
}

// start gives the peer what every trial needs of it, and brings up both sides.
func (r *auditor) start(ctx context.Context, plan []trial) error {
	identity := r.lab.Server
	if r.audit.Role == wire.Client {
		identity = r.lab.Client
	}
	r.subject = identity.Material(r.lab.Authority)
	crls, err := r.lab.Authority.CRLs()
	if err != nil {
		return err
	}
	r.subject.CRL = crls
	trials := plan
	if r.audit.Peer.Adapter != nil {
		t, err := r.otherRoot()
		if err != nil {
			return err
		}
		trials = append(slices.Clone(plan), t)
	}
	given := make(map[*pki.Forged]bool) // one chain serves both versions of TLS
	for _, t := range trials {
		if given[t.forged] {
			continue
		}
		given[t.forged] = true
		r.subject.Trust = append(r.subject.Trust, t.forged.Trust()...)
		r.subject.CRL = append(r.subject.CRL, t.forged.CRLs()...)
	}
	if r.audit.Peer.Adapter == nil {
		return r.startOwn(ctx)
	}
	adapted, err := r.lab.adapt(ctx, r.audit.Peer)
	if err != nil {
		return err
	}
	if r.adversary, err = r.lab.hostile(ctx); err != nil {
		return err
	}
	r.visitor = &visitor{adapted: adapted}
	return r.beginAdapted(ctx, plan)
}

// startOwn brings up one of our own programs, beside the adversary.
func (r *auditor) startOwn(ctx context.Context) error {
	var start errgroup.Group
	start.Go(func() (err error) {
		r.adversary, err = r.lab.hostile(ctx)
		return err
	})
	if r.audit.Role == wire.Server {
		r.server = r.lab.server(ctx, r.subjectWith(&r.subject))
		start.Go(func() error { return r.server.wait(ctx) })
	} else {
		start.Go(func() error { return r.warmUp(ctx) })
	}
	return start.Wait()
}

// warmUp runs the client once to no purpose, so that the first trial does not
// wait for whatever holds it.
func (r *auditor) warmUp(ctx context.Context) error {
	p := r.lab.client(r.audit.Peer, "", "", "")
	p.args, p.again = []string{"-" + wire.VersionFlag}, true
	started, err := r.lab.host.start(ctx, p)
	if err != nil {
		return fmt.Errorf("starting %s: %w", p.hostname, err)
	}
	if err := started.stdin.Close(); err != nil {
		return fmt.Errorf("starting %s: %w", p.hostname, err)
	}
	if _, err := io.Copy(io.Discard, started.stdout); err != nil {
		return fmt.Errorf("starting %s: %w", p.hostname, err)
	}
	_, err = started.wait(ctx)
	return err
}

// end stops what only this audit has started. What is still there after that is
// removed with the lab.
func (r *auditor) end(ctx context.Context) {
	if r.visitor == nil {
		return
	}
	ctx = context.WithoutCancel(ctx)
	for _, p := range r.visitor.running() {
		_ = p.stop(ctx)
	}
}

// subjectWith is the audited server with that material.
func (r *auditor) subjectWith(material *wire.Material) Peer {
	peer := r.audit.Peer
	peer.Material = material
	peer.Args = append(slices.Clone(peer.Args), "-allow", r.lab.Client.String())
	return peer
}

// controlID is that of the good exchange.
const controlID = "control"

// controls are the good exchange in every version, and in every state in which
// the trials find the peer.
func (r *auditor) controls(plan []trial) ([]trial, error) {
	forged, err := r.lab.forge(cases.Case{}, r.audit.Role.Other())
	if err != nil {
		return nil, err
	}
	states := []bool{false}
	if r.visitor != nil && r.visitor.TakesLists() && slices.ContainsFunc(plan, func(t trial) bool { return t.lists }) {
		states = append(states, true)
	}
	var controls []trial
	for _, lists := range states {
		for _, version := range r.audit.Versions {
			c := cases.Case{ID: controlID, Summary: "the good exchange"}
			if lists {
				c.Summary = "the good exchange, with revocation lists"
			}
			controls = append(controls, trial{c, version, cases.Rule{Expect: cases.MustAccept}, forged, lists})
		}
	}
	return controls, nil
}
