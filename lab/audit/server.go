package audit

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// target is an audited server that takes connections.
type target struct {
	peer.Serving
	at   peer.Listening
	stop func() // ends it, if it is of one trial alone
}

// given is what the audited server is started with.
func (r *round) given(lists bool) peer.Given {
	return peer.Given{
		Hostname: r.Place.Names.Fresh(r.audit.Peer.Name()), Material: r.material, Lists: lists, Store: r.store,
		Admit: r.traits.Known.Of(pki.RequestOf(wire.Client).Name),
	}
}

// serveFor starts a server for all trials.
func (r *round) serveFor(ctx context.Context, g peer.Given) (*target, error) {
	began := time.Now()
	serving, err := r.server.Serve(ctx, g)
	if err != nil {
		return nil, err
	}
	listening, err := serving.Wait(ctx)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.starts = max(r.starts, time.Since(began))
	return &target{serving, listening, func() {}}, nil
}

// serveAlone starts a server for one trial alone.
func (r *round) serveAlone(ctx context.Context, t trial, v *verdict.Trial) (*target, error) {
	g := r.given(t.lists)
	g.Alone = true
	if t.Meanwhile == cases.StrikesOff {
		g.Admit = r.traits.Known.Of(t.Named)
	}
	if t.Material != nil {
		g.Material = t.Material(g.Material)
	}
	if t.Reload == cases.TakeAuthority {
		g.Material.Trust = bytes.Replace(g.Material.Trust, t.forged.Trust(), nil, 1)
	}
	return r.serveOne(ctx, g, v)
}

// serveOne starts a server, or says in v what came of that.
func (r *round) serveOne(ctx context.Context, g peer.Given, v *verdict.Trial) (*target, error) {
	serving, err := r.server.Serve(ctx, g)
	if err != nil {
		return nil, notServing(err, v)
	}
	stop := sync.OnceFunc(func() {
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		_ = serving.Stop(limit) // one that does not end is in the way of the next, and of the control
	})
	within := min(peer.StartLimit, max(leastStart, startsWithin*r.starts))
	limit, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	listening, err := serving.Wait(limit)
	switch {
	case err == nil:
		return &target{serving, listening, stop}, nil
	case limit.Err() != nil && ctx.Err() == nil:
		v.Void, err = fmt.Sprintf("the server neither listened nor ended within %v", within), nil
	default:
		err = notServing(err, v)
	}
	stop()
	return nil, err
}

// A server that is given bad material has as long to start as this many times what a good
// start took, and at least so long.
const (
	startsWithin = 10
	leastStart   = 5 * time.Second
)

// notServing has a server that did not come to serve, for a trial alone, be what came of
// that. Any other error is the lab's.
func notServing(err error, v *verdict.Trial) error {
	if cannot, ok := errors.AsType[*peer.CannotError](err); ok {
		v.Untried = cannot.Why
		return nil
	}
	unusable, ok := errors.AsType[*peer.UnusableError](err)
	switch {
	case !ok:
		return err
	case unusable.Ended != nil:
		v.Account = unusable.Ended
	default:
		v.Void = "the server neither listened nor ended: " + unusable.What
	}
	return nil
}

// tryAlone carries out one trial of a server that is started for it alone.
func (r *round) tryAlone(ctx context.Context, t trial, v *verdict.Trial) error {
	server := r.first
	if t.Meanwhile != cases.TrustsElsewhere {
		alone, err := r.serveAlone(ctx, t, v)
		if alone == nil || err != nil {
			return err
		}
		defer alone.stop()
		server = alone
	}
	return r.tryAgainst(ctx, t, server, v)
}

// tryAgainst carries out one trial of a server that is there.
func (r *round) tryAgainst(ctx context.Context, t trial, server *target, v *verdict.Trial) error {
	order := r.order(t, v.Nonce, v.Sent.Text)
	order.Limit = v.Patience
	order.Connect = server.at.Address
	expired, err := r.Chains.arm(t, r.guise(), r.patience.life(), &order)
	if err != nil {
		return err
	}
	head, err := r.headOf(t)
	if err != nil {
		return err
	}
	speech, err := r.traits.Protocol.Speech(v.Sent.Text, v.Nonce, head)
	if err != nil {
		return err
	}
	if err := speech.Ask(&order); err != nil {
		return err
	}
	if t.Reload != cases.NoReload {
		if goes, err := r.reload(ctx, t, server, v); !goes || err != nil {
			return err
		}
	}
	if t.Stays {
		return r.stay(ctx, t, server, order, v)
	}
	if t.Meanwhile != cases.Nothing {
		after, err := r.meanwhile(ctx, t, server, &order, v)
		if after == nil || err != nil {
			return err
		}
		defer after.stop()
		server = after
	}
	if err := r.carryAgainst(ctx, t, server, order, speech, v); err != nil {
		return err
	}
	if !expired.IsZero() && len(v.Evidence.Connections) > 0 {
		if first := v.Evidence.Connections[0]; first.Began.Add(first.Took).After(expired) {
			v.Void = expiredUnshown
		}
	}
	if !t.alone() || v.Judge().Decision != verdict.WasRefused {
		return nil
	}
	return r.lookAgain(ctx, t, server, v)
}

