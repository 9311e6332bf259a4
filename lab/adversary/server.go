package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// endGrace is how long a connection may go on once its attack was told to end.
// Whoever is audited has ended by then, and its half of it with it.
const endGrace = 500 * time.Millisecond

// stand is where a server attack listens.
type stand struct {
	net.Listener
	attack attack.Attack
	who    *tls.Certificate
	fence  func() string

	served func()        // is told of each connection that has ended
	limit  time.Duration // of each connection

	mu       sync.Mutex
	deadline time.Time // of all connections, once the attack was told to end
	raws     []net.Conn
	seen     []attack.Connection
	dropped  int
}

// listen takes connections until the attack is told to end. Its error means that
// it never listened.
func (f *field) listen(
	ctx, until context.Context,
	a attack.Attack,
	who *tls.Certificate,
	evidence *attack.Evidence,
) error {
	inner, err := new(net.ListenConfig).Listen(ctx, "tcp", a.Listen)
	if err != nil {
		return err
	}
	s := &stand{
		Listener: inner,
		attack:   a,
		who:      who,
		limit:    cmp.Or(a.Limit, attack.DefaultLimit),
		served:   func() {},
		seen:     []attack.Connection{},
	}
	if a.Tell {
		s.served = sync.OnceFunc(func() { f.report(attack.Report{ID: a.ID, Served: true}) })
	}
	until, cancel := context.WithTimeout(until, attack.MaxLimit)
	defer cancel()
	s.fence = sync.OnceValue(s.putFence)
	defer context.AfterFunc(until, func() { s.fence() })()
	f.report(attack.Report{ID: a.ID, Listening: s.Addr().String()})
	s.accept(ctx, until)
	evidence.Connections, evidence.Dropped = s.seen, s.dropped
	return nil
}

// putFence makes the last connection that is accepted, and returns its address.
// The kernel queues connections in the order in which they came about, so
// whatever the audited client has begun by then is seen, though it may have
// ended before anybody looked. A dial that is given up may stand all the same, and
// would pass for one of the client's, so it has far longer than it can need.
func (s *stand) putFence() string {
	s.hasten()
	conn, err := (&net.Dialer{Timeout: attack.MaxLimit}).DialContext(context.Background(), "tcp", s.Addr().String())
	if err != nil {
		_ = s.Close()
		return ""
	}
	defer conn.Close() //nolint:errcheck // it stays in the queue
	return conn.LocalAddr().String()
}

// acceptPause keeps a fault that lasts from using up the processor.
const acceptPause = 10 * time.Millisecond

// accept takes connections up to the fence.
func (s *stand) accept(ctx, until context.Context) {
	var conns sync.WaitGroup
	defer conns.Wait()
	defer s.Close() //nolint:errcheck // it has served
	for {
		raw, err := s.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || until.Err() != nil {
				return
			}
			wait(ctx, time.Now().Add(acceptPause))
			continue
		}
		if until.Err() != nil && raw.RemoteAddr().String() == s.fence() {
			_ = raw.Close()
			return
		}
		began := time.Now()
		i, ok := s.admit(raw, began)
		if !ok {
			_ = raw.Close()
			continue
		}
		conns.Go(func() {
			seen := s.serve(ctx, raw, began)
			defer s.served()
			s.mu.Lock()
			defer s.mu.Unlock()
			s.seen[i] = seen
		})
	}
}

func (s *stand) admit(raw net.Conn, began time.Time) (i int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) == attack.MaxConnections {
		s.dropped++
		return 0, false
	}
	deadline := began.Add(s.limit)
	if !s.deadline.IsZero() && s.deadline.Before(deadline) {
		deadline = s.deadline
	}
	_ = raw.SetDeadline(deadline)
	s.raws, s.seen = append(s.raws, raw), append(s.seen, attack.Connection{})
	return len(s.seen) - 1, true
}

// hasten leaves the connections only the grace.
func (s *stand) hasten() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = time.Now().Add(endGrace)
	for _, raw := range s.raws {
		_ = raw.SetDeadline(s.deadline)
	}
}

