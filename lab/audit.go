package lab

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Audit says which peer is audited and against what.
type Audit struct {
	Role     wire.Role // the audited peer's part; wire.Server or wire.Client
	Peer     Peer      // our own program if zero; its Material is the audit's
	Profile  cases.Profile
	Cases    []string // ids; every case if empty
	Versions []string // of TLS; "1.2" and "1.3" if empty
	Waivers  []cases.Waiver
	Progress func(done, total int, current string)
}

// trial is one case in one version of TLS, or a control.
type trial struct {
	cases.Case
	version string
	rule    cases.Rule
	forged  *pki.Forged
}

// auditor carries out one audit.
type auditor struct {
	lab       *Lab
	audit     Audit
	adversary *adversary
	subject   wire.Material
	server    *server // where a server is audited

	trust sync.Mutex // held while the server trusts less than it did

	mu   sync.Mutex
	done int
}

// Audit carries out every case of a profile against one peer, between controls
// that must be delivered. What the peer lets through is a finding; an error
// means that the lab broke.
func (l *Lab) Audit(ctx context.Context, a Audit) (cases.Audit, error) {
	began := time.Now()
	a.Profile = cmp.Or(a.Profile, cases.Strict)
	if len(a.Versions) == 0 {
		a.Versions = []string{"1.2", "1.3"}
	}
	if a.Progress == nil {
		a.Progress = func(int, int, string) {}
	}
	plan, err := l.plan(a)
	if err != nil {
		return cases.Audit{}, err
	}
	r := &auditor{lab: l, audit: a}
	if err := r.start(ctx, plan); err != nil {
		return cases.Audit{}, err
	}
	facts := l.Facts()
	result := cases.Audit{
		Format: 1, Subject: subjectName(a), Role: a.Role, Profile: a.Profile,
		Runtime: string(facts.Runtime), Isolated: facts.Runtime == Containers, Began: began,
	}
	controls := r.controls()
	for _, step := range []struct {
		trials []trial
		into   *[]cases.Finding
	}{{controls, &result.Controls}, {plan, &result.Findings}, {controls, &result.Controls}} {
		findings, err := r.carryOut(ctx, step.trials, len(plan)+2*len(controls))
		if err != nil {
			return result, err
		}
		*step.into = append(*step.into, findings...)
	}
	result.Took = time.Since(began)
	return result.Waive(a.Waivers, time.Now()), nil
}

func subjectName(a Audit) string {
	if a.Peer.Source.Name != "" {
		return a.Peer.Source.Name
	}
	return "mtlslab " + string(a.Role)
}

// plan lists the trials, in the order of the catalogue, with their certificates
// forged: what they need the peer to trust must be known before it starts.
func (l *Lab) plan(a Audit) ([]trial, error) {
	opponent := wire.Client
	if a.Role == wire.Client {
		opponent = wire.Server
	}
	var plan []trial
	known := make(map[string]bool)
	for _, c := range cases.All() {
		known[c.ID] = true
		if !slices.Contains(c.Roles, opponent) || len(a.Cases) > 0 && !slices.Contains(a.Cases, c.ID) {
			continue
		}
		forged, err := l.forge(c, opponent)
		if err != nil {
			return nil, fmt.Errorf("case %s: %w", c.ID, err)
		}
		versions := c.Versions
		if versions == nil {
			versions = []string{"1.2", "1.3"}
		}
		for _, version := range versions {
			if slices.Contains(a.Versions, version) {
				plan = append(plan, trial{c, version, c.Rules[a.Profile], forged})
			}
		}
	}
	for _, id := range a.Cases {
		if !known[id] {
			return nil, fmt.Errorf("case %q: there is none of that id", id)
		}
	}
	return plan, nil
}

func (l *Lab) forge(c cases.Case, role wire.Role) (*pki.Forged, error) {
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
	given := make(map[*pki.Forged]bool) // one chain serves both versions of TLS
	for _, t := range plan {
		if given[t.forged] {
			continue
		}
		given[t.forged] = true
		r.subject.Trust = append(r.subject.Trust, t.forged.Trust()...)
		r.subject.CRL = append(r.subject.CRL, t.forged.CRLs()...)
	}

	var start errgroup.Group
	start.Go(func() (err error) {
		r.adversary, err = startAdversary(ctx, r.lab)
		return err
	})
	if r.audit.Role == wire.Server {
		r.server = r.lab.server(ctx, r.subjectWith(&r.subject))
		start.Go(func() error { return r.server.wait(ctx) })
	}
	return start.Wait()
}

// subjectWith is the audited server with that material.
func (r *auditor) subjectWith(material *wire.Material) Peer {
	peer := r.audit.Peer
	peer.Material = material
	peer.Args = append(slices.Clone(peer.Args), "-allow", r.lab.Client.String())
	return peer
}

