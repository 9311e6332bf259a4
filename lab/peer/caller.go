package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Caller is a client that somebody else runs, with material of an authority that was
// exported for it, and that calls an address of this machine by the name [adapter.Host], again
// and again. Each trial is one of its calls. It says what it says anyway, so whatever it says
// counts as its message.
type Caller struct {
	Listen string // host:port, where it calls
	Speaks *adapter.Adapter
	Wait   time.Duration // how long until its next call, at most

	Lists bool // it was given the revocation lists
}

// Name is where it calls.
func (c Caller) Name() string { return "the client that calls " + c.Listen }

// Traits are those of a client whose calls are waited for.
func (c Caller) Traits() Traits {
	return Traits{
		Patience: endpointPatience, Limit: c.Wait + 3*endpointPatience, AtOnce: 1, Deployed: true, OwnWords: true,
		Known: wire.FieldURI, Speaks: c.Speaks.Speaks, Protocol: Spoken{c.Speaks},
	}
}

// Server always fails: it serves nobody.
func (c Caller) Server(context.Context, Place) (Server, error) {
	return nil, fmt.Errorf("%s is a client", c.Name())
}

// Client listens where it calls.
func (c Caller) Client(_ context.Context, in Place) (Client, error) {
	listener, err := net.Listen("tcp", c.Listen) //nolint:noctx // it does not wait
	if err != nil {
		return nil, &UnusableError{
			Peer: c.Name(),
			What: fmt.Sprintf("nobody can call there: %v", err),
			Look: "another port",
		}
	}
	calling := &callingClient{of: c, listener: listener, calls: make(chan net.Conn)}
	go calling.accept()
	if in.Progress != nil {
		in.Progress(fmt.Sprintf("waiting for a client to call %s by the name %q", listener.Addr(), adapter.Host))
	}
	return calling, nil
}

// callingClient is a client whose calls are taken one by one.
type callingClient struct {
	of       Caller
	listener net.Listener
	calls    chan net.Conn
	called   atomic.Bool // at least once
	silent   atomic.Bool // it has ceased to
}

func (c *callingClient) Product() *finding.Product {
	return &finding.Product{Name: c.of.Name(), Notes: []string{
		"it was tried where it runs: nothing was isolated; whatever it said counts as its message",
		"when you are done, take the test authority out of its trust again",
	}}
}

// Lacks says what cannot be known of a client that somebody else runs.
func (c *callingClient) Lacks(d Demand) string {
	switch {
	case d.Store:
		return "whom its system trusts is not ours to say"
	case d.Altered:
		return "it is not ours to start with other material"
	case d.Opinion:
		return "it does not say whether it calls its message delivered"
	case d.Lists && !c.of.Lists:
		return "it was not said to have been given revocation lists"
	default:
		return ""
	}
}

func (c *callingClient) Close(context.Context) { _ = c.listener.Close() }

// accept takes the calls that somebody waits for. Of others it is hung up at once: a call that
// had to wait would be over before it is answered.
func (c *callingClient) accept() {
	for {
		conn, err := c.listener.Accept()
		if err != nil {
			return // it is closed
		}
		select {
		case c.calls <- conn:
		default:
			_ = conn.Close()
		}
	}
}

// Call waits for the next call, and puts it through to whom it is meant for. It says nothing of
// how that ended: the other side has seen it.
func (c *callingClient) Call(ctx context.Context, call Call) (wire.Outcome, error) {
	address, err := call.Server(ctx)
	if err != nil {
		return wire.Outcome{}, err
	}
	if c.silent.Load() {
		return wire.Outcome{}, c.ceased()
	}
	caller, first, err := c.next(ctx)
	if err != nil {
		return wire.Outcome{}, err
	}
	defer caller.Close() //nolint:errcheck // it has ended
	c.called.Store(true)
	server, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return wire.Outcome{}, fmt.Errorf("putting a call through: %w", err)
	}
	defer server.Close() //nolint:errcheck // likewise
	if err := errors.Join(
		caller.SetDeadline(time.Now().Add(2*endpointPatience)), server.SetDeadline(time.Now().Add(2*endpointPatience)),
	); err != nil {
		return wire.Outcome{}, err
	}
	if _, err := server.Write(first); err != nil {
		return wire.Outcome{}, fmt.Errorf("putting a call through: %w", err)
	}
	var both errgroup.Group
	both.Go(func() error { return pass(server, caller) })
	both.Go(func() error { return pass(caller, server) })
	_ = both.Wait() // how it ended is seen at either end
	return wire.Outcome{Role: wire.Client, Kind: wire.Failed, Time: time.Now(), Detail: "it gives no account"}, nil
}

// next is the next call that says anything, and its first byte. A [*UnusableError] says that
// there was never one, a [*CannotError] that there is none any more.
func (c *callingClient) next(ctx context.Context) (net.Conn, []byte, error) {
	over := time.NewTimer(c.of.Wait)
	defer over.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		case <-over.C:
			if c.called.Load() {
				c.silent.Store(true)
				return nil, nil, c.ceased()
			}
			return nil, nil, &UnusableError{
				Peer: c.of.Name(), What: fmt.Sprintf("no client called within %v, so nothing was tried", c.of.Wait),
				Look: "whether client/ of the export is deployed, and whom the client calls; --wait",
			}
		case conn := <-c.calls:
			first := make([]byte, 1)
			_ = conn.SetReadDeadline(time.Now().Add(endpointPatience)) // it fails where reading does
			if _, err := conn.Read(first); err == nil {
				return conn, first, nil
			}
			_ = conn.Close() // somebody looked whether the port is open
		}
	}
}

func (c *callingClient) ceased() error {
	return &CannotError{Why: fmt.Sprintf("it did not call again within %v", c.of.Wait)}
}

// pass carries what one says to the other, and how it ended.
func pass(to, from net.Conn) error {
	_, err := io.Copy(to, from)
	tcp, is := to.(*net.TCPConn)
	switch {
	case !is:
		return errors.Join(err, to.Close())
	case errors.Is(err, syscall.ECONNRESET):
		return errors.Join(err, tcp.SetLinger(0), tcp.Close())
	default:
		return errors.Join(err, tcp.CloseWrite())
	}
}
