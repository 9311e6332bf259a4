package audit

import (
	"context"
	"errors"
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/verdict"
)

// stay has the adversary say something, and something else on the same connection once the
// server was changed as the case says, or the adversary's certificate has expired.
func (r *round) stay(ctx context.Context, t trial, server *target, order attack.Attack, v *verdict.Trial) error {
	meanwhile := func() error {
		began := time.Now()
		if goes, err := r.readsAgain(ctx, t, server, v); !goes || err != nil {
			return err
		}
		return wait(ctx, began.Add(openAfter))
	}
	late := false
	if t.Meanwhile == cases.StaysAsItIs {
		brief, expired, err := r.Chains.brief(r.guise(), r.patience.life())
		if err != nil {
			return err
		}
		order.Chain, order.Key = brief.Chain, brief.PKCS8
		meanwhile = func() error {
			late = time.Now().After(expired)
			return wait(ctx, expired.Add(openAfter))
		}
	}
	evidence, speech, err := r.twice(ctx, order, v.Nonce, meanwhile)
	if err != nil || v.Untried != "" {
		return err
	}
	v.Evidence = evidence
	last := evidence.Last()
	if late {
		v.Void = expiredUnshown
		return nil
	}
	if last.Held == 0 {
		v.Void = "the connection that was to stay open was not served"
		return nil
	}
	v.Reading = speech.Read(last.Heard)
	if !v.Delivered {
		if stays, err := r.staysOpen(ctx, t, server); !stays || err != nil {
			v.Untried = "it serves no second message on a connection, whatever happens"
			return err
		}
	}
	v.Account, err = server.Account(ctx, peer.Asked{
		Sent: v.Sent, Nonce: v.Nonce, Local: last.Local, Began: last.Began, Ending: last.End, NoLog: true, Patient: true,
	})
	return err
}

// expiredUnshown voids a trial of a certificate that was to expire in its course, and not before.
const expiredUnshown = "the certificate had expired before it was shown: the machine was busy"

// openAfter is how long after a change an open connection is asked again. A server may have
// ended it by then.
const openAfter = time.Second

// staysOpen is the control of a connection that ended: whether the good client is served twice
// on one, if nothing happens in between.
func (r *round) staysOpen(ctx context.Context, t trial, server *target) (bool, error) {
	good, err := r.Chains.good(r.guise())
	if err != nil {
		return false, err
	}
	t.forged = good
	nonce := sandbox.NewID()
	order := r.order(t, nonce, greeting(nonce))
	order.Connect = server.at.Address
	evidence, speech, err := r.twice(ctx, order, nonce, func() error { return nil })
	return err == nil && speech.Read(evidence.Last().Heard).Delivered, err
}

// twice carries out an attack that says two messages on one connection, the attack's own as the
// second, with something that happens in between. Heard is what came after that.
func (r *round) twice(
	ctx context.Context, order attack.Attack, nonce string, meanwhile func() error,
) (attack.Evidence, peer.Speech, error) {
	dialogue, speech, err := peer.Twice(r.traits.Protocol, greeting(nonce+", before"), order.Message, nonce)
	if err != nil {
		return attack.Evidence{}, nil, err
	}
	order.Dialogue = &dialogue
	if err := r.Adversary.Hold(ctx, order); err != nil {
		return attack.Evidence{}, nil, err
	}
	broke := meanwhile()
	evidence, err := r.Adversary.Finish(ctx, order.ID)
	if n := len(evidence.Connections); n > 0 {
		last := &evidence.Connections[n-1]
		last.Heard = last.Heard[min(last.Held, len(last.Heard)):]
	}
	return evidence, speech, errors.Join(broke, err)
}

func wait(ctx context.Context, until time.Time) error {
	select {
	case <-time.After(time.Until(until)):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
