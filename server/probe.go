package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// probeProtocol is what a probe offers by ALPN, so that a server need not tell
// a person about it. It has no other effect: a probe is refused like anyone.
const probeProtocol = "mtlslab-probe"

const probeTimeout = 3 * time.Second

// probe sees whether the server at the listening address answers with TLS and
// turns away a client that has no certificate. It needs no material, and learns
// nothing about who the server is. To be asked for a certificate is not enough:
// a server may ask, and let in who has none.
func probe(ctx context.Context, listen string) error {
	address, err := probeAddress(listen)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("-probe: nothing answers at %s: %w", address, listenFault(err))
	}
	defer raw.Close() //nolint:errcheck // nothing is left to be lost
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })()

	asked := false
	conn := tls.Client(raw, &tls.Config{
		InsecureSkipVerify: true, //nolint:gosec // it sends nothing, and asks only whether it is refused
		NextProtos:         []string{probeProtocol},
		MinVersion:         tls.VersionTLS12,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = true
			return new(tls.Certificate), nil // none
		},
	})
	err = wire.Handshake(ctx, conn)
	let := err == nil
	if let { // in TLS 1.3 the server judges only now
		_, err = conn.Read(make([]byte, 1))
	}
	switch {
	case asked && err != nil && wire.Explain(
		err, nil, conn.ConnectionState(), tls.VersionTLS12, time.Now(),
	).Kind == wire.RefusedByPeer:
		return nil
	case let:
		return fmt.Errorf("-probe: the server at %s does not demand a certificate", address)
	default:
		return fmt.Errorf("-probe: what listens at %s does not speak TLS as a server should: %w", address, err)
	}
}

// probeAddress is where a server that listens there can be reached from the
// same machine, with no resolver needed.
func probeAddress(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	switch ip := net.ParseIP(host); {
	case host == "", ip.Equal(net.IPv4zero):
		host = "127.0.0.1"
	case ip.Equal(net.IPv6unspecified):
		host = "::1"
	}
	return net.JoinHostPort(host, port), nil
}
