package change

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

const (
	// answered is how long a client may take over a message. One that does not come is told by nobody.
	answered = time.Second
	// said is how long it may take to send one on a connection that is open.
	said = 500 * time.Millisecond
)

// MeasureClient measures one client that stays up, likewise. The adversary is its servers.
func (m *Measurer) MeasureClient(ctx context.Context, p foreign.Image) (result Product, err error) {
	result = Product{Name: p.Name(), Reload: reloadOf(p)}
	for _, kind := range []Kind{Certificate, TrustAdded, TrustRemoved, Broken} {
		w := &calling{Measurer: m, image: p, kind: kind, tells: result.Reload != ""}
		c, err := w.measure(ctx)
		if w.client != nil {
			result.About = w.client.Product() // its version is known once it runs
		}
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

// calling is one client, and what is changed of it.
type calling struct {
	*Measurer
	image foreign.Image
	kind  Kind
	tells bool // it can be told to read its files again

	before, after wire.Material
	good          *client // the server that it trusts all along
	other         *client // the server by which the change shows, if not by the client's certificate
	key           string  // of the client's next certificate

	address string // that it calls, host:port
	listen  string // the same, for the adversary
	client  *foreign.Staying
	Change
}

// measure carries the change out: once with a connection for each message, by which it is seen when it is
// taken up, and once with a connection that was open before.
func (w *calling) measure(ctx context.Context) (Change, error) {
	w.Change = Change{Kind: w.kind}
	if err := w.mint(); err != nil {
		return w.Change, err
	}
	if err := w.start(ctx, w.before); err != nil {
		return w.Change, err
	}
	defer func() { _ = w.client.Stop(context.WithoutCancel(ctx)) }() // what stays is removed with the lab
	if _, delivered, err := w.say(ctx, w.good); err != nil || !delivered {
		w.Why = "it does not reach its good server" + w.lastWords()
		return w.Change, err
	}
	if w.kind == Broken {
		return w.Change, w.taken().endure(ctx, &w.Change)
	}
	if shown, err := w.shows(ctx); err != nil || shown {
		w.Why = "the change shows before it is made"
		return w.Change, err
	}
	if err := w.taken().take(ctx, &w.Change); err != nil {
		return w.Change, err
	}
	if w.By == Restart || w.By == Never { // no connection outlives that
		return w.Change, nil
	}
	return w.Change, w.keeps(ctx)
}

// lastWords are the last that the client said, as the end of a text.
func (w *calling) lastWords() string {
	if lines := w.client.Said(); len(lines) > 0 {
		return "; it said: " + wire.Printable(lines[len(lines)-1])
	}
	return ""
}

func (w *calling) mint() error {
	authority, err := pki.New(pki.Config{})
	if err != nil {
		return err
	}
	another, err := pki.New(pki.Config{Name: "another"})
	if err != nil {
		return err
	}
	var ids [4]*pki.Identity
	for i, of := range []struct {
		by   *pki.Authority
		role wire.Role
	}{{authority, wire.Client}, {authority, wire.Client}, {authority, wire.Server}, {another, wire.Server}} {
		if ids[i], err = of.by.Issue(pki.RequestOf(of.role)); err != nil {
			return err
		}
	}
	own, next := ids[0], ids[1]
	w.before, w.after = own.Material(authority), own.Material(authority)
	switch w.kind {
	case Certificate:
		w.after, w.key = next.Material(authority), wire.IdentityOf(next.Certificate).Key
	case TrustAdded:
		w.after = own.Material(authority, another)
	case TrustRemoved:
		w.before = own.Material(authority, another)
	case Broken:
		w.after = next.Material(authority)
		w.after.Key = w.before.Key
	case Listed:
	}
	if w.good, err = clientOf(ids[2]); err == nil {
		w.other, err = clientOf(ids[3])
	}
	return err
}

// start starts the client, once it is known where its servers are.
func (w *calling) start(ctx context.Context, m wire.Material) error {
	if w.address == "" {
		host, err := w.Adversary.Host(ctx)
		if err != nil {
			return err
		}
		probe := w.as(w.good)
		port, err := w.Adversary.Listen(ctx, probe)
		if err == nil {
			_, err = w.Adversary.Finish(ctx, probe.ID)
		}
		if err != nil {
			return err
		}
		w.address = net.JoinHostPort(host, port)
		w.listen = net.JoinHostPort("", port)
	}
	var err error
	w.client, err = w.image.Stay(ctx, w.Place, m, w.address)
	return err
}

// as is an honest server.
func (w *calling) as(by *client) attack.Attack {
	listen := w.listen
	if listen == "" {
		listen = ":0"
	}
	id := sandbox.NewID()
	return attack.Attack{
		ID: id, Role: wire.Server, Listen: listen, Chain: by.chain, Key: by.key, Tell: true, Limit: unasked,
		Message: "Hello, server! (" + id + ")",
	}
}

// say has the client send a message to a server, and returns the connection by which it came, or the
// last one.
func (w *calling) say(ctx context.Context, to *client) (seen attack.Connection, delivered bool, err error) {
	server := w.as(to)
	speech, err := w.image.Traits().Protocol.Speech(server.Message, server.ID, nil)
	if err == nil {
		err = speech.Answer(&server)
	}
	if err == nil {
		_, err = w.Adversary.Listen(ctx, server)
	}
	if err != nil {
		return seen, false, err
	}
	if err := w.client.Say(server.ID); err != nil {
		return seen, false, err
	}
	limit, cancel := context.WithTimeout(ctx, answered)
	defer cancel()
	if err := w.Adversary.Served(limit, server.ID); err != nil && limit.Err() == nil {
		return seen, false, err
	}
	evidence, err := w.Adversary.Finish(ctx, server.ID)
	for _, c := range evidence.Connections {
		if seen = c; strings.Contains(c.Heard, server.ID) {
			return seen, true, err
		}
	}
	return seen, false, err
}

// shows says whether a message shows the change.
func (w *calling) shows(ctx context.Context) (bool, error) {
	if w.kind == Certificate {
		seen, delivered, err := w.say(ctx, w.good)
		return delivered && seen.Peer != nil && seen.Peer.Key == w.key, err
	}
	_, delivered, err := w.say(ctx, w.other)
	return delivered == (w.kind == TrustAdded), err
}

func (w *calling) taken() taken {
	return taken{
		files: w.client, after: w.after, tells: w.tells, shows: w.shows,
		good: func(ctx context.Context) (bool, error) {
			_, delivered, err := w.say(ctx, w.good)
			return delivered, err
		},
		restart: func(ctx context.Context) error {
			if err := w.client.Stop(ctx); err != nil {
				return err
			}
			return w.start(ctx, w.after)
		},
	}
}

// keeps finds out what becomes of a connection that was open before the change.
func (w *calling) keeps(ctx context.Context) error {
	if err := w.client.Stop(ctx); err != nil {
		return err
	}
	if err := w.start(ctx, w.before); err != nil {
		return err
	}
	server, first, second := w.as(w.good), sandbox.NewID(), sandbox.NewID()
	if w.kind == TrustRemoved {
		server = w.as(w.other)
	}
	server.Message, server.Tell, server.Limit = "", false, attack.MaxLimit
	answer := attack.Turn{
		Hear: `\r?\n\r?\n`,
		Say:  []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n"),
	}
	server.Dialogue = &attack.Dialogue{Talk: slices.Repeat([]attack.Turn{answer}, keptMessages)}
	if _, err := w.Adversary.Listen(ctx, server); err != nil {
		return err
	}
	steps := []func() error{
		func() error { return w.client.Say(first) },
		func() error { return w.client.Write(ctx, w.after) },
		func() error {
			if w.By != Reload {
				return nil
			}
			return w.client.Reread(ctx)
		},
		func() error { return pause(ctx, w.First+settled) },
		func() error { return w.client.Say(second) },
	}
	for _, step := range steps {
		if err := errors.Join(step(), pause(ctx, said)); err != nil {
			return err
		}
	}
	evidence, err := w.Adversary.Finish(ctx, server.ID)
	w.Kept = keptOf(evidence, first, second)
	return err
}

// keptMessages are more than are sent by a connection that is open before a change.
const keptMessages = 8

// keptOf is what became of the connection by which the first message came.
func keptOf(seen attack.Evidence, first, second string) Fate {
	by := func(nonce string) int {
		return slices.IndexFunc(seen.Connections, func(c attack.Connection) bool { return strings.Contains(c.Heard, nonce) })
	}
	switch a, b := by(first), by(second); {
	case a < 0:
		return None
	case a == b:
		return GoesOn
	default:
		return Ends
	}
}
