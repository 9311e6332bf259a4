package lab

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// withdrawAdapted has the adversary make a session, and the server trust its
// root no more. The attack is then to resume it. There is no word of when the
// server has read its trust again: it has once it takes no new session of that
// root. done says that it did not come to the attack.
func (r *auditor) withdrawAdapted(ctx context.Context, t trial, s *adaptedServer, order *attack.Attack, v *result) (done bool, err error) {
	speech, err := r.visitor.Speech(v.Sent.Text, v.Nonce)
	if err != nil {
		return false, err
	}
	before := *order
	before.ID, before.Keep = order.ID+"-before", true
	evidence, err := r.attack(ctx, before)
	if err != nil {
		return false, err
	}
	last := evidence.Last()
	if v.Client = asClientIn(speech, last, v.Sent); v.notResumable(last, speech.Delivered(last.Heard)) {
		return true, nil
	}
	less := r.subject
	less.Trust = bytes.Replace(less.Trust, t.forged.Trust(), nil, 1)
	if err := s.reload(ctx, less); err != nil {
		return false, err
	}
	took, err := r.untrusted(ctx, *order, speech)
	if err != nil {
		return false, err
	}
	if !took {
		v.Client = wire.Outcome{Role: wire.Client, Kind: wire.Failed, Detail: "the session was not resumed"}
		v.inconclusive("it went on trusting the root long after it was told to read its trust again")
		return true, nil
	}
	order.Resume = &attack.Resume{From: before.ID}
	return false, nil
}

// settled is for how long a server must have refused all new sessions before it
// is taken to have read its trust again: one with several processes replaces
// them one by one.
const settled = time.Second

// untrusted waits until the server takes no new session of the attack's root.
func (r *auditor) untrusted(ctx context.Context, order attack.Attack, speech adapter.Speech) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, adaptedLimit)
	defer cancel()
	ticker := time.NewTicker(knockPause)
	defer ticker.Stop()
	since := time.Now()
	for i := 0; time.Since(since) < settled; i++ {
		attempt := order
		attempt.ID = fmt.Sprintf("%s-fresh-%d", order.ID, i)
		evidence, err := r.attack(ctx, attempt)
		if ctx.Err() != nil {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		last := evidence.Last()
		turnedAway := last.Alert != nil || speech.Refused(last.Heard) || closed(last)
		if speech.Delivered(last.Heard) || !turnedAway {
			since = time.Now()
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
	return true, nil
}

// servesStill takes a refusal back that says nothing: a server that was told to
// trust less may have stopped serving anybody.
func (r *auditor) servesStill(ctx context.Context, t trial, s *adaptedServer, v *result) error {
	forged, err := r.lab.forge(cases.Case{}, wire.Client)
	if err != nil {
		return err
	}
	nonce := newID()
	good := attack.Attack{
		ID: nonce, Role: wire.Client, Version: t.version, Message: fmt.Sprintf("%s (%s)", Greeting, nonce), Chain: forged.Chain, Key: forged.PKCS8,
		SNI: ServerName, Connect: s.address, Limit: adaptedLimit,
	}
	speech, err := s.Speech(good.Message, nonce)
	if err != nil {
		return err
	}
	if err := speak(&good, speech); err != nil {
		return err
	}
	evidence, err := r.attack(ctx, good)
	if err == nil && !speech.Delivered(evidence.Last().Heard) {
		v.inconclusive("once it was told to trust less, it served nobody")
	}
	return err
}
