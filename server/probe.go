package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// probeProtocol is what a probe offers by ALPN, so that a server need not tell
// a person about it. It has no other effect: a probe is refused like anyone.
const probeProtocol = "mtlslab-probe"

const probeTimeout = 3 * time.Second

var errAsked = errors.New("the server demands a certificate")

// probe sees whether the server at the listening address answers with TLS and
// demands a certificate. It needs no material: it ends the handshake when it is
// asked for a certificate, and learns nothing about who the server is.
func probe(ctx context.Context, listen string) error {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	address := net.JoinHostPort(host, port)
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("-probe: nothing answers at %s: %w", address, err)
	}
	defer raw.Close() //nolint:errcheck // nothing is left to be lost
	conn := tls.Client(raw, &tls.Config{
		InsecureSkipVerify: true, //nolint:gosec // it sends nothing, and asks only whether it is asked
		NextProtos:         []string{probeProtocol},
		MinVersion:         tls.VersionTLS12,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return nil, errAsked
		},
	})
	err = wire.Handshake(ctx, conn)
	switch {
	case errors.Is(err, errAsked):
		return nil
	case err != nil:
		return fmt.Errorf("-probe: what listens at %s does not speak TLS as a server should: %w", address, err)
	default:
		return fmt.Errorf("-probe: the server at %s does not demand a certificate", address)
	}
}
