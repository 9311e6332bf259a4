package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// httpServer is a server of HTTP in this process.
type httpServer struct {
	server   *http.Server
	listener net.Listener
}

// ServeHTTPS has a server of HTTP listen. Of its fields none is changed, but that it complains
// nowhere if nobody has said where.
func ServeHTTPS(s *http.Server) (LocalServer, error) {
	if s.TLSConfig == nil {
		return nil, errors.New("the server has no TLSConfig")
	}
	listener, err := loopback()
	if err != nil {
		return nil, err
	}
	if s.ErrorLog == nil {
		s.ErrorLog = log.New(io.Discard, "", 0)
	}
	go s.ServeTLS(listener, "", "") //nolint:errcheck // it ends when it is closed
	return httpServer{s, listener}, nil
}

// Received is nil: what it answers is all that is known of it.
func (httpServer) Received(wire.Digest) *wire.Outcome { return nil }

func (s httpServer) Addr() net.Addr { return s.listener.Addr() }
func (s httpServer) Close() error   { return s.server.Close() }

// CallHTTPS is a client that asks by GET for what is named after the message's nonce. Its
// Transport is an *http.Transport, of which a copy connects to the lab whatever the host is; all
// else of it is as it was made.
func CallHTTPS(client func(wire.Material) (*http.Client, error)) LocalClient {
	return func(m wire.Material) (func(context.Context, string, Call) error, error) {
		made, err := client(m)
		if err != nil {
			return nil, err
		}
		transport, ok := made.Transport.(*http.Transport)
		if !ok || transport.DialTLSContext != nil {
			return nil, &UnusableError{
				Peer: "the HTTP client", What: "its Transport is no *http.Transport that dials by DialContext",
				Look: "Transport; or have its dialer tested, and not the client",
			}
		}
		return func(ctx context.Context, address string, c Call) error {
			led := transport.Clone()
			led.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, address)
			}
			defer led.CloseIdleConnections()
			one := *made
			one.Transport = led
			return get(ctx, &one, address, c.Nonce)
		}, nil
	}
}

func get(ctx context.Context, client *http.Client, address, nonce string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	url := "https://" + net.JoinHostPort(adapter.Host, port) + "/" + nonce
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // read-only
	if !slices.Contains(adapter.Answered(), answer.StatusCode) {
		return fmt.Errorf("it was answered %s", answer.Status)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

// atAddress is a server of HTTPS that listens already.
type atAddress struct {
	at   net.Addr
	stop func() error
}

// AtAddress is a server of HTTPS that listens already, however it came to, and what stops it.
func AtAddress(at net.Addr, stop func() error) LocalServer { return atAddress{at, stop} }

func (a atAddress) Addr() net.Addr                   { return a.at }
func (a atAddress) Close() error                     { return a.stop() }
func (atAddress) Received(wire.Digest) *wire.Outcome { return nil }
