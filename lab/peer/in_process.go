package peer

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// InProcess is a server or a client of code in this process, which is not changed: it is
// given material, and what it makes of that is put to the test. It is taken at its deeds, for
// it gives no reasons. It runs in a sandbox of processes alone, for nothing in a container can
// reach it.
type InProcess struct {
	Label string // its name; "in-process" if empty

	// Serve starts a server with material. An error says that there is none of such material.
	// Dial is what a client does. Either may be nil.
	Serve func(wire.Material) (LocalServer, error)
	Dial  LocalClient

	// HTTP says that it is asked, or asks, by GET, and not in lines as our own programs are.
	// Answered are the statuses with which a server answers whom it lets in: 200 to 299, and
	// 404, if there are none.
	HTTP     bool
	Answered []int
}

// LocalServer is a server in this process that listens.
type LocalServer interface {
	Addr() net.Addr
	// Received is what it says of a message; nil if it says nothing.
	Received(sent wire.Digest) *wire.Outcome
	Close() error
}

// LocalClient makes a client of material, which sends a message to a server at an address. Its
// error says that there is no client of such material, or that it was not served.
type LocalClient func(m wire.Material) (func(ctx context.Context, address string, c Call) error, error)

// inProcessPatience bounds one exchange of code in this process.
const inProcessPatience = 5 * time.Second

// Name is the label.
func (p InProcess) Name() string { return cmp.Or(p.Label, "in-process") }

// Traits are the same for all code.
func (p InProcess) Traits() Traits {
	t := Traits{
		Patience: inProcessPatience, Limit: 2 * inProcessPatience,
		Known: wire.FieldURI, Speaks: adapter.Line, Protocol: receipts{},
	}
	if p.HTTP {
		t.Speaks, t.Protocol = adapter.HTTP, Spoken{adapter.Endpoint(p.Name(), adapter.HTTP, "", p.Answered)}
	}
	return t
}

// Server fails without code that serves, and where peers are containers.
func (p InProcess) Server(_ context.Context, in Place) (Server, error) {
	return &inProcess{of: p}, p.fits(in, wire.Server, p.Serve != nil)
}

// Client fails without code that calls, and where peers are containers.
func (p InProcess) Client(_ context.Context, in Place) (Client, error) {
	return &inProcess{of: p}, p.fits(in, wire.Client, p.Dial != nil)
}

func (p InProcess) fits(in Place, role wire.Role, has bool) error {
	switch {
	case !has:
		return fmt.Errorf("%s: it has no code of a %s", p.Name(), role)
	case in.Sandbox.Facts().Runtime != sandbox.Processes:
		return fmt.Errorf("%s: it runs in this process, which containers cannot reach: choose the runtime %s",
			p.Name(), sandbox.Processes)
	default:
		return nil
	}
}

// inProcess is code of this process as a peer of either role.
type inProcess struct {
	of InProcess

	mu      sync.Mutex
	serving []*inProcessServing
}

// Product is nil: there is nothing to know of it.
func (*inProcess) Product() *finding.Product { return nil }

// Lacks says what cannot be known of any code.
func (p *inProcess) Lacks(d Demand) string {
	switch {
	case d.HTTP && !p.of.HTTP:
		return "it does not speak HTTP"
	case d.Lists:
		return "code in this process is given no revocation lists"
	case d.Store:
		return "whom the system of this process trusts is not the lab's to say"
	case d.Admission:
		return "code in this process is not told whom to admit"
	case d.Reload:
		return "code in this process is not told to read its trust again"
	case d.Open:
		return "code in this process is not told of a second name"
	case d.Stays:
		return "code in this process takes one message of a connection"
	case d.Unheard:
		return "code in this process tells of no message that it does not answer"
	default:
		return ""
	}
}

func (p *inProcess) Close(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.serving {
		_ = s.Stop(ctx) // it never fails
	}
}

// Serve starts the server.
func (p *inProcess) Serve(_ context.Context, g Given) (Serving, error) {
	s := &inProcessServing{name: p.of.Name()}
	var err error
	if s.local, err = p.of.Serve(g.Material); err != nil { // a program would say so by ending
		s.ended = Ended(wire.Server, 1, ": "+err.Error())
		return s, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serving = append(p.serving, s)
	return s, nil
}

// inProcessServing is a server that takes connections, or that could not be started.
type inProcessServing struct {
	name  string
	local LocalServer
	ended *wire.Outcome // if it could not be started
}

func (s *inProcessServing) Wait(context.Context) (Listening, error) {
	if s.ended != nil {
		return Listening{}, &UnusableError{
			Peer: s.name, What: s.ended.Detail, Look: "the function that is given the material", Ended: s.ended,
		}
	}
	address := s.local.Addr().String()
	return Listening{
		Address:   address,
		Account:   wire.Outcome{Role: wire.Server, Kind: wire.Listening, Local: address},
		LastLines: func() []string { return nil },
	}, nil
}

// Account is what the server says. It is known at once: an answer is given after.
func (s *inProcessServing) Account(_ context.Context, a Asked) (*wire.Outcome, error) {
	if s.local == nil {
		return s.ended, nil
	}
	return s.local.Received(a.Sent), nil
}

// Reload is never asked for: see Lacks.
func (*inProcessServing) Reload(context.Context, wire.Material) (Renewal, error) {
	return Renewal{}, errors.ErrUnsupported
}

func (s *inProcessServing) Stop(context.Context) error {
	if s.local != nil {
		_ = s.local.Close() // it may be closed already
	}
	return nil
}

// Call sends one message, and waits to be served.
func (p *inProcess) Call(ctx context.Context, c Call) (wire.Outcome, error) {
	address, err := c.Server(ctx)
	if err != nil {
		return wire.Outcome{}, err
	}
	call, err := p.of.Dial(c.Material)
	if unusable, is := errors.AsType[*UnusableError](err); is {
		return wire.Outcome{}, unusable
	}
	if err != nil {
		return *Ended(wire.Client, 1, ": "+err.Error()), nil
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(c.Patience, inProcessPatience))
	defer cancel()
	switch err := call(ctx, address, c); {
	case err == nil:
		return wire.Outcome{Role: wire.Client, Kind: wire.Delivered}, nil
	case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded):
		return wire.Outcome{Role: wire.Client, Kind: wire.Failed, Reason: wire.Timeout, Detail: err.Error()}, nil
	default:
		return *Ended(wire.Client, 1, ": "+err.Error()), nil
	}
}

// Configured is a server, or a client, of a TLS configuration that is made of material.
func Configured(label string, config func(wire.Material) (*tls.Config, error)) InProcess {
	return InProcess{
		Label: label,
		Serve: func(m wire.Material) (LocalServer, error) {
			c, err := config(m)
			if err != nil {
				return nil, err
			}
			listener, err := loopback()
			if err != nil {
				return nil, err
			}
			return Lines(configured{listener, c}), nil
		},
		Dial: DialLines(func(m wire.Material) (Dialer, error) {
			c, err := config(m)
			if err != nil {
				return nil, err
			}
			return func(ctx context.Context, network, address string) (net.Conn, error) {
				named := c.Clone()
				named.ServerName = cmp.Or(named.ServerName, adapter.Host)
				return (&tls.Dialer{Config: named}).DialContext(ctx, network, address)
			}, nil
		}),
	}
}

func loopback() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") } //nolint:noctx // it does not wait
