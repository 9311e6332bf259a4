package audit

import (
	"cmp"
	"context"
	"errors"
	"net"
	"strconv"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// tryClient carries out one trial of a client: the adversary listens, and the client calls
// it.
func (r *round) tryClient(ctx context.Context, t trial, v *verdict.Trial) error {
	order := attack.Attack{
		ID: v.Nonce, Role: wire.Server, Version: t.version, Message: v.Sent.Text, Chain: t.forged.Chain, Key: t.forged.PKCS8,
		Listen: atPort(r.Place.Sandbox.Facts().Listen, r.traits.Calls), Limit: v.Patience, Tell: r.traits.OwnWords,
	}
	if _, err := r.Chains.arm(t, r.guise(), r.patience.life(), &order); err != nil {
		return err
	}
	speech, err := r.traits.Protocol.Speech(v.Sent.Text, v.Nonce, nil)
	if err != nil {
		return err
	}
	if err := speech.Answer(&order); err != nil {
		return err
	}
	host, err := r.Adversary.Host(ctx)
	if err != nil {
		return err
	}
	port, err := r.Adversary.Listen(ctx, order)
	if err != nil {
		return err
	}
	account, err := r.client.Call(ctx, r.call(t, v, net.JoinHostPort(host, port)))
	evidence, ended := r.Adversary.Finish(ctx, order.ID)
	if cannot, ok := errors.AsType[*peer.CannotError](err); ok {
		v.Untried = cannot.Why
		return ended
	}
	v.Account, v.Evidence = &account, evidence
	return errors.Join(err, ended)
}

// call is how the audited client is called.
func (r *round) call(t trial, v *verdict.Trial, address string) peer.Call {
	c := peer.Call{
		Message: v.Sent.Text, Nonce: v.Nonce, Material: r.material, Store: r.store, Lists: t.lists,
		Altered:    t.Material != nil,
		Server:     func(context.Context) (string, error) { return address, nil },
		ServerName: cmp.Or(r.traits.ServerName, pki.ServerName), Calls: r.calls, Patience: v.Patience,
		Served: func(ctx context.Context) error { return r.Adversary.Served(ctx, v.Nonce) },
	}
	if t.Material != nil {
		c.Material = t.Material(r.material)
	}
	return c
}

// atPort is an address of the same host with that port; 0 lets the system choose.
func atPort(address string, port int) string {
	host, _, _ := net.SplitHostPort(address) // the sandbox's own
	return net.JoinHostPort(host, strconv.Itoa(port))
}
