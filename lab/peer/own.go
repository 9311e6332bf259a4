package peer

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/journal"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Own is our own server or client, or a program that takes the same flags and gives the
// same accounts. The zero value is ours.
type Own struct {
	Source images.Source // another program
	Args   []string      // further flags
}

// Sources of our own programs.
var (
	ServerSource = images.Source{Name: "server", Package: "./server"}
	ClientSource = images.Source{Name: "client", Package: "./client"}
)

// OwnName is what our own programs are called beside others.
const OwnName = "mtlslab"

// Name is that of the other program, or [OwnName].
func (o Own) Name() string { return cmp.Or(o.Source.Name, OwnName) }

// Server never fails: the program is built when it is started.
func (o Own) Server(_ context.Context, in Place) (Server, error) {
	return &ownServer{Own: o, in: in}, nil
}

// Client never fails: the program is built when it is run.
func (o Own) Client(_ context.Context, in Place) (Client, error) {
	return &ownClient{Own: o, in: in}, nil
}

// Product is nil.
func (Own) Product() *finding.Product { return nil }

// Lacks says that they speak in lines, and are all that there is. All else they can be told.
func (Own) Lacks(d Demand) string {
	switch {
	case d.HTTP:
		return "it does not speak HTTP"
	case d.Store:
		return "where it runs there is no system that trusts anybody"
	default:
		return ""
	}
}

// Traits are the same for both of our programs.
func (Own) Traits() Traits {
	return Traits{
		Tells: true, Patience: 5 * time.Second, Limit: 15 * time.Second,
		Known: wire.FieldURI, Speaks: adapter.Line, Protocol: receipts{},
	}
}

// receipts is the protocol of our own programs: a line, and a receipt for it.
type receipts struct{}

// Speech never fails.
func (receipts) Speech(message, _ string, _ *attack.Head) (Speech, error) {
	return receiptFor{wire.DigestOf(message).SHA256}, nil
}

// receiptFor is the speech of the message with that hash. The adversary says a line, and
// answers one by a receipt, when nothing else is said of an attack.
type receiptFor struct{ sha256 string }

func (receiptFor) Ask(*attack.Attack) error    { return nil }
func (receiptFor) Answer(*attack.Attack) error { return nil }

// Read takes a receipt for the message for its delivery. Nothing that is said is a refusal.
func (r receiptFor) Read(heard string) attack.Reading {
	return attack.Reading{Delivered: r.delivered(heard), Answered: heard != ""}
}

func (r receiptFor) delivered(answer string) bool {
	line, _, _ := strings.Cut(strings.TrimSpace(answer), "\n")
	receipt, err := wire.ParseReceipt([]byte(line))
	return err == nil && receipt.SHA256 == r.sha256
}

// program is one of ours that runs, and whose account is being read.
type program struct {
	*sandbox.Process
	name    string
	account *journal.Journal[wire.Outcome]

	renewing sync.Mutex
}

func start(ctx context.Context, in sandbox.Sandbox, p sandbox.Program) (*program, error) {
	process, err := in.Start(ctx, p)
	if err != nil {
		return nil, err
	}
	started := &program{Process: process, name: p.Hostname, account: journal.New[wire.Outcome]()}
	go started.account.Read(process.Stdout, wire.ParseOutcome)
	return started, nil
}

// give hands a program its material, which is also its starting gun. A server may be
// given other material later.
func (p *program) give(m wire.Material) error {
	var tar bytes.Buffer
	err := m.WriteTar(&tar)
	if err == nil {
		_, err = p.Stdin.Write(tar.Bytes()) // in one, for each costs a line where input is told in lines
	}
	if err != nil {
		return fmt.Errorf("giving %s its material: %w%s", p.name, err, p.Stderr.Said())
	}
	return nil
}

// accounts are all that a program has said by now. Of one that has ended, what is still on its way
// is waited for.
func (p *program) accounts(ctx context.Context) []wire.Outcome {
	if !p.Alive() {
		_, _ = p.account.Await(ctx, func(wire.Outcome) bool { return false }) // its end is an error, as is ctx's
	}
	return p.account.All()
}

// renew gives a program that runs other material, and returns once it has said what it does with
// that.
func (p *program) renew(ctx context.Context, m wire.Material) (Renewal, error) {
	p.renewing.Lock()
	defer p.renewing.Unlock()
	before := 0
	answers := func(o wire.Outcome) bool { return o.Kind == wire.Reloaded || o.Kind == wire.ReloadFailed }
	for _, o := range p.account.All() {
		if answers(o) {
			before++
		}
	}
	if err := p.give(m); err != nil {
		return Renewal{}, err
	}
	seen := 0
	says, err := p.await(ctx, func(o wire.Outcome) bool {
		if answers(o) {
			seen++
		}
		return seen > before
	})
	return Renewal{InUse: says.Kind == wire.Reloaded, Kept: says.Kind == wire.ReloadFailed, Says: says.Detail}, err
}

// giveAll hands a program its material, and nothing after it.
func (p *program) giveAll(m wire.Material) error { return errors.Join(p.give(m), p.Stdin.Close()) }

// await waits for an outcome of the program. An error names it and its last words.
func (p *program) await(ctx context.Context, match func(wire.Outcome) bool) (wire.Outcome, error) {
	outcome, err := p.account.Await(ctx, match)
	if err != nil {
		return outcome, fmt.Errorf("%s: %w%s", p.name, err, p.Stderr.Said())
	}
	return outcome, nil
}
