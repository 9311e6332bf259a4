package peer

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/journal"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// InProcess is a server, or a client, of a TLS configuration in this process. It shows
// what the configuration lets in, and nothing of a program that may use it otherwise. It
// speaks as our own programs do, and is taken at its deeds: it gives no reasons. It runs
// in a sandbox of processes alone, for nothing in a container can reach it.
type InProcess struct {
	Label string // its name; "in-process" if empty

	// ServerConfig makes the configuration of a server of its material, ClientConfig that
	// of a client. An error says that there is none of such material. Either may be nil.
	ServerConfig, ClientConfig func(wire.Material) (*tls.Config, error)
}

// inProcessPatience bounds one exchange of a configuration in this process.
const inProcessPatience = 5 * time.Second

// Name is the label.
func (p InProcess) Name() string { return cmp.Or(p.Label, "in-process") }

// Traits are the same for every configuration.
func (InProcess) Traits() Traits {
	return Traits{
		Patience: inProcessPatience, Limit: 2 * inProcessPatience,
		Known: wire.FieldURI, Speaks: adapter.Line, Protocol: receipts{},
	}
}

// Server fails without a ServerConfig, and where peers are containers.
func (p InProcess) Server(_ context.Context, in Place) (Server, error) {
	return &inProcess{InProcess: p}, p.fits(in, wire.Server, p.ServerConfig != nil)
}

// Client fails without a ClientConfig, and where peers are containers.
func (p InProcess) Client(_ context.Context, in Place) (Client, error) {
	return &inProcess{InProcess: p}, p.fits(in, wire.Client, p.ClientConfig != nil)
}

func (p InProcess) fits(in Place, role wire.Role, has bool) error {
	switch {
	case !has:
		return fmt.Errorf("%s: it has no configuration of a %s", p.Name(), role)
	case in.Sandbox.Facts().Runtime != sandbox.Processes:
		return fmt.Errorf("%s: it runs in this process, which containers cannot reach: choose the runtime %s",
			p.Name(), sandbox.Processes)
	default:
		return nil
	}
}

// inProcess is a configuration as a peer of either role.
type inProcess struct {
	InProcess

	mu      sync.Mutex
	serving []*inProcessServing
}

// Product is nil: there is nothing to know of it.
func (*inProcess) Product() *finding.Product { return nil }

// Lacks says what cannot be known of any configuration.
func (*inProcess) Lacks(d Demand) string {
	switch {
	case d.HTTP:
		return "it does not speak HTTP"
	case d.Lists:
		return "a TLS configuration is given no revocation lists"
	case d.Admission:
		return "a TLS configuration is not told whom to admit"
	case d.Reload:
		return "a TLS configuration is not told to read its trust again"
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

// Serve listens on loopback.
func (p *inProcess) Serve(ctx context.Context, g Given) (Serving, error) {
	s := &inProcessServing{name: p.Name(), received: journal.New[wire.Outcome]()}
	config, err := p.ServerConfig(g.Material)
	if err != nil { // a program would say so by ending
		s.ended = ended(wire.Server, 1, ": "+err.Error())
		return s, nil
	}
	if s.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name(), err)
	}
	go s.serve(config)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serving = append(p.serving, s)
	return s, nil
}

// inProcessServing is a configuration that takes connections.
type inProcessServing struct {
	name     string
	listener net.Listener
	received *journal.Journal[wire.Outcome]
	ended    *wire.Outcome // if it could not be started
}

func (s *inProcessServing) serve(config *tls.Config) {
	for {
		accepted, err := s.listener.Accept()
		if err != nil {
			s.received.End(err)
			return
		}
		transport := &wire.Transport{Conn: accepted}
		go s.answer(tls.Server(transport, config), transport.Ended)
	}
}

