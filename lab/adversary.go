package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/wire"
)

var adversarySource = images.Source{Name: "adversary", Package: "./lab/adversary"}

// maxReport bounds a line of its account, in bytes: what it heard on all connections
// of an attack, each byte of which may take six in JSON.
const maxReport = 128<<10 + 6*attack.MaxConnections*attack.MaxHeard

// adversary is the running hostile peer, which is told its attacks one by one
// and carries out many at once.
type adversary struct {
	*process

	telling sync.Mutex // of standard input

	mu      sync.Mutex
	attacks map[string]*journal[attack.Report] // by ID, until their evidence is asked for
	over    error                              // why it reports no more
}

const adversaryName = "adversary"

// hostile returns the lab's adversary, which is started once and serves all
// audits.
func (l *Lab) hostile(ctx context.Context) (*adversary, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.adversary == nil {
		started, err := startAdversary(ctx, l)
		if err != nil {
			return nil, err
		}
		l.adversary = started
	}
	return l.adversary, nil
}

func startAdversary(ctx context.Context, l *Lab) (*adversary, error) {
	process, err := l.host.start(ctx, program{hostname: adversaryName, source: adversarySource, args: lifetime(l.end)})
	if err != nil {
		return nil, fmt.Errorf("starting the adversary: %w", err)
	}
	a := &adversary{process: process, attacks: make(map[string]*journal[attack.Report])}
	go func() {
		a.end(eachLine(process.stdout, maxReport, func(line []byte) error {
			report, err := attack.ParseReport(line)
			if err == nil {
				a.take(report)
			}
			return err
		}))
		_, _ = io.Copy(io.Discard, process.stdout)
	}()
	return a, nil
}

func (a *adversary) take(r attack.Report) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if order := a.attacks[r.ID]; order != nil {
		order.add(r)
	}
}

func (a *adversary) end(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = err
	for _, order := range a.attacks {
		order.end(err)
	}
}

// begin tells the adversary what to do.
func (a *adversary) begin(order attack.Attack) error {
	line, err := json.Marshal(order)
	if err != nil {
		return fmt.Errorf("attack %s: %w", order.ID, err)
	}
	if !order.End {
		a.expect(order.ID)
	}
	a.telling.Lock()
	defer a.telling.Unlock()
	if _, err := a.stdin.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("attack %s: telling the adversary: %w%s", order.ID, err, a.stderr.said())
	}
	return nil
}

// expect makes room for the reports of an attack.
func (a *adversary) expect(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.attacks[id] = newJournal[attack.Report]()
	if a.over != nil {
		a.attacks[id].end(a.over)
	}
}

// listening waits until a server attack can be dialled, and returns where.
func (a *adversary) listening(ctx context.Context, id string) (string, error) {
	report, err := a.report(ctx, id, func(r attack.Report) bool { return r.Listening != "" })
	return report.Listening, err
}

// evidence waits for what the adversary saw.
func (a *adversary) evidence(ctx context.Context, id string) (attack.Evidence, error) {
	report, err := a.report(ctx, id, func(r attack.Report) bool { return r.Evidence != nil })
	a.mu.Lock()
	delete(a.attacks, id)
	a.mu.Unlock()
	if err != nil {
		return attack.Evidence{}, err
	}
	return *report.Evidence, nil
}

func (a *adversary) report(ctx context.Context, id string, match func(attack.Report) bool) (attack.Report, error) {
	a.mu.Lock()
	order := a.attacks[id]
	a.mu.Unlock()
	report, err := order.await(ctx, func(r attack.Report) bool { return match(r) || r.Error != "" })
	switch {
	case err != nil:
		return report, fmt.Errorf("attack %s: waiting for the adversary: %w%s", id, err, a.stderr.said())
	case report.Error != "":
		return report, fmt.Errorf("attack %s: the adversary could not carry it out: %s", id, report.Error)
	default:
		return report, nil
	}
}

// asClient is the adversary's evidence of an attack on a server, in the words of
// a client's own account.
func asClient(e attack.Evidence, sent wire.Digest) wire.Outcome {
	c := e.Last()
	o := accountOf(wire.Client, c)
	receipt, err := wire.ParseReceipt([]byte(c.FirstLine()))
	switch {
	case c.FirstLine() != "" && err == nil && receipt.SHA256 == sent.SHA256:
		o.Kind, o.Receipt, o.Message = wire.Delivered, &receipt, &sent
	case c.End == attack.EndUnreachable:
		o.Kind = wire.Unreachable
	case c.Alert != nil:
		o.Kind, o.Alert = wire.RefusedByPeer, c.Alert
	default:
		o.Kind = wire.NoReceipt
	}
	return o
}

// asServer is the adversary's evidence of an attack on a client, in the words of
// a server's own account.
// mark is what the message is known by on the wire: all of it, or its nonce.
func asServer(e attack.Evidence, sent wire.Digest, mark string) wire.Outcome {
	c := e.Last()
	heard := slices.IndexFunc(e.Connections, func(c attack.Connection) bool {
		return c.FirstLine() == sent.Text || mark != sent.Text && strings.Contains(c.Heard, mark)
	})
	if heard >= 0 {
		c = e.Connections[heard]
	}
	o := accountOf(wire.Server, c)
	switch {
	case heard >= 0 || e.Heard(mark):
		o.Kind, o.Message = wire.Received, &sent
	case c.Alert != nil:
		o.Kind, o.Alert = wire.RefusedByPeer, c.Alert
	default:
		o.Kind = wire.Failed
	}
	return o
}

func accountOf(role wire.Role, c attack.Connection) wire.Outcome {
	return wire.Outcome{
		Role: role, Time: c.Began, Local: c.Local, Remote: c.Remote,
		Peer: c.Peer, TLS: c.TLS, Reason: wire.Reason(c.End), Detail: c.Detail,
	}
}
