package lab

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/command"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// ahead says whether something of no peer's protocol is sent before the
// handshake, with the message after it.
func (t trial) ahead() bool {
	order := attack.Attack{Message: "message"}
	t.Attack(&order)
	return order.Message != ""
}

// againstVisitingServer carries out one trial of a server.
func (r *auditor) againstVisitingServer(ctx context.Context, t trial, order attack.Attack, v *result) error {
	switch {
	case t.Material != nil || t.Withdrawn:
		own, done, err := r.ownServer(ctx, t, v)
		if err != nil || own == nil {
			return err
		}
		err = r.againstServing(ctx, t, own, order, v)
		done()
		if v.Decision == WasRefused && !t.Withdrawn && own.logged(ctx, v.Nonce, true) { // it has ended, so its log is whole
			v.Leaked = true
			v.inconclusive(onlyLogged)
		}
		return err
	case t.lists:
		return r.againstServing(ctx, t, r.visitor.lists, order, v)
	default:
		return r.againstServing(ctx, t, r.visitor.plain, order, v)
	}
}

// againstServing carries out one trial of a server that takes connections.
func (r *auditor) againstServing(ctx context.Context, t trial, target *adaptedServer, order attack.Attack, v *result) error {
	order.Role, order.SNI, order.Connect, order.Limit = wire.Client, ServerName, target.address, adaptedLimit
	speech, err := r.visitor.Speech(v.Sent.Text, v.Nonce)
	if err != nil {
		return err
	}
	if err := r.arm(t, &order); err != nil {
		return err
	}
	if err := speak(&order, speech); err != nil {
		return err
	}
	if t.Withdrawn {
		if done, err := r.withdrawAdapted(ctx, t, target, &order, v); done || err != nil {
			return err
		}
	}
	evidence, err := r.attack(ctx, order)
	if err != nil {
		return err
	}
	last := evidence.Last()
	if err := r.stillOwn(ctx, t, target, v); err != nil || v.Decision != "" {
		return err
	}
	v.Client = asClientIn(speech, last, v.Sent)
	if order.Resume != nil && order.Resume.From == "" {
		first := evidence.Connections[0]
		if v.notResumable(first, speech.Delivered(first.Heard)) {
			return nil
		}
	}
	logged := order.Resume == nil && target.logged(ctx, v.Nonce, order.Truncate)
	v.judgeVisitor(target, speech, last, logged, order.Truncate)
	switch {
	case t.ID == controlID && v.Decision == WasDelivered && target.Logs && !target.logged(ctx, v.Nonce, true):
		return target.unusable("a message was answered, and is not in its output, though its adapter says that it logs them", "logs")
	case t.Withdrawn && v.Decision == WasRefused:
		return r.servesStill(ctx, t, target, v)
	case t.Material != nil && v.Decision != WasDelivered:
		return v.judgeStart(ctx, target, last)
	}
	return nil
}

// notResumable says whether the attack was to resume a session that there is not,
// and makes that its result.
func (v *result) notResumable(first attack.Connection, delivered bool) bool {
	switch {
	case !delivered:
		v.inconclusive("the connection that was to make the session was not served: it ended by " + string(first.End))
	case !first.Session:
		v.untried = noSession
	default:
		return false
	}
	return true
}

const noSession = "it gives no session that could be resumed"

// stillOwn sees to it that whoever answered was the server that was started for
// this trial. Of one that has ended by then, that is the account.
func (r *auditor) stillOwn(ctx context.Context, t trial, s *adaptedServer, v *result) error {
	if t.Material == nil && !t.Withdrawn {
		return nil // it is looked after when all trials are over
	}
	err := s.stillThere(ctx)
	switch {
	case !errors.Is(err, errEnded):
		return err
	case t.Material != nil:
		return v.didNotStart(ctx, wire.Server, s.asPeer(), nil)
	default:
		v.inconclusive("the server ended")
		return nil
	}
}

// survived says whether the servers of an audit are still those that were
// started. What was asked of one that has ended, another may have answered.
func (r *auditor) survived(ctx context.Context) error {
	if r.visitor == nil {
		return nil
	}
	for _, s := range []*adaptedServer{r.visitor.plain, r.visitor.lists} {
		if s == nil {
			continue
		}
		if err := s.stillThere(ctx); errors.Is(err, errEnded) {
			return s.unusable("it ended during the audit", "its last lines")
		} else if err != nil {
			return err
		}
	}
	return nil
}

// speak has an attack said in a server's own protocol.
func speak(order *attack.Attack, speech adapter.Speech) error {
	dialogue := speech.AsClient
	var err error
	switch {
	case order.Message == "" && len(order.Preface) > 0:
		order.Preface, dialogue = speech.Ahead()
	case order.Truncate:
		dialogue, err = speech.CutShort(dialogue)
	}
	order.Dialogue = &dialogue
	return err
}

