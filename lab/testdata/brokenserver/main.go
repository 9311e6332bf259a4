// Command brokenserver is a small honest server that is broken on purpose in the
// one way that -fault names. The lab must catch it. Without a fault it is as
// strict as our own. It takes those of the real server's flags that the lab
// gives it.
package main

import (
	"crypto/rand"
	"crypto/tls"
	"flag"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/mtlslab/mtlslab/lab/testdata/broken"
	"github.com/mtlslab/mtlslab/lab/wire"
)

func main() {
	var cfg config
	name := flag.String("fault", "", "what is broken; nothing if empty")
	flag.StringVar(&cfg.listen, "listen", ":"+wire.DefaultPort, "")
	flag.StringVar(&cfg.material, "material", wire.Stdin, "")
	flag.Func("allow", "", func(id string) error {
		cfg.allow = append(cfg.allow, id)
		return nil
	})
	_ = flag.String("log", "json", "")
	_ = flag.Bool("until-eof", false, "") // its lifetime is short
	lifetime := flag.Duration("lifetime", time.Hour, "")
	supervised := flag.Bool("supervised", false, "start it again when it has ended")
	workers := flag.Int("workers", 0, "start as many that share a socket")
	flag.BoolVar(&cfg.shared, "shared", false, "the socket is shared")
	flag.Parse()
	time.AfterFunc(*lifetime, func() { os.Exit(0) })

	var err error
	if *supervised || *workers > 0 {
		err = supervise(*workers, cfg.listen)
	} else if cfg.fault, err = faultOf(*name); err == nil {
		err = run(cfg)
	}
	fmt.Fprintln(os.Stderr, "brokenserver:", err)
	os.Exit(1)
}

type config struct {
	fault            fault
	listen, material string
	allow            []string
	shared           bool
}

// server is a server and what is wrong with it.
type server struct {
	fault   fault
	tls     *tls.Config
	verify  broken.Verification
	journal *wire.Journal
	tickets [32]byte               // their key, whatever the material: it is the verification that must hold
	current atomic.Pointer[server] // of the material in use
	first   *broken.Peer           // of the material that it was started with
}

func run(cfg config) error {
	s := &server{fault: cfg.fault, journal: &wire.Journal{Role: wire.Server, W: os.Stdout}}
	if !cfg.fault.sharesTickets {
		_, _ = rand.Read(s.tickets[:]) // never fails
	}
	peer, trusting, err := load(cfg)
	if err != nil && cfg.fault.unloaded != nil {
		cfg.fault.unloaded()
	}
	if err != nil {
		return err
	}
	s.first = peer
	s.use(cfg, peer, trusting)
	listener, err := listener(cfg)
	if err != nil {
		return err
	}
	own := wire.IdentityOf(peer.Creds.Own.Leaf)
	_ = s.journal.Write(wire.Outcome{Kind: wire.Listening, Local: listener.Addr().String(), Own: &own})
	if cfg.material == wire.Stdin {
		go s.reload(cfg)
	}
	for {
		accepted, err := listener.Accept()
		if err != nil {
			return err
		}
		go s.current.Load().serve(accepted)
	}
}

// reload takes every further tar on standard input for new material.
func (s *server) reload(cfg config) {
	for {
		peer, trusting, err := load(cfg)
		if err != nil {
			return // there is no more
		}
		if cfg.fault.keeps != nil {
			cfg.fault.keeps(s.first, peer)
		}
		s.use(cfg, peer, trusting)
		_ = s.journal.Write(wire.Outcome{Kind: wire.Reloaded})
	}
}

// use serves the connections to come with that material.
func (s *server) use(cfg config, peer *broken.Peer, trusting bool) {
	n := &server{fault: cfg.fault, journal: s.journal}
	peer.Policy.Allow = cfg.allow
	if cfg.fault.policy != nil {
		cfg.fault.policy(&peer.Policy)
	}
	n.verify = peer.Verify(cfg.fault.name)
	n.tls = wire.ServerConfig(peer.Creds, peer.Policy)
	if cfg.fault.name != "" {
		n.tls.ClientAuth, n.tls.VerifyConnection = tls.RequireAnyClientCert, n.verify
	}
	if !trusting {
		n.tls.ClientAuth, n.tls.VerifyConnection = tls.RequestClientCert, nil
	}
	if cfg.fault.config != nil {
		cfg.fault.config(n)
	}
	n.tls.SetSessionTicketKeys([][32]byte{s.tickets})
	s.current.Store(n)
}

func load(cfg config) (peer *broken.Peer, trusting bool, err error) {
	if cfg.fault.startsAnyhow {
		return broken.LoadWhatever(wire.Server, os.Stdin)
	}
	peer, err = broken.Load(wire.Server, cfg.material, os.Stdin)
	return peer, true, err
}
