package lab_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/exchange"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// A server is there for all exchanges, so one that is broken off while it starts breaks none of the
// others.
func TestServerStartsForAll(t *testing.T) {
	t.Parallel()
	l := start(t, lab.Config{Runtime: sandbox.Processes})
	server := counted{starts: new(atomic.Int32), closed: new(atomic.Int32)}
	ctx, breakOff := context.WithCancel(t.Context())
	defer breakOff()
	_, err := l.Run(ctx, exchange.Exchange{Server: server, Client: hasty{leave: breakOff}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the exchange that was broken off ends in %v", err)
	}
	v, err := l.Run(t.Context(), exchange.Exchange{Server: server})
	if err != nil {
		t.Fatal(err)
	}
	if diff := v.Diff(verdict.Delivered(goodClient)); diff != "" {
		t.Error(diff)
	}
	if n := server.starts.Load(); n != 1 {
		t.Errorf("the server was started %d times", n)
	}
}

// One that does not come to serve is closed, and the next exchange starts another.
func TestServerIsStartedAgain(t *testing.T) {
	t.Parallel()
	l := start(t, lab.Config{Runtime: sandbox.Processes})
	server := counted{Own: peer.Own{Args: []string{"-no-such-flag"}}, starts: new(atomic.Int32), closed: new(atomic.Int32)}
	for range 2 {
		if _, err := l.Run(t.Context(), exchange.Exchange{Server: server}); err == nil {
			t.Error("it serves")
		}
	}
	if started, closed := server.starts.Load(), server.closed.Load(); started != 2 || closed != 2 {
		t.Errorf("it was started %d times and closed %d times", started, closed)
	}
}

// counted is our own server, and how often it is started and closed.
type counted struct {
	peer.Own
	starts, closed *atomic.Int32
}

func (c counted) Server(ctx context.Context, in peer.Place) (peer.Server, error) {
	server, err := c.Own.Server(ctx, in)
	return countedServer{server, c}, err
}

type countedServer struct {
	peer.Server
	counted counted
}

func (s countedServer) Serve(ctx context.Context, g peer.Given) (peer.Serving, error) {
	s.counted.starts.Add(1)
	return s.Server.Serve(ctx, g)
}

func (s countedServer) Close(ctx context.Context) {
	s.counted.closed.Add(1)
	s.Server.Close(ctx)
}

// hasty is our own client, of whoever breaks off before it calls.
type hasty struct {
	peer.Own
	leave context.CancelFunc
}

func (h hasty) Client(ctx context.Context, in peer.Place) (peer.Client, error) {
	client, err := h.Own.Client(ctx, in)
	return hastyClient{client, h.leave}, err
}

type hastyClient struct {
	peer.Client
	leave context.CancelFunc
}

func (c hastyClient) Call(ctx context.Context, call peer.Call) (wire.Outcome, error) {
	c.leave()
	return c.Client.Call(ctx, call)
}
