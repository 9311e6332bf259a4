package learn

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/exercises"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// clientConfig is that of a client which is set up so.
func (r *room) clientConfig(of exercises.Client) (*tls.Config, error) {
	config := &tls.Config{
		ServerName: of.ServerName, InsecureSkipVerify: of.InsecureSkipVerify, //nolint:gosec // as it is written
		MinVersion: tls.VersionTLS12, MaxVersion: version(of.MaxVersion),
	}
	if of.Certificate != "" {
		shows, err := r.certificate(of.Certificate)
		if err != nil {
			return nil, err
		}
		// Whatever authorities a server names: so a wrong one is called wrong, and not missing.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &shows.Certificate, nil
		}
	}
	var err error
	config.RootCAs, err = r.pool(of.RootCAs)
	return config, err
}

// call sends a message to a server, and returns the client's own account.
func call(ctx context.Context, address string, config *tls.Config, after, message string) wire.Outcome {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	account := wire.Outcome{Role: wire.Client}
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		account.Kind, account.Detail = wire.Unreachable, err.Error()
		return account
	}
	_ = raw.SetDeadline(time.Now().Add(limit)) // reading says so
	conn := tls.Client(raw, config)
	defer conn.Close() //nolint:errcheck // it has said all
	if err := wire.Handshake(ctx, conn); err != nil {
		return accountOf(wire.Client, err, nil, conn.ConnectionState())
	}
	account.TLS = new(wire.NegotiatedOf(conn.ConnectionState()))
	if after == "handshake" {
		account.Kind = wire.Delivered
		_, _ = fmt.Fprintln(conn, message) // it does not look
		_, _ = io.Copy(io.Discard, conn)   // nor does it listen
		return account
	}
	if _, err := fmt.Fprintln(conn, message); err != nil {
		return accountOf(wire.Client, err, nil, conn.ConnectionState())
	}
	if after == "write" {
		account.Kind = wire.Delivered
		_, _ = io.Copy(io.Discard, conn) // it does not listen
		return account
	}
	line, err := readLine(conn)
	if err != nil {
		return accountOf(wire.Client, err, nil, conn.ConnectionState())
	}
	receipt, err := wire.ParseReceipt([]byte(line))
	switch {
	case line == denied:
		account.Kind, account.Detail = wire.NoReceipt, "the server answered: "+denied
	case err != nil || receipt.SHA256 != wire.DigestOf(message).SHA256:
		account.Kind, account.Reason = wire.NoReceipt, wire.BadReceipt
	default:
		account.Kind, account.Receipt = wire.Delivered, &receipt
	}
	return account
}

// maxLine bounds what is read of the other side, in bytes.
const maxLine = 4 << 10

func readLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxLine)).ReadString('\n')
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(line, "\n"), nil
}
