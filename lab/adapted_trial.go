package lab

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// adaptedLimit is how long somebody else's peer may take to say yes or no.
// Programs that are slow to start are no worse for it.
const adaptedLimit = 10 * time.Second

// adaptedTimeout bounds one trial of such a peer, which may begin with a start.
const adaptedTimeout = startLimit + errandLimit + adaptedLimit

// visitor is the audited peer where that is somebody else's image. It gives no
// account of its own, so what the adversary sees of it, and how it ends, is all
// there is.
type visitor struct {
	*adapted
	plain  *adaptedServer // of a server
	lists  *adaptedServer // the same with revocation lists, if any case needs them
	client *adaptedClient // of a client
	calls  string         // the address of whom it calls

	silent  map[string]string // why it is not tried in a version of TLS
	oneRoot bool              // it trusts no more than the first of the roots that it is given
}

// beginAdapted brings the audited image up, as often as the trials need it.
func (r *auditor) beginAdapted(ctx context.Context, plan []trial) (err error) {
	v := r.visitor
	if r.audit.Role == wire.Client {
		ip, err := v.host.addressOf(ctx, r.adversary.process)
		if err != nil {
			return err
		}
		hosts := []string{adapter.Host + ":" + ip}
		if v.client, err = v.startClient(ctx, r.lab.name(v.Name), r.subject, hosts); err != nil {
			return err
		}
		v.calls = ip
		return r.ask(ctx)
	}
	withLists := slices.ContainsFunc(plan, func(t trial) bool { return t.lists })
	var start errgroup.Group
	start.Go(func() (err error) {
		v.plain, err = r.startAdapted(ctx, r.subject, false)
		return err
	})
	if withLists {
		start.Go(func() (err error) {
			v.lists, err = r.startAdapted(ctx, r.subject, true)
			return err
		})
	}
	if err := start.Wait(); err != nil {
		return err
	}
	return r.ask(ctx)
}

// running are the containers of the audit.
func (v *visitor) running() []*process {
	var all []*process
	for _, s := range []*adaptedServer{v.plain, v.lists} {
		if s != nil {
			all = append(all, s.process)
		}
	}
	if v.client != nil {
		all = append(all, v.client.process)
	}
	return all
}

// usable holds an audit up where the good exchange is not delivered: hundreds of
// cases would prove nothing, and it is likely the adapter that is wrong. A version
// of TLS that the peer does not speak is left out, unless it was asked for. The
// controls that remain are returned, with their findings.
func (r *auditor) usable(controls []trial, findings []cases.Finding) ([]trial, []cases.Finding, error) {
	r.visitor.silent = make(map[string]string)
	var failed *AdapterError
	for i, f := range findings {
		if f.Status != cases.Passed && r.visitor.silent[f.Version] == "" {
			r.visitor.silent[f.Version] = fmt.Sprintf("the good exchange in TLS %s is not delivered", f.Version)
			if failed == nil {
				failed = r.undelivered(f, controls[i].lists)
			}
		}
	}
	if failed != nil && (r.chosen || len(r.visitor.silent) == len(r.audit.Versions)) {
		return nil, nil, failed
	}
	var left []trial
	var of []cases.Finding
	for i, t := range controls {
		if r.visitor.silent[t.version] == "" {
			left, of = append(left, t), append(of, findings[i])
		}
	}
	return left, of, nil
}

// undelivered is the error of a good exchange that was not.
func (r *auditor) undelivered(f cases.Finding, lists bool) *AdapterError {
	e := &AdapterError{
		Peer: r.visitor.Name,
		What: fmt.Sprintf("%s in TLS %s is not delivered: %s\n  client saw: %s\n  server saw: %s",
			f.Summary, f.Version, cmp.Or(f.Means, f.Decision), f.Client, f.Server),
		Look: "speaks, delivered, material, files",
	}
	switch {
	case r.visitor.client != nil:
		e.Look = "command, delivered, material"
		e.Log = []string{f.Client}
	case lists:
		e.Log = r.visitor.lists.lastLines()
	default:
		e.Log = r.visitor.plain.lastLines()
	}
	return e
}

