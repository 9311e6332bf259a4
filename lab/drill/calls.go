package drill

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// open is how messages of calls share connections, two each: one as it begins, and one that comes on
// it once it has been open for a while.
const open peer.Connections = "open"

// openFor is how long such a connection is open between its messages. It is longer than a server takes
// over a reload, and shorter than one lets connections wait.
const openFor = 700 * time.Millisecond

// callPause is between two tries of one message, as our own client has it.
const callPause = 20 * time.Millisecond

// calls are numbered messages to somebody else's server, in whatever it speaks, from an honest client
// that stays up. The adversary is that client: it believes whoever answers, so what is shown is the
// server's doing alone.
type calls struct {
	adversary *attack.Adversary
	id        string // of all calls that resume sessions: of each the next needs the last alone
	speaks    peer.Protocol
	how       peer.Streamed

	begun   chan struct{} // closed once something has become of the first message
	stop    chan struct{}
	stopped chan struct{} // closed when nothing comes any more; nil if nothing ever came
	begin   func()        // closes begun
	err     error         // why, if it was not stopped

	mu   sync.Mutex
	as   caller
	told []wire.Outcome
}

// caller is who calls.
type caller struct {
	chain [][]byte
	key   []byte // PKCS#8
	times int    // how often it was given something else before
}

// newCalls are those of the adversary. Resumed sessions are of the call before.
func newCalls(by *attack.Adversary, speaks peer.Protocol, s peer.Streamed) *calls {
	c := &calls{
		adversary: by, id: sandbox.NewID(), speaks: speaks, how: s, begun: make(chan struct{}), stop: make(chan struct{}),
	}
	c.begin = sync.OnceFunc(func() { close(c.begun) })
	return c
}

// Begin has the adversary call as the holder of that, until it is stopped, and waits until something has
// become of the first message.
func (c *calls) Begin(ctx context.Context, m wire.Material) error {
	if _, err := c.Renew(ctx, m); err != nil {
		return err
	}
	c.stopped = make(chan struct{})
	go func() {
		defer close(c.stopped)
		c.err = c.run(context.WithoutCancel(ctx))
	}()
	select {
	case <-c.begun:
		return nil
	case <-c.stopped:
		return c.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Accounts are what has become of each message by now.
func (c *calls) Accounts(context.Context) []wire.Outcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]wire.Outcome(nil), c.told...)
}

// Renew has it call as somebody else from the next message on, who knows no session from before.
func (c *calls) Renew(_ context.Context, m wire.Material) (peer.Renewal, error) {
	pair, err := tls.X509KeyPair(m.Chain, m.Key)
	if err != nil {
		return peer.Renewal{}, fmt.Errorf("the material of a client: %w", err)
	}
	key, _ := pem.Decode(m.Key) // it was read before
	c.mu.Lock()
	defer c.mu.Unlock()
	c.as = caller{chain: pair.Certificate, key: key.Bytes, times: c.as.times + 1}
	return peer.Renewal{}, nil
}