// controls are the good exchange in every version.
func (r *auditor) controls() []trial {
	opponent := wire.Client
	if r.audit.Role == wire.Client {
		opponent = wire.Server
	}
	forged, err := r.lab.forge(cases.Case{}, opponent)
	if err != nil {
		return nil
	}
	var controls []trial
	for _, version := range r.audit.Versions {
		controls = append(controls, trial{
			cases.Case{ID: "control", Summary: "the good exchange"}, version,
			cases.Rule{Expect: cases.MustAccept}, forged,
		})
	}
	return controls
}

// carryOut runs trials side by side, and returns their findings in order.
func (r *auditor) carryOut(ctx context.Context, trials []trial, total int) ([]cases.Finding, error) {
	findings := make([]cases.Finding, len(trials))
	group, ctx := sideBySide(ctx)
	for i, t := range trials {
		group.Go(func() error {
			v, err := r.try(ctx, t)
			if err != nil {
				return fmt.Errorf("case %s [%s]: %w", t.ID, t.version, err)
			}
			findings[i] = r.finding(t, v)
			r.mu.Lock()
			defer r.mu.Unlock()
			r.done++
			r.audit.Progress(r.done, total, t.ID)
			return nil
		})
	}
	return findings, group.Wait()
}

// sideBySide runs as many trials at once as keep the processors busy while
// others wait for their peers.
func sideBySide(ctx context.Context) (*errgroup.Group, context.Context) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4 * runtime.GOMAXPROCS(0))
	return group, ctx
}

// result is what came of a trial.
type result struct {
	Verdict

	// spoke says that the audited peer had something to say, over TLS, to an
	// adversary that had not earned it, whatever it was.
	spoke bool
}

// trialLimit is how long a peer may take to say yes or no.
const trialLimit = 5 * time.Second

// startLimit is how long a server may take to start or to end, in a container
// of its own on a machine that is busy with others.
const startLimit = 30 * time.Second

// try carries out one trial.
func (r *auditor) try(ctx context.Context, t trial) (result, error) {
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, r.lab.cfg.Timeout,
		fmt.Errorf("the exchange took longer than %v", r.lab.cfg.Timeout))
	defer cancel()
	nonce := newID()
	v := result{Verdict: Verdict{Nonce: nonce, Sent: wire.DigestOf(fmt.Sprintf("%s (%s)", Greeting, nonce))}}
	attack := wire.Attack{
		ID: nonce, Version: t.version, Message: v.Sent.Text, Chain: t.forged.Chain, Key: t.forged.PKCS8, Limit: trialLimit,
	}
	against := r.againstClient
	if r.audit.Role == wire.Server {
		against = r.againstServer
	}
	if err := against(ctx, t, attack, &v); err != nil {
		return v, err
	}
	v.Took = time.Since(began)
	return v, nil
}

// arm makes the attack what the case says, once all else about it is set.
func (r *auditor) arm(t trial, attack *wire.Attack) error {
	if t.Attack == nil {
		return nil
	}
	t.Attack(attack)
	if attack.Resume == nil || !attack.Resume.AfterExpiry {
		return nil
	}
	// A leaf that is to expire before the attack is over is made last of all.
	request := clientRequest
	request.NotAfter = time.Now().Add(cases.BriefLife).Truncate(time.Second)
	forged, err := r.lab.Authority.Forge(request)
	if err != nil {
		return err
	}
	attack.Chain, attack.Key = forged.Chain, forged.PKCS8
	return nil
}

func (r *auditor) againstServer(ctx context.Context, t trial, attack wire.Attack, v *result) error {
	target := r.server
	if t.Material != nil {
		spoiled := t.Material(r.subject)
		target = r.lab.server(ctx, r.subjectWith(&spoiled))
		limit, cancel := context.WithTimeout(ctx, startLimit)
		defer cancel()
		err := target.wait(limit)
		switch {
		case err != nil && limit.Err() != nil && ctx.Err() == nil:
			v.Client = wire.Outcome{Role: wire.Client, Kind: wire.Unreachable}
			v.inconclusive(fmt.Sprintf("the server neither listened nor ended within %v", startLimit))
			return nil
		case err != nil:
			return v.didNotStart(ctx, wire.Server, target.peer, err)
		}
	}
	attack.Role, attack.SNI = wire.Client, ServerName
	attack.Connect = r.lab.host.reach(target.hostname, target.listening.Local)
	if err := r.arm(t, &attack); err != nil {
		return err
	}
	if t.Withdrawn {
		again, err := r.withdraw(ctx, t, &attack)
		if err != nil {
			return err
		}
		defer again()
	}
	evidence, err := r.attack(ctx, attack)
	if err != nil {
		return err
	}
	v.Client = asClient(evidence, v.Sent)
	v.spoke = !attack.Truncate && spokeTo(evidence.Last())
	v.Server = target.accountOf(ctx, v.Verdict)
	v.judge()
	return nil
}

