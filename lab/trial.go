package lab

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// result is what came of a trial.
type result struct {
	Verdict

	// untried says why there was no trial after all.
	untried string

	// answered says that the audited client was said something over TLS or without
	// it, by an adversary that it had taken for its server.
	answered bool

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
	timeout := r.lab.cfg.Timeout
	if r.visitor != nil {
		timeout = max(timeout, adaptedTimeout)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("the exchange took longer than %v", timeout))
	defer cancel()
	nonce := newID()
	v := result{Verdict: Verdict{Nonce: nonce, Sent: wire.DigestOf(fmt.Sprintf("%s (%s)", Greeting, nonce))}}
	order := attack.Attack{
		ID: nonce, Version: t.version, Message: v.Sent.Text, Chain: t.forged.Chain, Key: t.forged.PKCS8, Limit: trialLimit,
	}
	if err := r.against(ctx, t, order, &v); err != nil {
		return v, err
	}
	v.Took = time.Since(began)
	return v, nil
}

// arm makes the attack what the case says, once all else about it is set.
func (r *auditor) arm(t trial, order *attack.Attack) error {
	if t.Attack == nil {
		return nil
	}
	t.Attack(order)
	if order.Resume == nil || !order.Resume.AfterExpiry {
		return nil
	}
	// A leaf that is to expire before the attack is over is made last of all.
	request := clientRequest
	request.NotAfter = time.Now().Add(cases.BriefLife).Truncate(time.Second)
	forged, err := r.lab.Authority.Forge(request)
	if err != nil {
		return err
	}
	order.Chain, order.Key = forged.Chain, forged.PKCS8
	return nil
}

// against carries out the trial of whatever is audited.
func (r *auditor) against(ctx context.Context, t trial, order attack.Attack, v *result) error {
	server := r.audit.Role == wire.Server
	switch {
	case r.visitor != nil && server:
		return r.againstVisitingServer(ctx, t, order, v)
	case r.visitor != nil:
		return r.againstVisitingClient(ctx, t, order, v)
	case server:
		return r.againstServer(ctx, t, order, v)
	default:
		return r.againstClient(ctx, t, order, v)
	}
}

func (r *auditor) againstServer(ctx context.Context, t trial, order attack.Attack, v *result) error {
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
	order.Role, order.SNI = wire.Client, ServerName
	order.Connect = r.lab.host.reach(target.hostname, target.listening.Local)
	if err := r.arm(t, &order); err != nil {
		return err
	}
	if t.Withdrawn {
		again, err := r.withdraw(ctx, t, &order)
		if err != nil {
			return err
		}
		defer again()
	}
	evidence, err := r.attack(ctx, order)
	if err != nil {
		return err
	}
	v.Client = asClient(evidence, v.Sent)
	if order.Resume != nil && order.Resume.From == "" {
		if first := evidence.Connections[0]; v.notResumable(first, first.FirstLine() != "") {
			return nil
		}
	}
	v.spoke = !order.Truncate && spokeTo(evidence.Last())
	v.Server = target.accountOf(ctx, v.Verdict, evidence.Last().Began)
	v.judge()
	return nil
}

func (r *auditor) attack(ctx context.Context, order attack.Attack) (attack.Evidence, error) {
	if err := r.adversary.begin(order); err != nil {
		return attack.Evidence{}, err
	}
	return r.adversary.evidence(ctx, order.ID)
}

// withdraw has the adversary make a session, and the server stop trusting the
// root that the session stands on. The attack is then to resume it. again gives
// the server back its trust, and lets the next trial of the kind begin.
func (r *auditor) withdraw(ctx context.Context, t trial, order *attack.Attack) (again func(), err error) {
	r.trust.Lock()
	defer func() {
		if err != nil {
			r.trust.Unlock()
		}
	}()
	before := *order
	before.ID, before.Keep, before.Message = order.ID+"-before", true, "while it is trusted"
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
	order.Resume = &attack.Resume{From: before.ID}
	return func() {
		_ = r.server.reload(ctx, r.subject) // where that fails, so will the control
		r.trust.Unlock()
	}, nil
}

func (r *auditor) againstClient(ctx context.Context, t trial, order attack.Attack, v *result) error {
	order.Role, order.Listen = wire.Server, anyPort(r.lab.host.facts().listen)
	if err := r.arm(t, &order); err != nil {
		return err
	}
	if err := r.adversary.begin(order); err != nil {
		return err
	}
	listening, err := r.adversary.listening(ctx, order.ID)
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
	if err := r.adversary.begin(attack.Attack{ID: order.ID, End: true}); err != nil {
		return err
	}
	evidence, err := r.adversary.evidence(ctx, order.ID)
	if err != nil {
		return err
	}
	server := asServer(evidence, v.Sent, v.Sent.Text)
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
func spokeTo(c attack.Connection) bool { return c.Handshake && c.HeardBytes > 0 }

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
	switch {
	case code == 0:
		v.inconclusive("the peer ended, and called it a success")
		return nil
	case crashed(code):
		v.inconclusive(fmt.Sprintf("the peer crashed: exit code %d%s", code, p.stderr.said()))
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