// headOf is what is odd about the head of a trial's request.
func (r *round) headOf(t trial) (*attack.Head, error) {
	if t.Head == nil || !t.Head.Copied {
		return t.Head, nil
	}
	good, err := r.Chains.good(r.guise())
	if err != nil {
		return nil, err
	}
	head := *t.Head
	head.Fields = slices.Concat(head.Fields, cases.CertificateFields(good.Chain[0]))
	return &head, nil
}

// order is an attack on a server as it is told, as long as it is honest.
func (r *round) order(t trial, id, message string) attack.Attack {
	return attack.Attack{
		ID: id, Role: wire.Client, Version: t.version, Message: message, Chain: t.forged.Chain, Key: t.forged.PKCS8,
		SNI: cmp.Or(r.traits.ServerName, pki.ServerName), Limit: r.traits.Patience,
	}
}

// carryAgainst has the adversary attack a server, and takes both accounts.
func (r *round) carryAgainst(
	ctx context.Context, t trial, server *target, order attack.Attack, speech peer.Speech, v *verdict.Trial,
) error {
	makesSession := order.Resume != nil && order.Resume.From == "" && !order.Resume.Uninvited
	if makesSession {
		order.Resume.Message = greeting(v.Nonce + ", for a session")
	}
	evidence, err := r.Adversary.Carry(ctx, order)
	if err != nil {
		return err
	}
	last := evidence.Last()
	v.Evidence, v.CutShort = evidence, order.Truncate
	v.Reading = speech.Read(last.Heard)
	if makesSession {
		first, err := r.traits.Protocol.Speech(order.Resume.Message, v.Nonce, nil)
		if err != nil {
			return err
		}
		made := evidence.Connections[0]
		if notResumable(made, first.Read(made.Heard).Delivered, v) {
			return nil
		}
	}
	strange := order.Resume != nil && (order.Resume.Uninvited || order.NoCertificate)
	if strange && v.Delivered && !resumed(last) {
		v.Untried = "it serves such a client without any session"
		return nil
	}
	if r.traits.Tells && last.Local == "" {
		return nil // there was no connection to give an account of
	}
	v.Account, err = server.Account(ctx, peer.Asked{
		Sent: v.Sent, Nonce: v.Nonce, Local: last.Local, Began: last.Began, Ending: last.End,
		NoLog: order.Resume != nil, CutShort: order.Truncate, Patient: t.alone(),
		Late:     r.traits.Mute && last.Alert == nil && t.rule.Expect != cases.MustRefuse,
		Answered: t.ID == controlID && v.Delivered,
	})
	return err
}

func resumed(c attack.Connection) bool { return c.TLS != nil && c.TLS.Resumed }

// notResumable says whether an attack was to resume a session that there is not, and has
// that be what came of it.
func notResumable(made attack.Connection, delivered bool, v *verdict.Trial) bool {
	switch {
	case !delivered:
		v.Void = "the connection that was to make the session was not served: it ended by " + string(made.End)
	case !made.Session:
		v.Untried = "it gives no session that could be resumed"
	default:
		return false
	}
	return true
}

// lookAgain takes a refusal back that says nothing: of a server that has logged the
// message before it ended, or that serves nobody any more.
func (r *round) lookAgain(ctx context.Context, t trial, server *target, v *verdict.Trial) error {
	if t.Meanwhile != cases.Nothing || t.Reload != cases.NoReload {
		return r.servesGood(ctx, t, server, v)
	}
	server.stop() // then its log is whole
	logged, err := server.Account(ctx, peer.Asked{Sent: v.Sent, Nonce: v.Nonce, Log: true})
	if logged != nil {
		v.Account = logged
	}
	return err
}
