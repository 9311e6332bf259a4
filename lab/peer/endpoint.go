package peer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Endpoint is a server that somebody else has started and goes on running, with material of
// an authority that was exported for it. It is asked gently, and nothing is asked of one that
// shows no certificate of that authority.
type Endpoint struct {
	Address string // host:port
	Speaks  *adapter.Adapter

	// ServerName is what its certificate is for, and what it is asked for.
	ServerName string
	// Authority is the root that its certificate must come from, PEM, and Good the good
	// client that finds that out.
	Authority []byte
	Good      wire.Material

	Lists bool // it was given the revocation lists
	Admit bool // it was told to admit the good client alone
	Pace  time.Duration
}

// endpointPatience is how long an endpoint may take for one thing, somewhere on a network.
const endpointPatience = 10 * time.Second

// Name is where it is.
func (e Endpoint) Name() string { return e.Address }

// Traits are those of a server that is not ours to be rough with.
func (e Endpoint) Traits() Traits {
	return Traits{
		Patience: endpointPatience, Limit: 3 * endpointPatience, AtOnce: 1, Pace: e.Pace, Deployed: true,
		ServerName: e.ServerName, Known: wire.FieldURI, Speaks: e.Speaks.Speaks, Protocol: Spoken{e.Speaks},
	}
}

// Server is there already.
func (e Endpoint) Server(context.Context, Place) (Server, error) { return endpointServer{e}, nil }

// Client always fails: whoever calls is no endpoint.
func (e Endpoint) Client(context.Context, Place) (Client, error) {
	return nil, fmt.Errorf("%s is a server", e.Address)
}

// endpointServer is an endpoint, of which there is one, however often it is asked for.
type endpointServer struct{ of Endpoint }

func (s endpointServer) Product() *finding.Product {
	return &finding.Product{Name: s.of.Address, Notes: []string{
		"it was tried where it runs: nothing was isolated, and others may have been served meanwhile",
		"when you are done, take the test authority out of its trust again",
	}}
}

// Lacks says what cannot be done to a server that somebody else runs.
func (s endpointServer) Lacks(d Demand) string {
	switch {
	case d.Another, d.Altered, d.Reload, d.Guest:
		return "it is not ours to start again or to tell anything"
	case d.Store:
		return "whom its system trusts is not ours to say"
	case d.HTTP && s.of.Speaks.Speaks != adapter.HTTP:
		return "it does not speak HTTP"
	case d.Lists && !s.of.Lists:
		return "it was not said to have been given revocation lists"
	case d.Admission && !s.of.Admit:
		return "it was not said to have been told whom to admit"
	case d.Open:
		return "it was not said to have a second name"
	case d.Unheard:
		return "it gives no account of what it does not answer"
	default:
		return ""
	}
}

func (s endpointServer) Close(context.Context) {}

func (s endpointServer) Serve(ctx context.Context, _ Given) (Serving, error) {
	shown := sync.OnceValue(func() error { return s.of.shows(context.WithoutCancel(ctx)) })
	return endpointServing{s.of, shown}, nil
}

type endpointServing struct {
	of    Endpoint
	shown func() error
}

// Wait finds out, once, whether the endpoint shows a certificate of the authority. A
// [*UnusableError] says that it does not.
func (s endpointServing) Wait(context.Context) (Listening, error) {
	if err := s.shown(); err != nil {
		return Listening{}, err
	}
	return Listening{
		Address: s.of.Address, Account: wire.Outcome{Role: wire.Server, Kind: wire.Listening, Local: s.of.Address},
		LastLines: func() []string { return nil },
	}, nil
}

// shows connects as the good client.
func (e Endpoint) shows(ctx context.Context) error {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(e.Authority) {
		return errors.New("the authority has no root")
	}
	own, err := tls.X509KeyPair(e.Good.Chain, e.Good.Key)
	if err != nil {
		return fmt.Errorf("the good client's certificate: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, endpointPatience)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{
		RootCAs: roots, ServerName: e.ServerName, Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12,
	}}
	conn, err := dialer.DialContext(ctx, "tcp", e.Address)
	if err == nil {
		return conn.Close()
	}
	unusable := &UnusableError{Peer: e.Address, Look: "whether server/ of the export is deployed there, and its names"}
	if _, unverified := errors.AsType[*tls.CertificateVerificationError](err); unverified {
		unusable.What = fmt.Sprintf(
			"it shows no certificate of the exported authority for %q, so nothing was tried", e.ServerName)
	} else if _, unreachable := errors.AsType[*net.OpError](err); unreachable {
		unusable.What = fmt.Sprintf("it cannot be asked, so nothing was tried: %v", err)
	} else {
		unusable.What = fmt.Sprintf("it does not complete the good client's handshake, so nothing was tried: %v", err)
	}
	return unusable
}

// Account is nil: what it answers is all that is known of it.
func (endpointServing) Account(context.Context, Asked) (*wire.Outcome, error) {
	return nil, nil //nolint:nilnil // there is none
}

// Reload is never asked for: see Lacks.
func (endpointServing) Reload(context.Context, wire.Material) (Renewal, error) {
	return Renewal{}, errors.ErrUnsupported
}

func (endpointServing) Stop(context.Context) error { return nil }