func (r *auditor) attack(ctx context.Context, attack wire.Attack) (wire.Evidence, error) {
	if err := r.adversary.begin(attack); err != nil {
		return wire.Evidence{}, err
	}
	return r.adversary.evidence(ctx, attack.ID)
}

// withdraw has the adversary make a session, and the server stop trusting the
// root that the session stands on. The attack is then to resume it. again gives
// the server back its trust, and lets the next trial of the kind begin.
func (r *auditor) withdraw(ctx context.Context, t trial, attack *wire.Attack) (again func(), err error) {
	r.trust.Lock()
	defer func() {
		if err != nil {
			r.trust.Unlock()
		}
	}()
	before := *attack
	before.ID, before.Keep, before.Message = attack.ID+"-before", true, "while it is trusted"
	evidence, err := r.attack(ctx, before)
	if err != nil {
		return nil, err
	}
	if c := evidence.Last(); !c.Session || c.FirstLine() == "" {
		return nil, fmt.Errorf("the session that was to be resumed was not made: it ended by %s", c.End)
	}
	less := r.subject
	less.Trust = bytes.Replace(less.Trust, t.forged.Trust(), nil, 1)
	if err := r.server.reload(ctx, less); err != nil {
		return nil, err
	}
	attack.Resume = &wire.Resume{From: before.ID}
	return func() {
		_ = r.server.reload(ctx, r.subject) // where that fails, so will the control
		r.trust.Unlock()
	}, nil
}

func (r *auditor) againstClient(ctx context.Context, t trial, attack wire.Attack, v *result) error {
	attack.Role, attack.Listen = wire.Server, anyPort(r.lab.host.facts().listen)
	if err := r.arm(t, &attack); err != nil {
		return err
	}
	if err := r.adversary.begin(attack); err != nil {
		return err
	}
	listening, err := r.adversary.listening(ctx, attack.ID)
	if err != nil {
		return err
	}
	called := r.lab.client(r.audit.Peer, r.lab.host.reach(adversaryName, listening), ServerName, v.Sent.Text)
	called.again = true
	client, err := startPeer(ctx, r.lab.host, called)
	if err != nil {
		return err
	}
	material := r.subject
	if t.Material != nil {
		material = t.Material(material)
	}
	_ = client.giveAll(material) // one that has ended says so itself
	hung, err := v.hear(ctx, client)
	if err != nil {
		return err
	}
	if err := r.adversary.begin(wire.Attack{ID: attack.ID, End: true}); err != nil {
		return err
	}
	evidence, err := r.adversary.evidence(ctx, attack.ID)
	if err != nil {
		return err
	}
	server := asServer(evidence, v.Sent)
	v.Server = &server
	v.spoke = !t.AfterTrust && slices.ContainsFunc(evidence.Connections, spokeTo)
	v.judge()
	if t.Material != nil && !hung && v.Client.Kind == wire.Failed && !v.Leaked {
		return v.didNotStart(ctx, wire.Client, client, nil)
	}
	return nil
}

// spokeTo says whether the adversary heard anything over TLS. Neither side has
// anything to say before it has verified the other.
func spokeTo(c wire.Connection) bool { return c.Handshake && c.HeardBytes > 0 }

// hear takes the client's account. One that gives none in time has hung, which
// is its account, and is ended.
func (v *Verdict) hear(ctx context.Context, client *peer) (hung bool, err error) {
	limit, cancel := context.WithTimeout(ctx, trialLimit+accountGrace)
	defer cancel()
	v.Client, err = client.final(limit)
	if err == nil || limit.Err() == nil || ctx.Err() != nil {
		return false, err
	}
	v.Client = wire.Outcome{
		Role: wire.Client, Kind: wire.Failed, Reason: wire.Timeout,
		Detail: fmt.Sprintf("it gave no account within %v", trialLimit+accountGrace),
	}
	return true, client.stop(ctx)
}

// didNotStart is the verdict of a peer that was given material it cannot work
// with, and says so by its exit code.
func (v *Verdict) didNotStart(ctx context.Context, role wire.Role, p *peer, err error) error {
	if p == nil {
		return err // the lab could not start it at all
	}
	code, waitErr := p.process.wait(ctx)
	if waitErr != nil {
		return waitErr
	}
	if code == 0 {
		v.inconclusive("the peer ended, and called it a success")
		return nil
	}
	account := &wire.Outcome{Role: role, Kind: wire.Failed, Reason: wire.BadMaterial, Detail: fmt.Sprintf("exit code %d%s", code, p.stderr.said())}
	if role == wire.Server {
		v.Server, v.Client = account, wire.Outcome{Role: wire.Client, Kind: wire.Unreachable}
	} else {
		v.Client = *account
	}
	v.Decision, v.By, v.Reason, v.Why = WasRefused, role, wire.BadMaterial, ""
	return nil
}