// answer takes one message of whomever the configuration lets in, and gives the receipt.
func (s *inProcessServing) answer(conn *tls.Conn, ended func() bool) {
	defer conn.Close()                                          //nolint:errcheck // the adversary sees how it ends
	_ = conn.SetDeadline(time.Now().Add(2 * inProcessPatience)) // it never fails on TCP
	message, err := wire.NewMessageReader(conn, wire.MaxMessage, ended).Next()
	if err != nil {
		return
	}
	o := wire.Outcome{
		Role: wire.Server, Kind: wire.Received, Time: time.Now(), Remote: conn.RemoteAddr().String(),
		Message: new(wire.DigestOf(message)),
	}
	if certs := conn.ConnectionState().PeerCertificates; len(certs) > 0 {
		o.Peer = new(wire.IdentityOf(certs[0]))
	}
	s.received.Add(o)
	receipt := wire.Receipt{SHA256: o.Message.SHA256}
	if o.Peer != nil {
		receipt.Client = *o.Peer
	}
	if line, err := json.Marshal(receipt); err == nil {
		_, _ = conn.Write(append(line, '\n')) // the adversary sees whether it came
	}
}

func (s *inProcessServing) Wait(context.Context) (Listening, error) {
	if s.ended != nil {
		return Listening{}, &UnusableError{
			Peer: s.name, What: s.ended.Detail, Look: "the function that makes its configuration", Ended: s.ended,
		}
	}
	address := s.listener.Addr().String()
	return Listening{
		Address:   address,
		Account:   wire.Outcome{Role: wire.Server, Kind: wire.Listening, Local: address},
		LastLines: func() []string { return nil },
	}, nil
}

// Account says whether the message came. It is known at once: a receipt is given after.
func (s *inProcessServing) Account(_ context.Context, a Asked) (*wire.Outcome, error) {
	all := s.received.All()
	if i := slices.IndexFunc(all, func(o wire.Outcome) bool { return o.Message.SHA256 == a.Sent.SHA256 }); i >= 0 {
		return &all[i], nil
	}
	return nil, nil //nolint:nilnil // that nothing came is what there is to say
}

// Reload is never asked for: see Lacks.
func (s *inProcessServing) Reload(context.Context, wire.Material) (bool, error) {
	return false, errors.ErrUnsupported
}

func (s *inProcessServing) Stop(context.Context) error {
	if s.listener == nil {
		return nil
	}
	_ = s.listener.Close() // it may be closed already
	return nil
}

// Call sends one message, and reads the receipt.
func (p *inProcess) Call(ctx context.Context, c Call) (wire.Outcome, error) {
	address, err := c.Server(ctx)
	if err != nil {
		return wire.Outcome{}, err
	}
	config, err := p.ClientConfig(c.Material)
	if err != nil {
		return *ended(wire.Client, 1, ": "+err.Error()), nil
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(c.Patience, inProcessPatience))
	defer cancel()
	switch err := p.call(ctx, config, address, c); {
	case err == nil:
		return wire.Outcome{Role: wire.Client, Kind: wire.Delivered}, nil
	case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded):
		return wire.Outcome{Role: wire.Client, Kind: wire.Failed, Reason: wire.Timeout, Detail: err.Error()}, nil
	default:
		return *ended(wire.Client, 1, ": "+err.Error()), nil
	}
}

func (*inProcess) call(ctx context.Context, config *tls.Config, address string, c Call) error {
	config = config.Clone()
	config.ServerName = cmp.Or(config.ServerName, c.ServerName)
	dialed, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer dialed.Close() //nolint:errcheck // the adversary sees how it ends
	deadline, _ := ctx.Deadline()
	_ = dialed.SetDeadline(deadline) // it never fails on TCP
	if _, err := fmt.Fprintln(dialed, c.Message); err != nil {
		return err
	}
	answer, err := bufio.NewReader(dialed).ReadString('\n')
	if err != nil {
		return err
	}
	if !(receiptFor{wire.DigestOf(c.Message).SHA256}).Delivered(answer) {
		return errors.New("the answer is no receipt of the message")
	}
	return nil
}
