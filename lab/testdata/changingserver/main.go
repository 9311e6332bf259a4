// Command changingserver is a small server that is honest at every moment at rest, and does the
// one thing wrong that -fault names when its world changes. A drill must catch it. Without a fault it
// stands every drill. It takes those of the real server's flags that a drill gives it.
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

func main() {
	name := flag.String("fault", "", "what is wrong; nothing if empty")
	listen := flag.String("listen", ":"+wire.DefaultPort, "")
	_ = flag.String("material", wire.Stdin, "")
	_ = flag.String("log", "json", "")
	_ = flag.Bool("until-eof", true, "")
	lifetime := flag.Duration("lifetime", time.Hour, "")
	flag.Parse()
	time.AfterFunc(*lifetime, func() { os.Exit(0) })
	if err := run(*name, *listen); err != nil {
		fmt.Fprintln(os.Stderr, "changingserver:", err)
		os.Exit(1)
	}
}

type server struct {
	fault   fault
	journal *wire.Journal
	current atomic.Pointer[state]
	first   *wire.Credentials
	trusted []byte   // by any material so far, PEM
	tickets [32]byte // of its start

	mu    sync.Mutex
	conns map[net.Conn]bool
	deaf  atomic.Bool // it ends whoever calls

	toLose atomic.Int32 // so many messages are lost from now on
}

// state is what connections are served with.
type state struct {
	creds  *wire.Credentials
	config *tls.Config
}

func run(name, listen string) error {
	f, ok := faults[name]
	if !ok {
		return fmt.Errorf("-fault %q: there is none of that name", name)
	}
	s := &server{fault: f, journal: &wire.Journal{Role: wire.Server, W: os.Stdout}, conns: make(map[net.Conn]bool)}
	_, _ = rand.Read(s.tickets[:]) // never fails
	in := bufio.NewReader(os.Stdin)
	m, err := wire.ReadMaterialTar(in)
	if err != nil {
		return err
	}
	creds, err := m.Parse()
	if err != nil {
		return err
	}
	if _, port, _ := net.SplitHostPort(listen); s.fault.startsOnce && port != "0" {
		return fmt.Errorf("-listen %s: somebody was here before", listen)
	}
	s.first, s.trusted = creds, m.Trust
	s.use(creds)
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	own := wire.IdentityOf(creds.Own.Leaf)
	_ = s.journal.Write(wire.Outcome{Kind: wire.Listening, Local: listener.Addr().String(), Own: &own})
	go s.reloads(in)
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go s.serve(conn)
	}
}

// use serves connections to come with that material.
func (s *server) use(creds *wire.Credentials) {
	config := wire.ServerConfig(creds, wire.Policy{})
	key := s.tickets
	if !s.fault.sameTickets {
		_, _ = rand.Read(key[:]) // never fails
	}
	config.SetSessionTicketKeys([][32]byte{key})
	if s.fault.config != nil {
		s.fault.config(config)
	}
	s.current.Store(&state{creds, config})
}

// reloads takes every further tar on standard input for new material, until its end, which is its
// own.
func (s *server) reloads(in *bufio.Reader) {
	for {
		first, err := in.Peek(1)
		if err != nil {
			os.Exit(0)
		}
		if first[0] == 0 {
			_, _ = in.Discard(1)
			continue
		}
		m, err := wire.ReadMaterialTar(in)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		s.reload(m)
	}
}

func (s *server) reload(m wire.Material) {
	s.trusted = append(s.trusted, m.Trust...)
	creds, err := m.Parse()
	if err != nil && s.fault.bad != nil {
		creds, err = s.fault.bad(s, m, err)
	}
	if creds == nil {
		if err != nil {
			_ = s.journal.Write(wire.Outcome{Kind: wire.ReloadFailed, Detail: err.Error()})
		}
		return
	}
	if s.fault.takes != nil {
		creds = s.fault.takes(s, creds)
	}
	if s.fault.meanwhile != nil {
		s.fault.meanwhile(s)
	}
	s.use(creds)
	s.toLose.Store(losses)
	_ = s.journal.Write(wire.Outcome{Kind: wire.Reloaded})
}

func (s *server) serve(raw net.Conn) {
	defer raw.Close()
	if s.deaf.Load() {
		return
	}
	s.mu.Lock()
	s.conns[raw] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.conns, raw)
		s.mu.Unlock()
	}()
	begun := s.current.Load()
	conn := tls.Server(raw, begun.config)
	err := wire.Handshake(context.Background(), conn)
	if err == nil {
		err = s.converse(conn, begun)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.end(raw, conn, err)
	}
	_ = conn.CloseWrite()
	if half, ok := raw.(*net.TCPConn); ok && half.CloseWrite() == nil {
		_ = raw.SetReadDeadline(time.Now().Add(time.Second))
		_, _ = io.Copy(io.Discard, raw)
	}
}

func (s *server) converse(conn *tls.Conn, judged *state) error {
	peer := wire.IdentityOf(conn.ConnectionState().PeerCertificates[0])
	reader := wire.NewMessageReader(conn, wire.MaxMessage, nil)
	for {
		message, err := reader.Next()
		if err != nil {
			return err
		}
		if s.fault.looksLate {
			s.take(conn, &peer, message)
		}
		if !s.fault.neverAgain {
			judged = s.current.Load()
			again := conn.ConnectionState()
			again.VerifiedChains = nil
			if err := judged.config.VerifyConnection(again); err != nil {
				return err
			}
		}
		loses := s.toLose.Add(-1) >= 0
		if loses && s.fault.loses == untaken {
			return io.EOF
		}
		times := 1
		if s.fault.times != nil {
			times = s.fault.times(s, judged)
		}
		digest := wire.DigestOf(message)
		for range times {
			if !s.fault.looksLate {
				s.take(conn, &peer, message)
			}
		}
		if loses && s.fault.loses == unacknowledged {
			return io.EOF
		}
		line, err := json.Marshal(wire.Receipt{
			SHA256: digest.SHA256, Client: peer, TLS: wire.NegotiatedOf(conn.ConnectionState()),
		})
		if err == nil {
			_, err = conn.Write(append(line, '\n'))
		}
		if err != nil {
			return err
		}
	}
}

// take says that a message was taken.
func (s *server) take(conn *tls.Conn, peer *wire.Identity, message string) {
	digest := wire.DigestOf(message)
	_ = s.journal.Write(wire.Outcome{
		Kind: wire.Received, Peer: peer, Message: &digest,
		Local: conn.LocalAddr().String(), Remote: conn.RemoteAddr().String(),
	})
}

// end gives the account of a connection that came to nothing.
func (s *server) end(raw net.Conn, conn *tls.Conn, err error) {
	account := wire.Explain(err, nil, conn.ConnectionState(), tls.VersionTLS12, time.Now())
	_ = s.journal.Write(wire.Outcome{
		Kind: account.Kind, Reason: account.Reason, Alert: account.Alert, Detail: err.Error(),
		Local: raw.LocalAddr().String(), Remote: raw.RemoteAddr().String(),
	})
}