// ownServer starts a server for one trial alone. Without one, v is what came of
// the trial.
func (r *auditor) ownServer(ctx context.Context, t trial, v *result) (s *adaptedServer, done func(), err error) {
	material := r.subject
	if t.Material != nil {
		material = t.Material(material)
	}
	if r.inSpare(t) {
		s, done, err = r.spareServer(ctx, material, t.lists)
	} else {
		s, err = r.visitor.startServer(ctx, r.lab.name(r.visitor.Name), material, t.lists)
		done = func() { _ = s.stop(context.WithoutCancel(ctx)) } // what stays is removed with the lab
	}
	switch {
	case errors.Is(err, adapter.ErrNotPackable):
		v.untried = unpackable(err)
		return nil, nil, nil
	case errors.Is(err, errOccupied):
		v.inconclusive(err.Error())
		return nil, nil, nil
	case err != nil:
		return nil, nil, err
	}
	err = s.ready(ctx, r.adversary)
	unready, isUnready := errors.AsType[*AdapterError](err)
	switch {
	case err == nil:
		return s, done, nil
	case errors.Is(err, errEnded) && t.Material != nil:
		err = v.didNotStart(ctx, wire.Server, s.asPeer(), nil)
	case errors.Is(err, errEnded):
		v.inconclusive("the server ended before it was ready")
		err = nil
	case isUnready && t.Material != nil:
		v.Client = wire.Outcome{Role: wire.Client, Kind: wire.Unreachable}
		v.inconclusive("the server neither listened nor ended: " + unready.What)
		err = nil
	}
	done()
	return nil, nil, err
}

// asPeer is the server as one that gives no account.
func (s *adaptedServer) asPeer() *peer {
	s.stderr.mu.Lock()
	s.stderr.text = []byte(lastOf(joined(s.lastLines())))
	s.stderr.mu.Unlock()
	return &peer{process: s.process, program: program{hostname: s.Name}}
}

// againstVisitingClient carries out one trial of a client.
func (r *auditor) againstVisitingClient(ctx context.Context, t trial, order attack.Attack, v *result) error {
	c := r.visitor.client
	order.Role, order.Listen, order.Limit = wire.Server, anyPort(r.lab.host.facts().listen), adaptedLimit
	speech, err := r.visitor.Speech(v.Sent.Text, v.Nonce)
	if err != nil {
		return err
	}
	if err := r.arm(t, &order); err != nil {
		return err
	}
	dialogue := speech.AsServer
	if order.Truncate {
		if dialogue, err = speech.CutShort(dialogue); err != nil {
			return err
		}
	}
	order.Dialogue = &dialogue
	call := call{dir: c.Dir(), lists: t.lists, ip: r.visitor.calls, message: v.Sent.Text, nonce: v.Nonce}
	if t.Material != nil {
		other := r.visitor.spoiled[t.ID]
		if other.without != "" {
			v.untried = other.without
			return nil
		}
		call.dir = other.dir
	}
	evidence, back, err := r.receive(ctx, c, order, &call)
	if err != nil {
		return err
	}
	delivered, err := c.delivered(back, call)
	if err != nil {
		return err
	}
	v.Client = accountOfReturn(back, delivered)
	server := asServer(evidence, v.Sent, v.Nonce)
	v.Server = &server
	v.spoke = !t.AfterTrust && slices.ContainsFunc(evidence.Connections, spokeTo)
	v.answered = slices.ContainsFunc(evidence.Connections, func(c attack.Connection) bool { return c.Sent && (c.HeardBytes > 0 || c.Plain) })
	v.judgeVisitingClient(evidence, back, t, wire.IdentityOf(r.lab.Client.Certificate).Key)
	return nil
}

// receive has the adversary listen and the client call it.
func (r *auditor) receive(ctx context.Context, c *adaptedClient, order attack.Attack, call *call) (attack.Evidence, command.Result, error) {
	none := attack.Evidence{}
	if err := r.adversary.begin(order); err != nil {
		return none, command.Result{}, err
	}
	listening, err := r.adversary.listening(ctx, order.ID)
	if err != nil {
		return none, command.Result{}, err
	}
	if call.port, err = portOf(listening); err != nil {
		return none, command.Result{}, err
	}
	back, err := c.run(ctx, *call)
	if ended := r.adversary.begin(attack.Attack{ID: order.ID, End: true}); err != nil || ended != nil {
		return none, back, cmp.Or(err, ended)
	}
	evidence, err := r.adversary.evidence(ctx, order.ID)
	return evidence, back, err
}