// otherRoot is a good exchange under a root that only some cases stand on. A
// peer that takes one root alone turns those away whatever else is wrong.
func (r *auditor) otherRoot() (trial, error) {
	c := cases.Case{ID: "control/other-root", Summary: "the good exchange under another root", Withdrawn: true}
	forged, err := r.lab.forge(c, other(r.audit.Role))
	c.Withdrawn = false
	version := r.audit.Versions[len(r.audit.Versions)-1]
	if r.visitor != nil && r.visitor.silent[version] != "" {
		version = r.audit.Versions[0]
	}
	return trial{Case: c, version: version, rule: cases.Rule{Expect: cases.MustAccept}, forged: forged}, err
}

// tryOtherRoot finds out whether the peer takes more roots than one.
func (r *auditor) tryOtherRoot(ctx context.Context, plan []trial) error {
	if r.visitor == nil || !slices.ContainsFunc(plan, func(t trial) bool { return len(t.forged.ExtraRoots) > 0 }) {
		return nil
	}
	t, err := r.otherRoot()
	if err != nil {
		return err
	}
	v, err := r.inTurn(ctx, t)
	r.visitor.oneRoot = v.Decision != WasDelivered
	return err
}

func (r *auditor) startAdapted(ctx context.Context, material wire.Material, lists bool) (*adaptedServer, error) {
	return r.visitor.startReady(ctx, r.lab.name(r.visitor.Name), material, lists, r.adversary)
}

// startReady returns a server that is ready. One that ends instead is an
// *AdapterError.
func (a *adapted) startReady(ctx context.Context, name string, material wire.Material, lists bool, by *adversary) (*adaptedServer, error) {
	s, err := a.startServer(ctx, name, material, lists)
	if err != nil {
		return nil, err
	}
	if err := s.ready(ctx, by); errors.Is(err, errEnded) {
		code, err := s.wait(ctx)
		if err != nil {
			return nil, err
		}
		return nil, s.unusable(fmt.Sprintf("it ended with code %d before it was ready", code), "command, files, material")
	} else if err != nil {
		return nil, err
	}
	return s, nil
}

// ask has the peer say its version.
func (r *auditor) ask(ctx context.Context) error {
	v := r.visitor
	if len(v.Version) == 0 {
		return nil
	}
	container := v.plain
	id := ""
	if container != nil {
		id = container.id
	} else {
		id = v.client.id
	}
	output, code, err := v.host.execute(ctx, id, v.Version)
	if err == nil && code == 0 {
		v.product.Version = wire.Printable(firstOf(output))
	}
	return err
}

// missing says why a trial cannot be made of this peer; "" if it can.
func (r *auditor) missing(t trial) string {
	v := r.visitor
	if v == nil {
		return ""
	}
	server := r.audit.Role == wire.Server
	var attack wire.Attack
	if t.Attack != nil {
		t.Attack(&attack)
	}
	switch {
	case v.silent[t.version] != "":
		return v.silent[t.version]
	case slices.Contains(t.Needs, cases.RevocationLists) && !v.TakesLists():
		return "its adapter gives it no revocation lists"
	case server && slices.Contains(t.Needs, cases.Admission) && !v.Admits:
		return "it is not told whom to admit, and so admits whoever its authority vouches for"
	case v.oneRoot && len(t.forged.ExtraRoots) > 0:
		return "it trusts no more than one of the roots that it is given"
	case t.Withdrawn && v.Reload.Signal == "" && len(v.Reload.Command) == 0:
		return "its adapter knows no way to have it read its trust again"
	case server && attack.HangUp:
		return "it gives no account of what it does not answer"
	case server && len(attack.Preface) > 0 && !attack.NoTLS && t.ahead() && v.OpensPlainly():
		return "what comes first on its connections is in the clear anyway"
	default:
		return ""
	}
}

