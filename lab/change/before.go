package change

import (
	"context"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/peer"
)

// held is what there is of somebody from before a change.
type held struct {
	open    attack.Attack // a connection; none if it has no ID
	speech  peer.Speech   // of the message to come on it
	session string        // the ID of the attack that made it; none if empty
}

// whose are connections and sessions from before: of whoever the change is about.
func (w *world) whose() *client {
	if w.kind == TrustRemoved || w.kind == Listed {
		return w.other
	}
	return w.good
}

// hold makes a connection that stays open, and a session, before a change.
func (w *world) hold(ctx context.Context) (held, error) {
	var h held
	made := w.order(w.whose())
	made.Keep = true
	seen, delivered, err := w.say(ctx, made)
	if err != nil {
		return h, err
	}
	if delivered && seen.Session {
		h.session = made.ID
	}
	if w.server.Lacks(peer.Demand{Stays: true}) != "" {
		return h, nil
	}
	open := w.order(w.whose())
	open.Limit = attack.MaxLimit
	dialogue, speech, err := peer.Twice(w.traits.Protocol, open.Message, open.Message, open.ID)
	if err != nil {
		return h, err
	}
	open.Dialogue, h.speech = &dialogue, speech
	h.open = open
	return h, w.Adversary.Hold(ctx, open)
}

// from finds out what has become of what was there before.
func (w *world) from(ctx context.Context, h held) error {
	if h.open.ID != "" {
		evidence, err := w.Adversary.Finish(ctx, h.open.ID)
		if err != nil {
			return err
		}
		last := evidence.Last()
		w.Kept = Ends
		if last.Held > 0 && h.speech.Read(last.Heard[min(last.Held, len(last.Heard)):]).Delivered {
			w.Kept = GoesOn
		}
		if last.Held == 0 {
			w.Kept = None
		}
	}
	if h.session == "" {
		w.Resumed = None
		return nil
	}
	again := w.order(w.whose())
	again.Resume = &attack.Resume{From: h.session}
	seen, delivered, err := w.say(ctx, again)
	switch {
	case !delivered:
		w.Resumed = Ends
	case seen.TLS != nil && seen.TLS.Resumed:
		w.Resumed = GoesOn
	default:
		w.Resumed = Anew
	}
	return err
}