// Stop has it end once something has become of the message that is under way.
func (c *calls) Stop(ctx context.Context) error {
	close(c.stop)
	if c.stopped == nil {
		return nil
	}
	select {
	case <-c.stopped:
		return c.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *calls) run(ctx context.Context) error {
	if c.how.Connections == open {
		return c.pairs(ctx)
	}
	began, last := time.Now(), session{}
	for n := 1; ; n++ {
		due := began.Add(time.Duration(n-1) * c.how.Every)
		if !c.wait(time.Until(due)) {
			return nil
		}
		var err error
		if last, err = c.one(ctx, c.message(n, due), last); err != nil {
			return err
		}
	}
}

// pairs sends two messages by each connection, and one after the other connections.
func (c *calls) pairs(ctx context.Context) error {
	for n := 1; c.wait(0); n++ {
		both, err := c.two(ctx, n)
		if err != nil {
			return err
		}
		if both {
			n++
		}
	}
	return nil
}

// wait says whether it is to go on after that.
func (c *calls) wait(d time.Duration) bool {
	select {
	case <-c.stop:
		return false
	default:
	}
	select {
	case <-c.stop:
		return false
	case <-time.After(d):
		return true
	}
}

// pending is one message under way.
type pending struct {
	wire.Numbered
	text string
	as   caller
}

func (c *calls) message(n int, due time.Time) *pending {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &pending{
		Numbered: wire.Numbered{Number: n, Due: due, Began: time.Now(), Connection: n},
		text:     fmt.Sprintf("%s #%d", c.how.Message, n), as: c.as,
	}
}

// session is one that the adversary has kept.
type session struct {
	kept  bool
	times int // that the caller had been given something else by then
}

// one sends a message in a connection of its own, again and again until somebody says what became of
// it, and returns the session that it left.
func (c *calls) one(ctx context.Context, m *pending, last session) (session, error) {
	for whole := m.Began.Add(c.how.Limit); ; {
		m.Attempts++
		out, speech, err := c.call(m)
		if err != nil {
			return last, err
		}
		if c.how.Connections == peer.Resumed {
			out.Keep = true
			if last.kept && last.times == m.as.times {
				out.Resume = &attack.Resume{From: c.id}
			}
		}
		evidence, err := c.adversary.Carry(ctx, out)
		if err != nil {
			return last, err
		}
		seen := evidence.Last()
		last = session{}
		if seen.Session {
			last = session{true, m.as.times}
		}
		if c.came(m, time.Now(), seen, speech.Read(seen.Heard)) || time.Now().After(whole) || !c.wait(callPause) {
			return last, nil
		}
	}
}

// two sends two messages by one connection, with a while between them, and says whether it came to the
// second. If the connection has ended by then that goes by one of its own.
func (c *calls) two(ctx context.Context, n int) (both bool, err error) {
	first := c.message(n, time.Now())
	first.Attempts = 1
	out, _, err := c.call(first)
	if err != nil {
		return false, err
	}
	dialogue, speech, err := peer.Twice(c.speaks, out.Message, out.Message, out.ID)
	if err != nil {
		return false, err
	}
	out.Dialogue = &dialogue
	if err := c.adversary.Hold(ctx, out); err != nil {
		return false, err
	}
	at := time.Now()
	both = c.wait(openFor)
	second := c.message(n+1, time.Now())
	second.Attempts, second.Connection = 1, first.Connection
	evidence, err := c.adversary.Finish(ctx, out.ID)
	if err != nil {
		return false, err
	}
	seen := evidence.Last()
	if seen.Held == 0 { // it did not come to that
		c.came(first, at, seen, speech.Read(seen.Heard))
		return false, nil
	}
	before := min(seen.Held, len(seen.Heard))
	c.came(first, at, seen, speech.Read(seen.Heard[:before]))
	if both && !c.came(second, time.Now(), seen, speech.Read(seen.Heard[before:])) {
		second.Connection = second.Number
		_, err = c.one(ctx, second, session{})
	}
	return both, err
}

// call is an honest one.
func (c *calls) call(m *pending) (attack.Attack, peer.Speech, error) {
	nonce := sandbox.NewID()
	out := attack.Attack{
		ID: nonce, Role: wire.Client, Connect: c.how.Server, SNI: c.how.ServerName, Chain: m.as.chain, Key: m.as.key,
		Message: m.text + " (" + nonce + ")", Limit: c.how.Limit / callTries,
	}
	if c.how.Connections == peer.Resumed {
		out.ID = c.id
	}
	speech, err := c.speaks.Speech(out.Message, nonce, nil)
	if err != nil {
		return out, nil, err
	}
	return out, speech, speech.Ask(&out)
}

// callTries are how many there is time for, at least, where nobody answers.
const callTries = 5

// came tells what became of a message at that time, and says whether that is known: it was answered, or
// turned away.
func (c *calls) came(m *pending, at time.Time, seen attack.Connection, read attack.Reading) bool {
	digest := wire.DigestOf(m.text)
	o := wire.Outcome{
		Role: wire.Client, Kind: wire.NoReceipt, Time: at, Local: seen.Local, Remote: seen.Remote,
		Alert: seen.Alert, Peer: seen.Peer, TLS: seen.TLS, Message: &digest, Detail: seen.Detail,
	}
	switch {
	case read.Delivered:
		o.Kind = wire.Delivered
	case seen.End == attack.EndAlert || read.Refused:
		o.Kind = wire.RefusedByPeer
	default:
		m.Unsure = m.Unsure || seen.Sent
	}
	of := m.Numbered
	of.Unsure = of.Unsure && o.Kind != wire.Delivered
	o.Numbered = &of
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.told); n > 0 && c.told[n-1].Numbered.Number == m.Number {
		c.told[n-1] = o // it was sent again
	} else {
		c.told = append(c.told, o)
	}
	if len(c.told) == 1 {
		c.begin()
	}
	return o.Kind != wire.NoReceipt
}
