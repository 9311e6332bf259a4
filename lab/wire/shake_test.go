package wire_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// side is what one side of a handshake saw.
type side struct {
	err   error // nil if it was let in
	hello *tls.ClientHelloInfo
	state tls.ConnectionState
}

func (s side) account(lowest uint16) wire.Account {
	if s.err == nil {
		return wire.Account{}
	}
	return wire.Explain(s.err, s.hello, s.state, lowest, now)
}

// fallback is the account of a side that did not use wire.Handshake.
func (s side) fallback(lowest uint16) wire.Account {
	if handshake, ok := errors.AsType[*wire.HandshakeError](s.err); ok {
		s.err = handshake.Err
	}
	return s.account(lowest)
}

// loopback is a connection over TCP: alerts only travel over one that buffers.
func loopback(t testing.TB) (server, client net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // has served
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- conn
	}()
	client, err = net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server = <-accepted
	for _, conn := range []net.Conn{server, client} {
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
	}
	return server, client
}

// shake lets two configurations meet. A side is let in when it has read the
// other's byte, not when its handshake is done.
func shake(t testing.TB, serverConfig, clientConfig *tls.Config) (server, client side) {
	t.Helper()
	serverConn, clientConn := loopback(t)
	done := make(chan side, 1)
	go func() { done <- serverSide(t, serverConn, serverConfig) }()
	client = clientSide(t, clientConn, clientConfig)
	return <-done, client
}

func serverSide(t testing.TB, raw net.Conn, config *tls.Config) (s side) {
	config = config.Clone()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		s.hello = hello
		return nil, nil
	}
	s.state, s.err = greet(t, raw, tls.Server(raw, config))
	return s
}

func clientSide(t testing.TB, raw net.Conn, config *tls.Config) (s side) {
	s.state, s.err = greet(t, raw, tls.Client(raw, config))
	return s
}

// greet shakes hands and exchanges one byte, and then leaves the connection as
// a peer should: half-closed, and drained.
func greet(t testing.TB, raw net.Conn, conn *tls.Conn) (tls.ConnectionState, error) {
	err := wire.Handshake(t.Context(), conn)
	if err == nil {
		_, _ = conn.Write([]byte{'!'})
		_, err = conn.Read(make([]byte, 1))
	}
	state := conn.ConnectionState()
	_ = raw.(*net.TCPConn).CloseWrite()
	_, _ = io.Copy(io.Discard, raw)
	return state, err
}
