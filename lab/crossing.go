package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// serverSide is the server of a plain exchange, our own or not.
type serverSide struct {
	own     *server
	visitor *adaptedServer
	ip      string
	port    int
}

// clientSide is the client of a plain exchange, our own or not.
type clientSide struct {
	peer    Peer
	visitor *adaptedClient
	broke   *AdapterError // why it cannot be run
}

// serverSideOf starts a server and waits until it takes connections. Somebody
// else's is not used again, and stop ends it.
func (l *Lab) serverSideOf(ctx context.Context, p Peer) (h serverSide, stop func(), err error) {
	if p.Adapter == nil {
		host, ok := l.host.(*containerHost)
		if !ok {
			return h, nil, errNeedsContainers
		}
		h.own = l.server(ctx, p)
		if err := h.own.wait(ctx); err != nil {
			return h, nil, err
		}
		if h.port, err = portOf(h.own.listening.Local); err != nil {
			return h, nil, err
		}
		h.ip, err = host.addressOf(ctx, h.own.peer.process)
		return h, func() {
			if p.named {
				l.forget(context.WithoutCancel(ctx), h.own)
			}
		}, err
	}
	adapted, err := l.adapt(ctx, p)
	if err != nil {
		return h, nil, err
	}
	knocker, err := l.hostile(ctx)
	if err != nil {
		return h, nil, err
	}
	h.visitor, err = adapted.startReady(ctx, l.name(p.Adapter.Name), l.material(p, l.Server.Material(l.Authority)), false, knocker)
	if err != nil {
		return h, nil, err
	}
	h.ip, _, err = net.SplitHostPort(h.visitor.address)
	h.port = p.Adapter.Port
	return h, func() { _ = h.visitor.stop(context.WithoutCancel(ctx)) }, err
}

// exchange carries out one plain exchange between the two, in that version of
// TLS alone if one is given.
func (l *Lab) exchange(ctx context.Context, h serverSide, g clientSide, x Exchange, version string) (Verdict, error) {
	began := time.Now()
	nonce := newID()
	sent := fmt.Sprintf("%s (%s)", x.Message, nonce)
	v := Verdict{Nonce: nonce, Sent: wire.DigestOf(sent)}
	if h.own != nil {
		v.Listening = h.own.listening
	}
	var err error
	if g.visitor == nil {
		err = l.callAsOwn(ctx, h, g, x.ServerName, sent, version, &v)
	} else {
		err = g.visitor.callOnce(ctx, call{
			dir: g.visitor.Dir(), port: h.port, ip: h.ip, version: version, message: sent, nonce: nonce,
		}, &v)
	}
	if err != nil {
		return v, err
	}
	switch {
	case h.own == nil:
	case g.visitor == nil:
		v.Server = h.own.accountOf(ctx, v, began)
	default:
		v.Server = h.own.receiptOf(ctx, v)
	}
	v.judgeExchange(h)
	v.Took = time.Since(began)
	return v, nil
}

func (l *Lab) callAsOwn(ctx context.Context, h serverSide, g clientSide, name, sent, version string, v *Verdict) error {
	peer := g.peer
	if version != "" {
		peer.Args = append([]string{"-min-version", version, "-max-version", version}, peer.Args...)
	}
	if h.visitor != nil {
		peer.Args = append([]string{"-echo"}, peer.Args...)
	}
	p := l.client(peer, net.JoinHostPort(h.ip, fmt.Sprint(h.port)), name, sent)
	p.again = true
	client, err := startPeer(ctx, l.host, p)
	if err != nil {
		return err
	}
	_ = client.giveAll(l.material(peer, l.Client.Material(l.Authority))) // one that has ended says so itself
	v.Client, err = client.final(ctx)
	return err
}

func (c *adaptedClient) callOnce(ctx context.Context, call call, v *Verdict) error {
	back, err := c.run(ctx, call)
	if err != nil {
		return err
	}
	delivered, err := c.delivered(back, call)
	v.Client = accountOfReturn(back, delivered)
	return err
}

// judgeExchange decides about a plain exchange in which at least one side gives
// no account of its own. What neither side says, the message does: it is in the
// answer, or in the server's log.
func (v *Verdict) judgeExchange(h serverSide) {
	logged := h.visitor != nil && h.visitor.Logs && h.visitor.output.any(func(line string) bool { return strings.Contains(line, v.Nonce) })
	v.Leaked = logged || v.Server != nil && v.Server.Message != nil && v.Server.Message.SHA256 == v.Sent.SHA256
	delivered := v.Client.Kind == wire.Delivered
	unacknowledged := v.Client.Reason == wire.BadReceipt // there was an answer, and it was not ours
	switch {
	case v.Leaked && (delivered || unacknowledged), delivered && h.visitor != nil:
		v.Decision = WasDelivered
		if v.Server != nil && v.Server.Peer != nil {
			v.Identity = v.Server.Peer.String()
		}
	case v.Server != nil && v.Server.Kind == wire.Refused:
		v.Decision, v.By, v.Reason = WasRefused, wire.Server, v.Server.Reason
	case v.Client.Kind == wire.Refused:
		v.Decision, v.By, v.Reason = WasRefused, wire.Client, v.Client.Reason
	case v.Leaked:
		v.inconclusive("the message reached the server, but the client does not call it delivered")
	default:
		v.inconclusive("the message is not known to have arrived: " + cmp.Or(v.Client.Detail, string(v.Client.Kind)))
	}
}

