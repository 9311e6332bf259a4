package peer

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/mtlslab/mtlslab/lab/journal"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// lines is a server in this process that takes a line of whomever a listener lets in, and gives
// a receipt.
type lines struct {
	net.Listener
	received *journal.Journal[wire.Outcome]
}

// Lines serves whomever a listener lets in, as our own server would.
func Lines(listener net.Listener) LocalServer {
	s := &lines{listener, journal.New[wire.Outcome]()}
	go s.serve()
	return s
}

func (s *lines) Received(sent wire.Digest) *wire.Outcome {
	all := s.received.All()
	if i := slices.IndexFunc(all, func(o wire.Outcome) bool { return o.Message.SHA256 == sent.SHA256 }); i >= 0 {
		return &all[i]
	}
	return nil
}

// serve goes on when one connection fails, which a listener may say of it.
func (s *lines) serve() {
	for {
		conn, err := s.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			s.received.End(err)
			return
		case err != nil:
			<-time.After(acceptPause)
		default:
			go s.answer(conn)
		}
	}
}

// acceptPause is between two connections of which the first failed.
const acceptPause = time.Millisecond

// answer takes one message, and gives the receipt.
func (s *lines) answer(conn net.Conn) {
	defer conn.Close()                                          //nolint:errcheck // the adversary sees how it ends
	_ = conn.SetDeadline(time.Now().Add(2 * inProcessPatience)) // it never fails on TCP
	ended := func() bool { return true }                        // who cannot tell takes whole lines alone
	if knows, ok := conn.(interface{ Ended() bool }); ok {
		ended = knows.Ended
	}
	message, err := wire.NewMessageReader(conn, wire.MaxMessage, ended).Next()
	if err != nil {
		return
	}
	o := wire.Outcome{
		Role: wire.Server, Kind: wire.Received, Time: time.Now(), Remote: conn.RemoteAddr().String(),
		Message: new(wire.DigestOf(message)),
	}
	if over, ok := conn.(interface{ ConnectionState() tls.ConnectionState }); ok {
		if certs := over.ConnectionState().PeerCertificates; len(certs) > 0 {
			o.Peer = new(wire.IdentityOf(certs[0]))
		}
	}
	s.received.Add(o)
	receipt := wire.Receipt{SHA256: o.Message.SHA256}
	if o.Peer != nil {
		receipt.Client = *o.Peer
	}
	if line, err := json.Marshal(receipt); err == nil {
		_, _ = conn.Write(append(line, '\n')) // the adversary sees whether it came
	}
	finish(conn)
}

// finish waits for the client to close: a connection that is closed with something unread is
// reset, and its receipt may be lost.
func finish(conn net.Conn) {
	_ = conn.SetReadDeadline(time.Now().Add(lastWords)) // it never fails on TCP
	_, _ = io.Copy(io.Discard, conn)
}

// lastWords is how long a client has to close after it was answered.
const lastWords = time.Second

// configured are the connections of a listener by a TLS configuration.
type configured struct {
	net.Listener
	config *tls.Config
}

func (c configured) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	transport := &wire.Transport{Conn: conn}
	return ending{tls.Server(transport, c.config), transport}, nil
}

// ending is a connection that knows whether it was ended in order.
type ending struct {
	*tls.Conn
	transport *wire.Transport
}

func (e ending) Ended() bool { return e.transport.Ended() }

// Dialer connects to a server, and has verified it.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// DialLines is a client that says a line on what a dialer connects it to, as our own client
// would, and reads the receipt.
func DialLines(dialer func(wire.Material) (Dialer, error)) LocalClient {
	return func(m wire.Material) (func(context.Context, string, Call) error, error) {
		dial, err := dialer(m)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, address string, c Call) error {
			conn, err := dial(ctx, "tcp", address)
			if err != nil {
				return err
			}
			defer conn.Close() //nolint:errcheck // the adversary sees how it ends
			deadline, _ := ctx.Deadline()
			_ = conn.SetDeadline(deadline) // it never fails on TCP
			return sayLine(conn, c.Message)
		}, nil
	}
}

func sayLine(conn net.Conn, message string) error {
	if _, err := fmt.Fprintln(conn, message); err != nil {
		return err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	if !(receiptFor{wire.DigestOf(message).SHA256}).delivered(answer) {
		return errors.New("the answer is no receipt of the message")
	}
	return nil
}