// ahead says whether something of no peer's protocol is sent before the
// handshake, with the message after it.
func (t trial) ahead() bool {
	attack := wire.Attack{Message: "message"}
	t.Attack(&attack)
	return attack.Message != ""
}

// againstVisitingServer carries out one trial of a server.
func (r *auditor) againstVisitingServer(ctx context.Context, t trial, attack wire.Attack, v *result) error {
	target := r.visitor.plain
	switch {
	case t.Material != nil || t.Withdrawn:
		fresh, done, err := r.ownServer(ctx, t, v)
		if err != nil || fresh == nil {
			return err
		}
		defer done()
		target = fresh
	case t.lists:
		target = r.visitor.lists
	}
	attack.Role, attack.SNI, attack.Connect, attack.Limit = wire.Client, ServerName, target.address, adaptedLimit
	speech, err := r.visitor.Speech(v.Sent.Text, v.Nonce)
	if err != nil {
		return err
	}
	if err := r.arm(t, &attack); err != nil {
		return err
	}
	if err := speak(&attack, speech); err != nil {
		return err
	}
	if t.Withdrawn {
		if done, err := r.withdrawAdapted(ctx, t, target, &attack, v); done || err != nil {
			return err
		}
	}
	evidence, err := r.attack(ctx, attack)
	if err != nil {
		return err
	}
	last := evidence.Last()
	if err := r.stillOwn(ctx, t, target, v); err != nil || v.Decision != "" {
		return err
	}
	v.Client = asClientIn(speech, last, v.Sent)
	v.judgeVisitor(target, speech, last, attack.Resume == nil)
	if t.Material != nil && v.Decision != WasDelivered {
		return v.judgeStart(ctx, target, last)
	}
	return nil
}

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
func speak(attack *wire.Attack, speech adapter.Speech) error {
	dialogue := speech.AsClient
	var err error
	switch {
	case attack.Message == "" && len(attack.Preface) > 0:
		attack.Preface, dialogue = speech.Ahead()
	case attack.Truncate:
		dialogue, err = speech.CutShort(dialogue)
	}
	attack.Dialogue = &dialogue
	return err
}