// serve takes one connection to its end.
func (s *stand) serve(ctx context.Context, raw net.Conn, began time.Time) attack.Connection {
	opened := newOpening(raw)
	c := newContact(opened, began)
	defer c.transport.Close() //nolint:errcheck // all that matters was seen
	defer context.AfterFunc(ctx, func() { _ = c.transport.Close() })()
	if s.attack.Dialogue != nil && len(s.attack.Dialogue.Opening) > 0 {
		turns := s.attack.Dialogue.Opening
		if s.attack.NoTLS {
			turns = s.attack.Dialogue.Plain
		}
		words := &speaker{contact: c, with: c.transport}
		if err := words.take(turns); err != nil {
			return c.ended(err)
		}
		opened.unread(words.kept)
		if s.attack.NoTLS {
			c.say(c.transport, string(s.attack.Preface))
			return c.answerPlainly(s.attack)
		}
	}
	tlsSpoken, err := opened.isTLS()
	switch {
	case err != nil:
		return c.ended(err)
	case !tlsSpoken:
		return c.answerPlainly(s.attack)
	case s.attack.NoTLS:
		opened.skipRecord()
		c.say(c.transport, cmp.Or(string(s.attack.Preface), "this is not TLS\n"))
		return c.answerPlainly(s.attack)
	default:
		return c.answer(ctx, opened, s.attack, s.who)
	}
}

// answer speaks TLS, and acknowledges each message.
func (c *contact) answer(
	ctx context.Context,
	opened *opening,
	a attack.Attack,
	who *tls.Certificate,
) attack.Connection {
	conn := tls.Server(c.transport, c.serverConfig(opened, a, who))
	err := c.shake(ctx, conn)
	if opened.outdated != nil {
		return c.insist(opened)
	}
	if err == nil {
		err = c.converse(conn, a)
	}
	seen := c.ended(err)
	if a.Truncate {
		conn = nil
	}
	c.part(conn)
	return seen
}

func (c *contact) serverConfig(opened *opening, a attack.Attack, who *tls.Certificate) *tls.Config {
	version, _ := a.TLSVersion() // checked when the line was read
	config := &tls.Config{
		KeyLogWriter:           c.keyLog(a),
		MinVersion:             version,
		MaxVersion:             version,
		CipherSuites:           a.Suites,
		NextProtos:             a.ALPN,
		ClientAuth:             tls.RequestClientCert,
		SessionTicketsDisabled: true,
		GetCertificate:         func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return who, nil },
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			c.seen.SNI = hello.ServerName
			return nil, opened.checkVersion(hello, version)
		},
	}
	if a.Refuse {
		config.VerifyConnection = func(tls.ConnectionState) error { return errRefused }
	}
	if a.NoCertificateRequest {
		config.ClientAuth = tls.NoClientCert
	}
	if len(a.Authorities) > 0 {
		config.ClientCAs = x509.NewCertPool()
		for _, name := range a.Authorities {
			// A request tells of a pool's certificates the subjects alone.
			config.ClientCAs.AddCert(&x509.Certificate{Raw: name, RawSubject: name})
		}
	}
	return config
}

// errRefused ends a handshake that would have been good.
var errRefused = errors.New("refused, as it was told")

// converse answers each message until the other side is done, and returns why
// there are no more.
func (c *contact) converse(with io.ReadWriter, a attack.Attack) error {
	if a.Dialogue != nil && a.Answer == "" {
		return c.reply(with, a)
	}
	reader := wire.NewMessageReader(listener{c, with}, wire.MaxMessage, c.transport.Ended)
	for {
		message, err := reader.Next()
		if err != nil {
			return err
		}
		c.say(with, c.answerTo(message, a)+lineEnd(a))
		if a.Truncate {
			_ = c.closeWrite()
		}
	}
}

// answerTo is the receipt that an honest server would give, though nobody was
// verified.
func (c *contact) answerTo(message string, a attack.Attack) string {
	if a.Answer != "" {
		return a.Answer
	}
	receipt := wire.Receipt{SHA256: wire.DigestOf(message).SHA256}
	if c.seen.Peer != nil {
		receipt.Client = *c.seen.Peer
	}
	if c.seen.TLS != nil {
		receipt.TLS = *c.seen.TLS
	}
	line, err := json.Marshal(receipt)
	if err != nil {
		return err.Error() // not of strings and numbers
	}
	return string(line)
}

func (c *contact) answerPlainly(a attack.Attack) attack.Connection {
	c.seen.Plain = true
	seen := c.ended(c.converse(c.transport, a))
	c.part(nil)
	return seen
}
