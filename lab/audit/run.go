package audit

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/limit"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Auditor carries out audits in one place. Its methods may be called by many goroutines
// at once.
type Auditor struct {
	Place     peer.Place
	Adversary *attack.Adversary
	Pair      *pki.Pair
	Chains    *Chains
	Run       string // the sandbox's

	// How many trials there may be at once: of servers, which wait a good deal, and of
	// clients, each of which is a process and hardly waits.
	Servers, Clients limit.Limit

	Timeout time.Duration // of one trial, or longer if the peer needs longer
}

// round is one audit under way.
type round struct {
	*Auditor
	audit    Audit
	traits   peer.Traits
	chosen   bool          // whether the versions were asked for
	material wire.Material // of the audited peer
	store    []byte        // the roots that its system trusts, PEM
	patience *patience
	calls    int // how many a client gets, about

	server       peer.Server // one of the two
	client       peer.Client
	first        *target   // the server as it stood at first
	plain, lists *standing // the server without revocation lists, and with; the same where they are not apart

	starts time.Duration // how long it takes to start, with good material

	incidents  []finding.Incident
	recovers   <-chan time.Duration // after how long a server that locked out served again; nil if none is watched
	giveUp     context.CancelFunc   // watching it
	locksAfter int                  // so many refusals, if it does

	halted string    // why nothing more is asked of a server that is somebody else's to run; "" if all is
	next   time.Time // when it may be asked again

	silent  map[string]string    // why it is not tried in a version of TLS
	told    []*pki.Forged        // the chains of which the peer must be told something
	unread  map[*pki.Forged]bool // of which it cannot be told
	oneRoot bool                 // it trusts no more than the first of the roots that it is given

	mu   sync.Mutex
	done int
}

// Audit carries out every case of a profile against one peer, between controls that must
// be delivered. What the peer lets through is a finding; an error means that the lab
// broke, or a [*peer.UnusableError] that the peer could not be put to the test.
func (a *Auditor) Audit(ctx context.Context, what Audit) (finding.Audit, error) {
	began := time.Now()
	if err := what.Check(); err != nil {
		return finding.Audit{}, fmt.Errorf("audit: %w", err)
	}
	r := &round{Auditor: a, chosen: len(what.Versions) > 0, audit: what.whole(), silent: make(map[string]string)}
	r.unread = make(map[*pki.Forged]bool)
	r.traits = r.audit.Peer.Traits()
	r.patience = newPatience(r.traits.Patience)
	plan, err := r.audit.plan(a.Chains, r.guise())
	if err != nil {
		return finding.Audit{}, err
	}
	r.calls = len(plan)
	defer r.close(ctx)
	if err := r.start(ctx, plan); err != nil {
		return finding.Audit{}, err
	}
	facts := a.Place.Sandbox.Facts()
	result := finding.Audit{
		Format: finding.Format, Subject: r.audit.Subject(), Role: r.audit.Role, Run: a.Run,
		Profile: r.audit.Profile, Because: r.audit.because, Demands: r.audit.Demand,
		Runtime: string(facts.Runtime), Isolated: facts.Isolated(), Began: began,
	}
	err = r.fill(ctx, plan, &result)
	result.Product = r.product()
	if err != nil {
		return result, err
	}
	result.Took = time.Since(began)
	result = result.Waive(r.audit.Waivers, time.Now())
	if r.audit.Baseline != nil {
		result = result.Since(*r.audit.Baseline)
	}
	return result, nil
}

// guise is whose good certificate the adversary's differs from, in each case.
func (r *round) guise() guise {
	as := guise{role: r.audit.Role.Other(), known: r.traits.Known}
	if as.role == wire.Server {
		as.host = r.traits.ServerName
	}
	return as
}

// start gives the peer what every trial needs of it, and brings it up.
func (r *round) start(ctx context.Context, plan []trial) (err error) {
	if err := r.collect(plan); err != nil {
		return err
	}
	if r.audit.Role == wire.Client {
		r.client, err = r.audit.Peer.Client(ctx, r.Place)
		return err
	}
	if r.server, err = r.audit.Peer.Server(ctx, r.Place); err != nil {
		return err
	}
	return r.serveReadable(ctx, plan)
}

// collect makes the material of the peer: good, and with all that any trial wants it to
// trust or to know revoked.
func (r *round) collect(plan []trial) (err error) {
	trials := plan
	if !r.traits.Tells {
		other, err := r.otherRoot()
		if err != nil {
			return err
		}
		trials = append([]trial{other}, plan...)
	}
	given := make(map[*pki.Forged]bool) // one chain serves both versions of TLS
	for _, t := range trials {
		if given[t.forged] {
			continue
		}
		given[t.forged] = true
		r.store = append(r.store, t.forged.SystemTrust()...)
		if told(t.forged) {
			r.told = append(r.told, t.forged)
		}
	}
	r.material, err = r.tells(r.told)
	return err
}

// close stops what only this audit has started. What is still there after that is
// removed with the lab.
func (r *round) close(ctx context.Context) {
	if r.giveUp != nil {
		r.giveUp()
	}
	ctx = context.WithoutCancel(ctx)
	if r.server != nil {
		r.server.Close(ctx)
	}
	if r.client != nil {
		r.client.Close(ctx)
	}
}

