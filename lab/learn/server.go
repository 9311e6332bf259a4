package learn

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/lab/exercises"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// limit bounds one exchange of code in this process, which takes milliseconds.
const limit = 5 * time.Second

// denied is what a server answers whom it does not let have what was asked for.
const denied = "denied"

// server is one that listens in this process, and takes one connection after the other.
type server struct {
	listener net.Listener
	serves   exercises.Server

	mu       sync.Mutex
	config   *tls.Config
	accounts []wire.Outcome // of its connections, in their order
	last     met            // in the last of them
	done     sync.WaitGroup
}

// serve starts a server that is set up so, and shows that certificate.
func (r *room) serve(of exercises.Server, shows *issued) (*server, error) {
	config, err := r.serverConfig(of, shows)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it does not wait
	if err != nil {
		return nil, err
	}
	s := &server{listener: listener, serves: of, config: config}
	s.done.Go(s.accept)
	return s, nil
}

func (r *room) serverConfig(of exercises.Server, shows *issued) (*tls.Config, error) {
	config := &tls.Config{
		MinVersion: tls.VersionTLS12, MaxVersion: version(of.MaxVersion),
		ClientAuth:             tls.ClientAuthType(max(0, slices.Index(exercises.ClientAuths, of.ClientAuth))),
		SessionTicketsDisabled: of.SessionTicketsDisabled,
	}
	if shows != nil {
		config.Certificates = []tls.Certificate{shows.Certificate}
	}
	var err error
	if config.ClientCAs, err = r.pool(of.ClientCAs); err != nil {
		return nil, err
	}
	if hook := of.VerifyPeerCertificate; hook != nil {
		config.VerifyPeerCertificate = func(raw [][]byte, _ [][]*x509.Certificate) error {
			var leaf *x509.Certificate
			if len(raw) > 0 {
				leaf, _ = x509.ParseCertificate(raw[0]) // one that cannot be parsed names nobody
			}
			return hooked(hook, leaf)
		}
	}
	if hook := of.VerifyConnection; hook != nil {
		config.VerifyConnection = func(s tls.ConnectionState) error {
			var leaf *x509.Certificate
			if len(s.PeerCertificates) > 0 {
				leaf = s.PeerCertificates[0]
			}
			return hooked(hook, leaf)
		}
	}
	config.SetSessionTicketKeys([][32]byte{r.ticketKey})
	return config, nil
}

func hooked(h *exercises.Hook, leaf *x509.Certificate) error {
	if admitted(h.Admits, leaf) {
		return nil
	}
	return &wire.Refusal{Reason: wire.NotAllowed, Err: errors.New("its name is not admitted")}
}

func (s *server) address() string { return s.listener.Addr().String() }

// becomes has the connections from now on be taken by another configuration.
func (s *server) becomes(config *tls.Config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config = config
}

// stop ends it, and returns what it says of its connections.
func (s *server) stop() []wire.Outcome {
	_ = s.listener.Close() // nothing comes of it
	s.done.Wait()
	return s.accounts
}

func (s *server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return // it is closed
		}
		s.mu.Lock()
		config := s.config
		s.mu.Unlock()
		account, who := s.take(conn, config)
		s.mu.Lock()
		s.accounts, s.last = append(s.accounts, account), who
		s.mu.Unlock()
	}
}

// met is what a server knows of who made a connection.
type met struct {
	as      string // asNobody, asClaimed or asVerified
	resumed bool   // by a session from before
}

// take is one connection.
func (s *server) take(raw net.Conn, config *tls.Config) (account wire.Outcome, who met) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_ = raw.SetDeadline(time.Now().Add(limit)) // reading says so
	var hello *tls.ClientHelloInfo
	config = config.Clone()
	config.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		hello = h
		return nil, nil //nolint:nilnil // the configuration stays (tls.Config.GetConfigForClient)
	}
	conn := tls.Server(raw, config)
	defer conn.Close() //nolint:errcheck // it has said all
	explained := func(err error) wire.Outcome {
		return accountOf(wire.Server, err, hello, conn.ConnectionState())
	}
	if err := wire.Handshake(ctx, conn); err != nil {
		return explained(err), who
	}
	state := conn.ConnectionState()
	account = wire.Outcome{Role: wire.Server, Kind: wire.Received, TLS: new(wire.NegotiatedOf(state))}
	var leaf *x509.Certificate
	who = met{as: asNobody, resumed: state.DidResume}
	if len(state.PeerCertificates) > 0 {
		leaf = state.PeerCertificates[0]
	}
	switch {
	case leaf == nil:
		account.Detail = "from somebody who shows no certificate"
	case len(state.VerifiedChains) > 0:
		who.as, account.Peer = asVerified, new(wire.IdentityOf(leaf))
	default:
		who.as = asClaimed
		account.Detail = "from somebody who shows " + wire.IdentityOf(leaf).String() + ", and was not verified"
	}
	line, err := readLine(conn)
	if err != nil {
		return explained(err), who
	}
	path, _, _ := strings.Cut(line, " ")
	if !s.allows(path, leaf) {
		_, _ = fmt.Fprintln(conn, denied) // who does not hear it is denied all the same
		account.Kind, account.Reason = wire.Refused, wire.NotAllowed
		account.Detail = "it may not ask for " + path
		return account, who
	}
	account.Message = new(wire.DigestOf(line))
	receipt, err := json.Marshal(wire.Receipt{SHA256: account.Message.SHA256, TLS: *account.TLS})
	if err == nil {
		_, _ = fmt.Fprintf(conn, "%s\n", receipt) // it has arrived, whoever hears so
	}
	return account, who
}

// allows says whether who shows that certificate may ask for a path.
func (s *server) allows(path string, leaf *x509.Certificate) bool {
	for _, access := range s.serves.Access {
		if access.Path == path {
			return slices.Contains(access.Allow, "any") || admitted(access.Allow, leaf)
		}
	}
	return s.serves.Otherwise != "deny"
}

// accountOf is what a side says of the error that ended its connection.
func accountOf(role wire.Role, err error, hello *tls.ClientHelloInfo, state tls.ConnectionState) wire.Outcome {
	told := wire.Explain(err, hello, state, tls.VersionTLS12, time.Now())
	return wire.Outcome{Role: role, Kind: told.Kind, Reason: told.Reason, Alert: told.Alert, Detail: err.Error()}
}
