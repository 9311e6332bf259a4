package audit

import (
	"context"
	"slices"
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/verdict"
)

// stay has the adversary say something, and something else on the same connection once the
// server was changed as the case says, or the adversary's certificate has expired.
func (r *round) stay(ctx context.Context, t trial, server *target, order attack.Attack, v *verdict.Trial) error {
	brief, expired, err := r.Chains.brief(r.traits.Known)
	if err != nil {
		return err
	}
	if t.Meanwhile == cases.StaysAsItIs {
		order.Chain, order.Key = brief.Chain, brief.PKCS8
	}
	talk, speech, err := r.twice(v)
	if err != nil {
		return err
	}
	order.Dialogue = &talk
	if err := r.Adversary.Hold(ctx, order); err != nil {
		return err
	}
	goes := true
	if t.Meanwhile.Reloads() {
		goes, err = r.readsAgain(ctx, t, server, v)
	} else {
		err = wait(ctx, expired)
	}
	if err != nil {
		return err
	}
	if v.Evidence, err = r.Adversary.Finish(ctx, order.ID); err != nil || !goes {
		return err
	}
	last := v.Evidence.Last()
	if last.Held == 0 {
		v.Void = "the connection that was to stay open was not served"
		return nil
	}
	last.Heard = last.Heard[min(last.Held, len(last.Heard)):] // what came before is nothing to the case
	v.Evidence.Connections[len(v.Evidence.Connections)-1] = last
	v.Delivered, v.Refused = speech.Delivered(last.Heard), speech.Refused(last.Heard)
	v.Account, err = server.Account(ctx, peer.Asked{
		Sent: v.Sent, Nonce: v.Nonce, Local: last.Local, Began: last.Began, Ending: last.End, NoLog: true, Patient: true,
	})
	return err
}

// twice is a dialogue of two messages, between which the adversary holds, and how the answer to
// the second is read.
func (r *round) twice(v *verdict.Trial) (attack.Dialogue, peer.Speech, error) {
	first, _, err := r.words(greeting(v.Nonce+", before"), v.Nonce, &attack.Head{Stays: true})
	if err != nil {
		return first, nil, err
	}
	second, speech, err := r.words(v.Sent.Text, v.Nonce, nil)
	first.Talk = slices.Concat(first.Talk, []attack.Turn{{Hold: true}}, second.Talk)
	return first, speech, err
}

// words are a message in the server's own protocol: where that is the adversary's own, a line.
func (r *round) words(message, nonce string, head *attack.Head) (attack.Dialogue, peer.Speech, error) {
	speech, err := r.traits.Protocol.Speech(message, nonce, head)
	if err != nil {
		return attack.Dialogue{}, nil, err
	}
	of := attack.Attack{Message: message}
	if err := speech.Ask(&of); err != nil {
		return attack.Dialogue{}, nil, err
	}
	if of.Dialogue == nil {
		of.Dialogue = &attack.Dialogue{Talk: []attack.Turn{{Say: []byte(message + "\n")}, {Hear: "\n"}}}
	}
	return *of.Dialogue, speech, nil
}

func wait(ctx context.Context, until time.Time) error {
	select {
	case <-time.After(time.Until(until)):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