// ownServer starts a server for one trial alone. Without one, v is what came of
// the trial.
func (r *auditor) ownServer(ctx context.Context, t trial, v *result) (s *adaptedServer, done func(), err error) {
	material := r.subject
	if t.Material != nil {
		material = t.Material(material)
	}
	s, err = r.visitor.startServer(ctx, r.lab.name(r.visitor.Name), material, t.lists)
	switch {
	case errors.Is(err, adapter.ErrPacked):
		v.untried = "spoiled like this it cannot be put into a keystore: " + err.Error()
		return nil, nil, nil
	case err != nil:
		return nil, nil, err
	}
	done = func() { _ = s.stop(context.WithoutCancel(ctx)) } // what stays is removed with the lab
	err = s.ready(ctx, r.adversary)
	unready, isUnready := errors.AsType[*AdapterError](err)
	switch {
	case err == nil:
		return s, done, nil
	case errors.Is(err, errEnded) && t.Material != nil:
		err = v.didNotStart(ctx, wire.Server, s.asPeer(), nil)
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

// withdrawAdapted has the adversary make a session, and the server trust its
// root no more. The attack is then to resume it. There is no word of when the
// server has read its trust again: it has once it takes no new session of that
// root. done says that it did not come to the attack.
func (r *auditor) withdrawAdapted(ctx context.Context, t trial, s *adaptedServer, attack *wire.Attack, v *result) (done bool, err error) {
	speech, err := r.visitor.Speech(v.Sent.Text, v.Nonce)
	if err != nil {
		return false, err
	}
	before := *attack
	before.ID, before.Keep = attack.ID+"-before", true
	evidence, err := r.attack(ctx, before)
	if err != nil {
		return false, err
	}
	if last := evidence.Last(); !last.Session || !speech.Delivered(last.Heard) {
		v.Client = asClientIn(speech, last, v.Sent)
		v.untried = "it gives no session that could be resumed"
		if !speech.Delivered(last.Heard) {
			v.untried = ""
			v.inconclusive("the session that was to be resumed was not made")
		}
		return true, nil
	}
	less := r.subject
	less.Trust = bytes.Replace(less.Trust, t.forged.Trust(), nil, 1)
	if err := s.reload(ctx, less); err != nil {
		return false, err
	}
	took, err := r.untrusted(ctx, *attack, speech)
	if err != nil {
		return false, err
	}
	if !took {
		v.Client = asClientIn(speech, evidence.Last(), v.Sent)
		v.inconclusive("it went on trusting the root long after it was told to read its trust again")
		return true, nil
	}
	attack.Resume = &wire.Resume{From: before.ID}
	return false, nil
}

// settled is for how long a server must have refused all new sessions before it
// is taken to have read its trust again: one with several processes replaces
// them one by one.
const settled = time.Second

// untrusted waits until the server takes no new session of the attack's root.
func (r *auditor) untrusted(ctx context.Context, attack wire.Attack, speech adapter.Speech) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, adaptedLimit)
	defer cancel()
	ticker := time.NewTicker(knockPause)
	defer ticker.Stop()
	since := time.Now()
	for i := 0; time.Since(since) < settled; i++ {
		attempt := attack
		attempt.ID = fmt.Sprintf("%s-fresh-%d", attack.ID, i)
		evidence, err := r.attack(ctx, attempt)
		if ctx.Err() != nil {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if last := evidence.Last(); last.End == wire.EndUnreachable || speech.Delivered(last.Heard) {
			since = time.Now()
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
	return true, nil
}

// againstVisitingClient carries out one trial of a client.
func (r *auditor) againstVisitingClient(ctx context.Context, t trial, attack wire.Attack, v *result) error {
	c := r.visitor.client
	attack.Role, attack.Listen, attack.Limit = wire.Server, anyPort(r.lab.host.facts().listen), adaptedLimit
	speech, err := r.visitor.Speech(v.Sent.Text, v.Nonce)
	if err != nil {
		return err
	}
	if err := r.arm(t, &attack); err != nil {
		return err
	}
	dialogue := speech.AsServer
	if attack.Truncate {
		if dialogue, err = speech.CutShort(dialogue); err != nil {
			return err
		}
	}
	attack.Dialogue = &dialogue
	call := call{dir: c.Dir(), lists: t.lists, ip: r.visitor.calls, message: v.Sent.Text, nonce: v.Nonce}
	if t.Material != nil {
		call.dir, err = c.give(ctx, t.Material(r.subject))
		if errors.Is(err, adapter.ErrPacked) {
			v.untried = "spoiled like this it cannot be put into a keystore: " + err.Error()
			return nil
		}
		if err != nil {
			return err
		}
	}
	evidence, back, err := r.receive(ctx, c, attack, &call)
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
	v.judgeVisitingClient(evidence, back, t, wire.IdentityOf(r.lab.Client.Certificate).Key)
	return nil
}

// receive has the adversary listen and the client call it.
func (r *auditor) receive(ctx context.Context, c *adaptedClient, attack wire.Attack, call *call) (wire.Evidence, wire.Return, error) {
	none := wire.Evidence{}
	if err := r.adversary.begin(attack); err != nil {
		return none, wire.Return{}, err
	}
	listening, err := r.adversary.listening(ctx, attack.ID)
	if err != nil {
		return none, wire.Return{}, err
	}
	if call.port, err = portOf(listening); err != nil {
		return none, wire.Return{}, err
	}
	back, err := c.run(ctx, *call)
	if err != nil {
		return none, back, err
	}
	if err := r.adversary.begin(wire.Attack{ID: attack.ID, End: true}); err != nil {
		return none, back, err
	}
	evidence, err := r.adversary.evidence(ctx, attack.ID)
	return evidence, back, err
}