// runAdapted is [Lab.Run] where one of the peers is somebody else's.
func (l *Lab) runAdapted(ctx context.Context, x Exchange) (Verdict, error) {
	if err := x.check(); err != nil {
		return Verdict{}, err
	}
	h, stop, err := l.serverSideOf(ctx, x.Server)
	if err != nil {
		return Verdict{}, err
	}
	defer stop()
	g, leave, err := l.clientSideOf(ctx, x.Client, []string{adapter.Host + ":" + h.ip})
	if err != nil {
		return Verdict{}, err
	}
	defer leave()
	return l.exchange(ctx, h, g, x, "")
}

// check says what two peers of which one is somebody else's cannot be asked for.
func (x Exchange) check() error {
	server, client := x.Server.Adapter, x.Client.Adapter
	switch {
	case server != nil && server.Role != wire.Server:
		return fmt.Errorf("the server: the adapter of %s is that of a %s", server.Name, server.Role)
	case client != nil && client.Role != wire.Client:
		return fmt.Errorf("the client: the adapter of %s is that of a %s", client.Name, client.Role)
	case client != nil && x.ServerName != ServerName:
		return fmt.Errorf("server name %q: %s calls %q, as every image does", x.ServerName, client.Name, ServerName)
	case speaks(x.Server) != speaks(x.Client):
		return fmt.Errorf("the server speaks %s, and the client %s", speaks(x.Server), speaks(x.Client))
	}
	return nil
}

func (l *Lab) clientSideOf(ctx context.Context, p Peer, hosts []string) (g clientSide, leave func(), err error) {
	g.peer, leave = p, func() {}
	if p.Adapter == nil {
		return g, leave, nil
	}
	adapted, err := l.adapt(ctx, p)
	if err != nil {
		return g, nil, err
	}
	g.visitor, err = adapted.startClient(ctx, l.name(p.Adapter.Name), l.material(p, l.Client.Material(l.Authority)), stay{hosts: hosts})
	return g, func() { _ = g.visitor.stop(context.WithoutCancel(ctx)) }, err
}

// crossAtOnce is how many plain exchanges are made at once: they go on beside
// audits.
const crossAtOnce = 2

// Cross carries out a plain exchange between every client and every server that
// speak the same, in each version of TLS. Those of a peer that cannot be run are
// inconclusive, and say why. It wants a lab of its own, in which no other server has
// the name that each has in turn. Progress, if not nil, is told how many servers are
// done.
func (l *Lab) Cross(ctx context.Context, servers, clients []Peer, progress func(done, total int)) ([]finding.Interop, error) {
	l.mu.Lock()
	others := len(l.servers)
	l.mu.Unlock()
	if others > 0 {
		return nil, errors.New("cross: a server of this lab has the name already that each is to have in turn: start another lab")
	}
	sides := make([]clientSide, len(clients))
	start, startCtx := errgroup.WithContext(ctx)
	for i, p := range clients {
		start.Go(func() (err error) {
			sides[i], _, err = l.clientSideOf(startCtx, p, nil)
			if broke, ok := errors.AsType[*AdapterError](err); ok {
				sides[i], err = clientSide{peer: p, broke: broke}, nil
			}
			return err
		})
	}
	err := start.Wait()
	defer func() {
		for _, g := range sides {
			if g.visitor != nil {
				_ = g.visitor.stop(context.WithoutCancel(ctx))
			}
		}
	}()
	if err != nil {
		return nil, err
	}
	var all []finding.Interop
	for i, p := range servers {
		made, err := l.crossOne(ctx, p, sides)
		if err != nil {
			return all, err
		}
		all = append(all, made...)
		if progress != nil {
			progress(i+1, len(servers))
		}
	}
	return all, nil
}

// crossOne has all the clients call one server that speak as it does.
func (l *Lab) crossOne(ctx context.Context, p Peer, sides []clientSide) ([]finding.Interop, error) {
	p.named = true
	h, stop, err := l.serverSideOf(ctx, p)
	broke, _ := errors.AsType[*AdapterError](err)
	switch {
	case err == nil:
		defer stop()
	case broke == nil:
		return nil, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(min(cmp.Or(parallelOf(p), crossAtOnce), crossAtOnce))
	callers := slices.DeleteFunc(slices.Clone(sides), func(g clientSide) bool { return speaks(g.peer) != speaks(p) })
	versions := wire.Versions()
	all := make([]finding.Interop, len(callers)*len(versions))
	for i, g := range callers {
		mine := all[i*len(versions):][:len(versions)]
		group.Go(func() error { // one version after the other: some clients are run one at a time
			for j := range mine {
				mine[j] = finding.Interop{Client: g.peer.Name(), Server: p.Name(), Version: versions[j]}
				if broke := cmp.Or(broke, g.broke); broke != nil {
					mine[j].Status, mine[j].Saw = finding.Inconclusive, broke.Peer+": "+broke.What
				} else if err := l.cross(ctx, h, g, &mine[j]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return all, group.Wait()
}

// cross carries out one plain exchange of many.
func (l *Lab) cross(ctx context.Context, h serverSide, g clientSide, c *finding.Interop) error {
	v, err := l.exchange(ctx, h, g, Exchange{Message: Greeting, ServerName: ServerName}, c.Version)
	if broke, ok := errors.AsType[*AdapterError](err); ok {
		c.Status, c.Saw = finding.Inconclusive, broke.Peer+": "+broke.What
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s to %s: %w", c.Client, c.Server, err)
	}
	c.Took, c.Saw, c.Status = v.Took, Account(&v.Client), finding.Passed
	if v.Decision != WasDelivered {
		c.Status, c.Saw = finding.Failed, v.String()+"; the client: "+c.Saw
	}
	return nil
}

func speaks(p Peer) adapter.Protocol {
	if p.Adapter == nil {
		return adapter.Line
	}
	return p.Adapter.Speaks
}

func parallelOf(p Peer) int {
	if p.Adapter == nil {
		return 0
	}
	return p.Adapter.Parallel
}
