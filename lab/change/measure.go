package change

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// How long is waited for a change to show.
const (
	unasked = 3 * time.Second  // by itself
	told    = 10 * time.Second // after a reload
	settled = time.Second      // for which nothing but the new is seen
	between = 25 * time.Millisecond
)

// Measurer measures servers in one place. Its methods may be called by many goroutines at once.
type Measurer struct {
	Place     peer.Place
	Adversary *attack.Adversary
}

// Measure measures one server: each change in one that is started for it. What it cannot be put into
// is said; an error means that the lab broke.
func (m *Measurer) Measure(ctx context.Context, p peer.Peer) (result Product, err error) {
	result = Product{Name: p.Name(), Reload: reloadOf(p)}
	server, err := p.Server(ctx, m.Place)
	if err != nil {
		return result, err
	}
	defer server.Close(context.WithoutCancel(ctx))
	if p.Traits().Mute {
		result.Fault = "it answers nothing, by which a change would show"
		return result, nil
	}
	defer func() { result.About = server.Product() }() // its version is known once it runs
	for _, kind := range Kinds() {
		w := &world{Measurer: m, server: server, traits: p.Traits(), tells: result.Reload != "", kind: kind}
		c, err := w.measure(ctx)
		if unusable, ok := errors.AsType[*peer.UnusableError](err); ok {
			result.Fault = unusable.Error()
			return result, nil
		}
		if err != nil {
			return result, fmt.Errorf("%s: %s: %w", p.Name(), kind, err)
		}
		result.Changes = append(result.Changes, c)
	}
	return result, nil
}

// reloadOf is how a peer is told to read its files again.
func reloadOf(p peer.Peer) string {
	image, ok := p.(foreign.Image)
	switch {
	case !ok:
		return ""
	case image.Adapter.Reload.Signal != "":
		return "SIG" + image.Adapter.Reload.Signal
	default:
		return strings.Join(image.Adapter.Reload.Command, " ")
	}
}

// world is one server, and what is changed of it.
type world struct {
	*Measurer
	server peer.Server
	traits peer.Traits
	tells  bool // it can be told to read its files again
	kind   Kind

	before, after wire.Material
	good          *client // who is let in all along
	other         *client // by whom the change shows, if not by the server's certificate
	key           string  // of the server's next certificate

	serving peer.Serving
	address string
	Change
}

// client is somebody who calls.
type client struct {
	chain [][]byte
	key   []byte
}

// measure carries the change out.
func (w *world) measure(ctx context.Context) (Change, error) {
	w.Change = Change{Kind: w.kind}
	if w.kind == Listed {
		if w.Why = w.server.Lacks(peer.Demand{Lists: true}); w.Why != "" {
			return w.Change, nil
		}
	}
	if err := w.mint(); err != nil {
		return w.Change, err
	}
	if err := w.start(ctx, w.before); err != nil {
		return w.Change, err
	}
	defer w.serving.Stop(context.WithoutCancel(ctx)) //nolint:errcheck // what stays is removed with the lab
	files, ok := w.serving.(peer.Rewritten)
	if !ok {
		w.Why = "it reads no files here"
		return w.Change, nil
	}
	if delivered, err := w.deliver(ctx, w.good); err != nil || !delivered {
		w.Why = "its good client is not served"
		return w.Change, err
	}
	if w.kind == Broken {
		return w.Change, w.taken(files).endure(ctx, &w.Change)
	}
	if shown, err := w.shows(ctx); err != nil || shown {
		w.Why = "the change shows before it is made"
		return w.Change, err
	}
	from, err := w.hold(ctx)
	if err != nil {
		return w.Change, err
	}
	if err := w.taken(files).take(ctx, &w.Change); err != nil {
		return w.Change, err
	}
	return w.Change, w.from(ctx, from)
}

