package lab

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Greeting is the message of an exchange that names none.
const Greeting = "Hello, server!"

// Peer is one side of an exchange. The zero value is our own program with good
// material.
type Peer struct {
	Material *wire.Material
	Source   images.Source // another program, which takes the same flags
	Args     []string      // further flags

	// Adapter makes it somebody else's image, in a container. Source and Args
	// are of no use to that. Context is the directory that Adapter.Build names,
	// if it is not to be found from the adapter's file.
	Adapter *adapter.Adapter
	Context fs.FS

	named bool // it is to be found by the name that its certificate is for
}

// ownName is what our own programs are called beside others.
const ownName = "mtlslab"

// Name is what the peer is called beside others: by its adapter, its source, or
// "mtlslab".
func (p Peer) Name() string {
	if p.Adapter != nil {
		return p.Adapter.Name
	}
	return cmp.Or(p.Source.Name, ownName)
}

// Exchange is one client, one server and one message.
type Exchange struct {
	Message    string // one line; Greeting if empty
	Server     Peer
	Client     Peer
	ServerName string // the name that the client demands; ServerName if empty
}

// accountGrace is how long the server has to give its account once the client
// has given its own.
const accountGrace = 3 * time.Second

// Run carries out one exchange. Whatever the peers do to each other is the
// verdict; an error means that the lab broke.
func (l *Lab) Run(ctx context.Context, x Exchange) (v Verdict, err error) {
	began := time.Now()
	defer func() { err = cmp.Or(l.over(), err) }()
	visitors := x.Server.Adapter != nil || x.Client.Adapter != nil
	timeout := l.cfg.Timeout
	if visitors {
		timeout = max(timeout, adaptedTimeout)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("the exchange took longer than %v", timeout))
	defer cancel()
	x.Message, x.ServerName = cmp.Or(x.Message, Greeting), cmp.Or(x.ServerName, ServerName)
	if strings.ContainsAny(x.Message, "\r\n") {
		return Verdict{}, fmt.Errorf("message %q: must be one line", x.Message)
	}
	if visitors {
		return l.runAdapted(ctx, x)
	}
	nonce := newID()
	sent := fmt.Sprintf("%s (%s)", x.Message, nonce)
	server, client, err := l.startBoth(ctx, x, sent)
	if err != nil {
		return Verdict{}, err
	}
	// A client that cannot be given anything has ended, and its account says so.
	_ = client.giveAll(l.material(x.Client, l.Client.Material(l.Authority)))
	v = Verdict{Nonce: nonce, Sent: wire.DigestOf(sent), Listening: server.listening, Ready: time.Since(began)}
	if v.Client, err = client.final(ctx); err != nil {
		return v, err
	}
	v.Server = server.accountOf(ctx, v, began)
	v.judge()
	v.Took = time.Since(began)
	return v, nil
}

// startBoth returns when the server listens and the client waits for its
// material. Both start at once, but no client dials before there is a server: a
// name that is not known yet costs it the resolver's timeout.
func (l *Lab) startBoth(ctx context.Context, x Exchange, message string) (*server, *peer, error) {
	s := l.server(ctx, x.Server)
	var client *peer
	start, ctx := errgroup.WithContext(ctx)
	start.Go(func() error { return s.wait(ctx) })
	start.Go(func() (err error) {
		address := l.host.facts().listen
		if strings.HasSuffix(address, ":0") {
			if err := s.wait(ctx); err != nil {
				return err
			}
			address = s.listening.Local
		}
		client, err = startPeer(ctx, l.host,
			l.client(x.Client, l.host.reach(s.hostname, address), x.ServerName, message))
		return err
	})
	return s, client, start.Wait()
}

// client is how a client is called.
func (l *Lab) client(p Peer, address, serverName, message string) program {
	return program{
		hostname: "client",
		source:   cmp.Or(p.Source, clientSource),
		args: slices.Concat([]string{
			"-log", "json", "-material", "-", "-connect", address, "-server-name", serverName,
		}, lifetime(l.end), p.Args, []string{"--", message}),
	}
}

func (l *Lab) material(p Peer, good wire.Material) wire.Material {
	if p.Material != nil {
		return *p.Material
	}
	return good
}

// final is the one outcome that a client gives. A client that ends without any
// has crashed: that is its account, and not an error of the lab.
func (p *peer) final(ctx context.Context) (wire.Outcome, error) {
	outcome, err := p.await(ctx, func(o wire.Outcome) bool { return o.Kind != wire.Warning })
	if err == nil {
		return outcome, nil
	}
	code, waitErr := p.process.wait(ctx)
	if waitErr != nil {
		return wire.Outcome{}, fmt.Errorf("waiting for the client's account: %w", waitErr)
	}
	detail := fmt.Sprintf("it exited with code %d and no account%s", code, p.stderr.said())
	return wire.Outcome{Role: wire.Client, Kind: wire.Failed, Detail: detail}, nil
}
