package audit

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/verdict"
)

// meanwhile has the adversary make a session, and then has the server change as the case says.
// What it returns is the server that the session is to be resumed at; none if it did not come
// to that, and v says why.
func (r *round) meanwhile(
	ctx context.Context, t trial, server *target, order *attack.Attack, v *verdict.Trial,
) (*target, error) {
	before := r.order(t, order.ID+"-before", greeting(v.Nonce+", for a session"))
	before.Keep = true
	evidence, delivered, err := r.say(ctx, server, before, v.Nonce)
	if err != nil {
		return nil, err
	}
	v.Evidence = evidence
	if notResumable(evidence.Last(), delivered, v) {
		return nil, nil //nolint:nilnil // v says why
	}
	order.Resume = &attack.Resume{From: before.ID}
	if t.Meanwhile.Reloads() {
		if goes, err := r.readsAgain(ctx, t, server, v); !goes || err != nil {
			return nil, err
		}
		return server, nil
	}
	after, err := r.another(ctx, t, server, v)
	if after != nil {
		order.Connect = after.at.Address
	}
	return after, err
}

// another is the server that a session is to be resumed at, if that is not the one that gave
// it.
func (r *round) another(ctx context.Context, t trial, server *target, v *verdict.Trial) (*target, error) {
	g := r.given(t.lists)
	g.Alone = true
	switch t.Meanwhile {
	case cases.StrikesOff:
		return r.first, nil
	case cases.StartsAnew:
		server.stop()
	case cases.TrustsElsewhere:
		g.Material.Trust = bytes.Replace(g.Material.Trust, t.forged.Trust(), nil, 1)
	case cases.Nothing, cases.ForgetsTrust, cases.LearnsLists, cases.StaysAsItIs:
	}
	return r.serveOne(ctx, g, v)
}

// readsAgain has a server read its material again, by which the adversary's chain is good for
// nothing any more, and waits until that shows. If it does not, v says so.
func (r *round) readsAgain(ctx context.Context, t trial, server *target, v *verdict.Trial) (shows bool, err error) {
	m, what := r.material, "an authority that it was told to forget"
	if t.Meanwhile == cases.LearnsLists {
		m.CRL, what = bytes.Replace(m.CRL, t.forged.CRLs(), t.forged.Later(), 1), "a certificate that is on the lists"
	} else {
		m.Trust = bytes.Replace(m.Trust, t.forged.Trust(), nil, 1)
	}
	renewal, err := server.Reload(ctx, m)
	used := renewal.InUse
	if err == nil && !used && !renewal.Kept {
		used, err = r.untilUntrusted(ctx, t, server)
	}
	if err == nil && !used {
		v.Untried = "it goes on trusting " + what + ", so that no session of it can be stale"
	}
	return used, err
}

// say carries out an honest attack in the server's own protocol, and says whether its
// message was delivered.
func (r *round) say(
	ctx context.Context,
	server *target,
	order attack.Attack,
	nonce string,
) (attack.Evidence, bool, error) {
	order.Connect = server.at.Address
	speech, err := r.traits.Protocol.Speech(order.Message, nonce, nil)
	if err != nil {
		return attack.Evidence{}, false, err
	}
	if err := speech.Ask(&order); err != nil {
		return attack.Evidence{}, false, err
	}
	evidence, err := r.Adversary.Carry(ctx, order)
	return evidence, speech.Read(evidence.Last().Heard).Delivered, err
}

// settled is for how long what a server was told must show before it is taken to have done it: one
// with several processes replaces them one by one.
const settled = time.Second

// Between two looks is the shorter pause, as long as it shows; where it does not, the server is given time.
const (
	shownPause   = 40 * time.Millisecond
	unshownPause = 320 * time.Millisecond
)

// settles waits until what a server was told shows for so long, or for as long as a server may take.
func (r *round) settles(ctx context.Context, enough time.Duration, shows func() (bool, error)) (bool, error) {
	limit := time.NewTimer(r.traits.Patience)
	defer limit.Stop()
	pause := time.NewTimer(0)
	defer pause.Stop()
	next, since := shownPause, time.Now()
	for {
		select {
		case <-pause.C:
		case <-limit.C:
			return false, nil
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
		shown, err := shows()
		switch {
		case err != nil:
			return false, err
		case !shown:
			next, since = min(2*next, unshownPause), time.Now()
		case time.Since(since) >= enough:
			return true, nil
		default:
			next = shownPause
		}
		pause.Reset(next)
	}
}

// untilUntrusted waits until the server takes no new session of the trial's root: there is
// no other word of when it has read its trust again.
func (r *round) untilUntrusted(ctx context.Context, t trial, server *target) (bool, error) {
	return r.settles(ctx, settled, func() (bool, error) { return r.turnedAway(ctx, t, server) })
}

// turnedAway says whether the server refuses a new session of the trial's root.
func (r *round) turnedAway(ctx context.Context, t trial, server *target) (bool, error) {
	nonce := sandbox.NewID()
	evidence, delivered, err := r.say(ctx, server, r.order(t, nonce, greeting(nonce)), nonce)
	if err != nil || delivered {
		return false, err
	}
	speech, err := r.traits.Protocol.Speech("", nonce, nil)
	if err != nil {
		return false, err
	}
	last := evidence.Last()
	return last.Alert != nil || speech.Read(last.Heard).Refused || verdict.Closed(last), nil
}

// servesGood takes a refusal back that says nothing: a server that was told to trust less
// may have stopped serving anybody.
func (r *round) servesGood(ctx context.Context, t trial, server *target, v *verdict.Trial) error {
	good, err := r.Chains.good(r.guise())
	if err != nil {
		return err
	}
	t.forged = good
	nonce := sandbox.NewID()
	_, delivered, err := r.say(ctx, server, r.order(t, nonce, greeting(nonce)), nonce)
	if err == nil && !delivered {
		v.Void = "once it was told to trust less, it served nobody"
	}
	return err
}

// checkLogs looks into the servers' logs again, in which all is by now: the controls after
// the trials are.
func (r *round) checkLogs(ctx context.Context, plan []trial, results []tried) error {
	for i := range results {
		v := &results[i].Trial
		if results[i].by == nil || v.Untried != "" || plan[i].alone() || plan[i].resumes() ||
			v.Judge().Decision != verdict.WasRefused {
			continue
		}
		logged, err := results[i].by.Account(ctx, peer.Asked{Sent: v.Sent, Nonce: v.Nonce, Log: true})
		if err != nil {
			return err
		}
		if logged != nil {
			v.Account = logged
		}
	}
	return nil
}

// greeting is a message with a nonce in it.
func greeting(nonce string) string { return fmt.Sprintf("Hello, server! (%s)", nonce) }
