package peer

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// ownClient is our own client. Nothing of it runs between two calls.
type ownClient struct {
	Own
	in Place
}

// Close has nothing to end.
func (*ownClient) Close(context.Context) {}

func (c *ownClient) Call(ctx context.Context, call Call) (wire.Outcome, error) {
	address, err := c.ahead(ctx, call)
	if err != nil {
		return wire.Outcome{}, err
	}
	started, err := start(ctx, c.in.Sandbox, c.program(call, address))
	if err != nil {
		return wire.Outcome{}, err
	}
	// The client must not dial before there is a server: a name that is not known yet costs
	// it the resolver's timeout. Its material is what it waits for.
	if _, err := call.Server(ctx); err != nil {
		return wire.Outcome{}, err
	}
	_ = started.giveAll(call.Material) // one that has ended already says so itself
	return started.last(ctx, call)
}

// ahead is the server's address, before it listens if that can be known: so both start at
// once.
func (c *ownClient) ahead(ctx context.Context, call Call) (string, error) {
	facts := c.in.Sandbox.Facts()
	if call.Hostname != "" && portOf(facts.Listen) != "0" && !facts.Nameless {
		return c.in.Sandbox.Reach(call.Hostname, facts.Listen), nil
	}
	return call.Server(ctx)
}

// program is how the client is called.
func (c *ownClient) program(call Call, address string) sandbox.Program {
	args := []string{"-log", "json", "-material", "-", "-connect", address, "-server-name", call.ServerName}
	if call.Version != "" {
		args = append(args, "-min-version", call.Version, "-max-version", call.Version)
	}
	if call.Secrets != nil {
		args = append(args, "-key-log")
	}
	if call.Foreign {
		args = append(args, "-echo")
	}
	return sandbox.Program{
		Hostname: c.in.Names.Fresh("client"), Source: cmp.Or(c.Source, ClientSource), Often: call.Calls > 1,
		Args: slices.Concat(args, c.Args, []string{"--", call.Message}),
	}
}

// last is the one outcome that a client gives. One that ends without any has crashed, and
// one that gives none in time has hung: those are its accounts, and no errors of the lab.
func (p *program) last(ctx context.Context, call Call) (wire.Outcome, error) {
	limit, cancel := ctx, context.CancelFunc(func() {})
	if call.Patience > 0 {
		limit, cancel = context.WithTimeout(ctx, call.Patience+AccountGrace)
	}
	defer cancel()
	outcome, err := p.await(limit, func(o wire.Outcome) bool {
		if o.Kind == wire.Secret && call.Secrets != nil {
			_, _ = io.WriteString(call.Secrets, o.Detail) // a recording that lacks it says so itself
		}
		return o.Kind != wire.Warning && o.Kind != wire.Secret
	})
	switch {
	case err == nil:
		return outcome, nil
	case limit.Err() != nil && ctx.Err() == nil:
		return wire.Outcome{
			Role: wire.Client, Kind: wire.Failed, Reason: wire.Timeout,
			Detail: fmt.Sprintf("it gave no account within %v", call.Patience+AccountGrace),
		}, p.Stop(ctx)
	}
	code, err := p.Wait(ctx)
	if err != nil {
		return wire.Outcome{}, fmt.Errorf("waiting for the client's account: %w", err)
	}
	account := Ended(wire.Client, code, p.Stderr.Said())
	account.Detail = "it gave no account: " + account.Detail
	return *account, nil
}