// mint makes what there is before and after.
func (w *world) mint() error {
	authority, err := pki.New(pki.Config{})
	if err != nil {
		return err
	}
	another, err := pki.New(pki.Config{Name: "another"})
	if err != nil {
		return err
	}
	request := pki.RequestOf(wire.Server)
	request.DNS = []string{cmp.Or(w.traits.ServerName, pki.ServerName)}
	server, err := authority.Issue(request)
	if err != nil {
		return err
	}
	next, err := authority.Issue(request)
	if err != nil {
		return err
	}
	var good, others, fellow *pki.Identity
	caller := pki.RequestOf(wire.Client)
	caller.Known = w.traits.Known
	for _, made := range []struct {
		by *pki.Authority
		id **pki.Identity
	}{{authority, &good}, {another, &others}, {authority, &fellow}} {
		if *made.id, err = made.by.Issue(caller); err != nil {
			return err
		}
	}
	w.before, w.after = server.Material(authority), server.Material(authority)
	switch w.kind {
	case Certificate:
		w.after, w.key = next.Material(authority), wire.IdentityOf(next.Certificate).Key
	case TrustAdded:
		w.after = server.Material(authority, another)
		w.other, err = clientOf(others)
	case TrustRemoved:
		w.before = server.Material(authority, another)
		w.other, err = clientOf(others)
	case Listed:
		if w.before.CRL, err = authority.CRLs(); err == nil {
			w.after.CRL, err = authority.CRLs(fellow.Certificate)
		}
		if err == nil {
			w.other, err = clientOf(fellow)
		}
	case Broken:
		w.after = next.Material(authority)
		w.after.Key = w.before.Key
	}
	if err == nil {
		w.good, err = clientOf(good)
	}
	return err
}

func clientOf(id *pki.Identity) (*client, error) {
	key, err := x509.MarshalPKCS8PrivateKey(id.Key)
	c := &client{key: key}
	for _, cert := range id.Chain {
		c.chain = append(c.chain, cert.Raw)
	}
	return c, err
}

func (w *world) start(ctx context.Context, m wire.Material) (err error) {
	given := peer.Given{Hostname: w.Place.Names.Fresh("server"), Material: m, Lists: len(m.CRL) > 0}
	if w.serving, err = w.server.Serve(ctx, given); err != nil {
		return err
	}
	listening, err := w.serving.Wait(ctx)
	w.address = listening.Address
	return err
}

// order is an honest call.
func (w *world) order(by *client) attack.Attack {
	nonce := sandbox.NewID()
	return attack.Attack{
		ID: nonce, Role: wire.Client, Connect: w.address, SNI: cmp.Or(w.traits.ServerName, pki.ServerName),
		Chain: by.chain, Key: by.key, Message: "Hello, server! (" + nonce + ")", Limit: unasked,
	}
}

// say makes a call, and says whether its message was delivered.
func (w *world) say(ctx context.Context, call attack.Attack) (attack.Connection, bool, error) {
	speech, err := w.traits.Protocol.Speech(call.Message, call.ID, nil)
	if err != nil {
		return attack.Connection{}, false, err
	}
	if err := speech.Ask(&call); err != nil {
		return attack.Connection{}, false, err
	}
	evidence, err := w.Adversary.Carry(ctx, call)
	last := evidence.Last()
	return last, speech.Read(last.Heard).Delivered, err
}

func (w *world) deliver(ctx context.Context, by *client) (bool, error) {
	_, delivered, err := w.say(ctx, w.order(by))
	return delivered, err
}

// shows says whether a new connection shows the change.
func (w *world) shows(ctx context.Context) (bool, error) {
	if w.kind == Certificate {
		seen, _, err := w.say(ctx, w.order(w.good))
		return seen.Peer != nil && seen.Peer.Key == w.key, err
	}
	delivered, err := w.deliver(ctx, w.other)
	return delivered == (w.kind == TrustAdded), err
}

func (w *world) taken(files peer.Rewritten) taken {
	return taken{
		files: files, after: w.after, tells: w.tells, shows: w.shows,
		good: func(ctx context.Context) (bool, error) { return w.deliver(ctx, w.good) },
		restart: func(ctx context.Context) error {
			if err := w.serving.Stop(ctx); err != nil {
				return err
			}
			return w.start(ctx, w.after)
		},
	}
}
