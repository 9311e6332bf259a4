package labtest

import (
	"net/http"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/exchange"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// MustDeliver sends a message from a client to a server, our own where no subject is one, and
// fails the test unless it arrives. A server that tells who its client was must name the
// right one.
func (l *Lab) MustDeliver(message string, subjects ...Subject) {
	l.tb.Helper()
	x, in := l.between(message, subjects)
	want := verdict.Delivered("")
	if x.Server == nil || x.Server.Traits().Tells {
		want = verdict.Delivered(l.pair.Client.String())
	}
	v, err := in.Run(l.tb.Context(), x)
	if err != nil {
		l.tb.Fatal(err)
	}
	if diff := v.Diff(want); diff != "" {
		l.tb.Fatal(strings.Join(append([]string{diff}, v.LastLines...), "\n"))
	}
}

// Exchange sends a message from a client to a server, our own where no subject is one, and
// returns what came of it. It fails the test only where the lab broke.
func (l *Lab) Exchange(message string, subjects ...Subject) verdict.Verdict {
	l.tb.Helper()
	x, in := l.between(message, subjects)
	v, err := in.Run(l.tb.Context(), x)
	if err != nil {
		l.tb.Fatal(err)
	}
	return v
}

// between is an exchange with subjects, and the lab in which it can be.
func (l *Lab) between(message string, subjects []Subject) (exchange.Exchange, *lab.Lab) {
	l.tb.Helper()
	if len(subjects) == 0 {
		return exchange.Exchange{Message: message}, l.usual()
	}
	x := exchange.Exchange{Message: message}
	var in *lab.Lab
	for i, s := range subjects {
		p, where := s.in(l, l.tb)
		if s.role == wire.Server {
			x.Server = p
		} else {
			x.Client = p
		}
		if i > 0 && where != in {
			l.tb.Fatalf("%s and %s cannot reach each other: one is in this process, the other an image",
				subjects[0].name, s.name)
		}
		in = where
	}
	if other := subjects[0]; other.speaks == adapter.HTTP && x.Server == nil {
		x.Server = goodHTTP
	} else if other.speaks == adapter.HTTP && x.Client == nil {
		x.Client = goodHTTP
	}
	return x, in
}

// goodHTTP is a server and a client of HTTPS that verify the other side, for a subject of
// which there is no other side.
var goodHTTP = peer.InProcess{
	Label: "net/http", HTTP: true,
	Serve: func(m wire.Material) (peer.LocalServer, error) {
		own, err := m.Parse()
		if err != nil {
			return nil, err
		}
		return peer.ServeHTTPS(&http.Server{
			TLSConfig:         wire.ServerConfig(own, wire.Policy{}),
			Handler:           http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
			ReadHeaderTimeout: patience,
		})
	},
	Dial: peer.CallHTTPS(func(m wire.Material) (*http.Client, error) {
		own, err := m.Parse()
		if err != nil {
			return nil, err
		}
		config := wire.ClientConfig(own, wire.Policy{ServerName: pki.ServerName})
		return &http.Client{Transport: &http.Transport{TLSClientConfig: config}}, nil
	}),
}

// patience bounds what a client of ours waits for.
const patience = 5 * time.Second
