// Package exchange carries one message from a client to a server, and says what came of
// it: both are started and given their material, the client calls, both accounts are
// taken, and a verdict is asked for.
//
// It exists because demonstrations, scorecards and drills all stand on this smallest
// thing. It starts nothing itself and judges nothing itself; and it attacks nobody: that
// is what audits are for.
package exchange

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Greeting is the message of an exchange that names none.
const Greeting = "Hello, server!"

// Exchange is one client, one server and one message. The zero value is our own two
// programs, with good material.
type Exchange struct {
	Message string // one line; [Greeting] if empty

	// The two peers, our own programs if nil, and their material, that of the good server
	// and the good client if nil.
	Server, Client                 peer.Peer
	ServerMaterial, ClientMaterial *wire.Material

	ServerName string // that the client demands; [pki.ServerName] if empty
	Version    string // of TLS, "1.2" or "1.3", if the client is to speak only that

	Secrets io.Writer // see [peer.Call]; the runner's if nil
}

// Whole is the exchange with what it leaves open filled in. Its error is of making the good
// client's certificate for a server that looks for its name elsewhere than in a URI.
func (x Exchange) Whole(pair *pki.Pair) (Exchange, error) {
	x.Message, x.ServerName = cmp.Or(x.Message, Greeting), cmp.Or(x.ServerName, pki.ServerName)
	if x.Server == nil {
		x.Server = peer.Own{}
	}
	if x.Client == nil {
		x.Client = peer.Own{}
	}
	if x.ServerMaterial == nil {
		good := pair.Material(wire.Server)
		x.ServerMaterial = &good
	}
	if x.ClientMaterial == nil {
		good, err := goodClient(pair, x.Server.Traits().Known)
		if err != nil {
			return x, err
		}
		x.ClientMaterial = &good
	}
	return x, nil
}

func goodClient(pair *pki.Pair, known wire.Field) (wire.Material, error) {
	if known == wire.FieldURI {
		return pair.Material(wire.Client), nil
	}
	return pair.Known(known)
}

// check says what cannot be asked of the two.
func (x Exchange) check() error {
	server, client := x.Server.Traits().Speaks, x.Client.Traits().Speaks
	switch {
	case strings.ContainsAny(x.Message, "\r\n"):
		return fmt.Errorf("message %q: must be one line", x.Message)
	case server != client:
		return fmt.Errorf("the server speaks %s, and the client %s", server, client)
	case !x.Client.Traits().Tells && x.ServerName != pki.ServerName:
		return fmt.Errorf("server name %q: %s calls %q, as every image does", x.ServerName, x.Client.Name(), pki.ServerName)
	}
	return nil
}

// Runner carries out exchanges in one place. Its methods may be called by many
// goroutines at once.
type Runner struct {
	Place   peer.Place
	Pair    *pki.Pair     // whose material is the good one
	Timeout time.Duration // of one exchange, once all is built; or longer if a peer needs longer
	Servers *Servers
	Secrets io.Writer // see [peer.Call]
}

// Run carries out one exchange. Whatever the peers do to each other is the verdict; an
// error means that the lab broke, or a [*peer.UnusableError] that a peer cannot be used.
func (r *Runner) Run(ctx context.Context, x Exchange) (verdict.Verdict, error) {
	began := time.Now()
	// A server that was started for good material is known again by its material's place.
	goodServer := x.ServerMaterial == nil
	if x.Secrets == nil {
		x.Secrets = r.Secrets
	}
	x, err := x.Whole(r.Pair)
	if err == nil {
		err = x.check()
	}
	if err != nil {
		return verdict.Verdict{}, err
	}
	brought, err := r.Servers.bring(ctx, r.Place, x, goodServer)
	if err != nil {
		return verdict.Verdict{}, err
	}
	client, err := x.Client.Client(ctx, r.Place)
	if err != nil {
		return verdict.Verdict{}, err
	}
	defer client.Close(context.WithoutCancel(ctx))
	timeout := max(r.Timeout, x.Server.Traits().Limit, x.Client.Traits().Limit)
	until := time.Now().Add(timeout)
	ctx, cancel := context.WithDeadlineCause(ctx, until, fmt.Errorf("the exchange took longer than %v", timeout))
	defer cancel()
	server, err := r.Servers.serve(ctx, until, r.Place, brought, x)
	if err != nil {
		return verdict.Verdict{}, err
	}
	v, err := Between(ctx, server, client, x)
	v.Took = time.Since(began)
	return v, err
}

// Between carries out one exchange between a server that was started and a client.
func Between(ctx context.Context, server Started, client peer.Client, x Exchange) (verdict.Verdict, error) {
	began := time.Now()
	nonce := sandbox.NewID()
	text := fmt.Sprintf("%s (%s)", x.Message, nonce)
	e := verdict.Exchange{
		Sent: wire.DigestOf(text), Nonce: nonce,
		ClientTells: x.Client.Traits().Tells, ServerTells: x.Server.Traits().Tells,
	}
	var listening peer.Listening
	var ready time.Duration
	call := peer.Call{
		Message: text, Nonce: nonce, Material: *x.ClientMaterial, ServerName: x.ServerName, Version: x.Version,
		Foreign: !e.ServerTells, Calls: server.Calls, Named: server.Named, Secrets: x.Secrets,
		Server: func(ctx context.Context) (address string, err error) {
			listening, err = server.Wait(ctx)
			ready = time.Since(began)
			return listening.Address, err
		},
	}
	if e.ServerTells {
		call.Hostname = server.Hostname // with the port on which ours always listens
	}
	var err error
	if e.Client, err = client.Call(ctx, call); err != nil {
		return verdict.Verdict{}, err
	}
	if !e.ClientTells || e.Client.Local != "" { // else there was no connection
		asked := peer.Asked{Sent: e.Sent, Nonce: nonce, Local: e.Client.Local, Began: began}
		if e.Server, err = server.Account(ctx, asked); err != nil {
			return verdict.Verdict{}, err
		}
	}
	v := e.Judge()
	if v.Decision != verdict.WasDelivered && listening.LastLines != nil {
		v.LastLines = listening.LastLines()
	}
	v.Listening, v.Ready, v.Took = listening.Account, ready, time.Since(began)
	return v, nil
}