func (r *round) product() *finding.Product {
	if r.audit.Role == wire.Client {
		return r.client.Product()
	}
	return r.server.Product()
}

// lacks says why the peer cannot be put into what a trial wants of it; "" if it can.
func (r *round) lacks(t trial) string {
	switch {
	case r.silent[t.version] != "":
		return r.silent[t.version]
	case r.unread[t.forged]:
		return "it does not come up where it is given the roots or the lists of this case"
	case r.oneRoot && len(t.forged.ExtraRoots) > 0 && t.ID != "chain/"+cases.SecondRoot:
		return "it trusts no more than one of the roots that it is given"
	case r.traits.Mute && (t.resumes() || t.Meanwhile != cases.Nothing || t.Reload != cases.NoReload):
		return "it answers nothing, so nobody learns when it has served a connection"
	case r.nameless(t):
		return "its clients are known to it by their " + string(r.traits.Known) + ", and here that is not what is odd"
	case r.audit.Role == wire.Client:
		return r.client.Lacks(t.demand(wire.Client))
	default:
		return r.server.Lacks(t.demand(wire.Server))
	}
}

// nameless says whether a case of a client's name, or one that takes the place of its names,
// is none to a server that looks for it elsewhere than in a URI.
func (r *round) nameless(t trial) bool {
	known := r.traits.Known
	if r.audit.Role == wire.Client || known == wire.FieldURI || t.Named != "" {
		return false
	}
	if strings.HasPrefix(t.ID, "identity/") {
		return true
	}
	return len(t.forged.Chain) > 0 &&
		!bytes.Contains(t.forged.Chain[0], []byte(known.Shown(pki.RequestOf(wire.Client).Name)))
}

// fill makes the trials of a plan, between controls.
func (r *round) fill(ctx context.Context, plan []trial, result *finding.Audit) error {
	controls, err := r.controls(plan)
	if err != nil {
		return err
	}
	total := len(plan) + 2*len(controls)
	before, err := r.carryPlainly(ctx, controls, total)
	if err != nil {
		return err
	}
	if controls, before, err = r.usable(controls, before); err != nil {
		return err
	}
	if err := eachOf(r.states(), func(s *standing) error { return s.settle(ctx) }); err != nil {
		return err
	}
	result.Controls = r.findings(controls, before)
	plan = r.audit.without(func(version string) bool { return r.silent[version] != "" }, plan)
	if err := r.tryOtherRoot(ctx, plan); err != nil {
		return err
	}
	tried, err := r.trials(ctx, plan, before, total, result)
	if err != nil {
		return err
	}
	after, err := r.carryPlainly(ctx, controls, total)
	if err != nil {
		return err
	}
	if err := r.checkLogs(ctx, plan, tried); err != nil {
		return err
	}
	if err := r.startsStill(ctx, plan, tried); err != nil {
		return err
	}
	result.Findings = r.findings(plan, tried)
	result.Answers = r.answers(controls, before, result.Findings)
	result.Controls = append(result.Controls, r.findings(controls, after)...)
	result.Incidents = append(result.Incidents, r.incidents...)
	return r.stands(ctx)
}

// trials makes the trials of a plan after those controls, and reads the peer's clock. Where a
// control was not delivered, there is nothing that the peer could cease to do, and no clock to
// read.
func (r *round) trials(
	ctx context.Context, plan []trial, controls []tried, total int, result *finding.Audit,
) ([]tried, error) {
	undelivered := func(t tried) bool { return t.Judge().Decision != verdict.WasDelivered }
	if slices.ContainsFunc(controls, undelivered) {
		return r.carryPlainly(ctx, plan, total)
	}
	made, err := r.carryOut(ctx, plan, total)
	if err != nil {
		return nil, err
	}
	if err := r.hastily(ctx, plan, made); err != nil {
		return nil, err
	}
	clock, err := r.readClock(ctx, plan)
	clock.void(plan, made)
	clock.tell(result)
	return made, err
}

// try carries out one trial, and returns what there is to judge it by.
func (r *round) try(
	ctx context.Context, t trial, patience time.Duration, carry func(context.Context, *verdict.Trial) error,
) (tried, error) {
	began := time.Now()
	timeout := max(r.Timeout, r.traits.Limit)
	if t.alone() {
		timeout += mostStarts * peer.StartLimit
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("the exchange took longer than %v", timeout))
	defer cancel()
	nonce := sandbox.NewID()
	v := verdict.Trial{
		Case: t.Case, Rule: t.rule, Audited: r.audit.Role, Tells: r.traits.Tells, OwnWords: r.traits.OwnWords,
		Anonymous: r.traits.Anonymous, Mute: r.traits.Mute,
		Patience: patience, Sent: wire.DigestOf(greeting(nonce)), Nonce: nonce,
		GoodKey: wire.IdentityOf(r.Pair.Client.Certificate).Key,
	}
	err := carry(ctx, &v)
	return tried{v, time.Since(began), nil}, err
}

// mostStarts is how many servers are started for one trial alone.
const mostStarts = 2

// tried is a trial that was made, and how long that took.
type tried struct {
	verdict.Trial
	took time.Duration
	by   *target // the server that stood; nil if it was started for this alone
}

// controlID is that of the good exchange.
const controlID = "control"
