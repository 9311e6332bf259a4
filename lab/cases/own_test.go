package cases_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"io"
	"math/big"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// TestOwnVerification shows every chain to the verification of our own peers, in
// a handshake, with the trust and the lists of a whole audit.
func TestOwnVerification(t *testing.T) {
	f := allForged(t)
	for _, c := range certificateCases() {
		for _, role := range c.Roles {
			for _, version := range c.In(wire.Versions()) {
				reason, err := meet(t, f, f.of[key(c, role)], role, version)
				if !asDemanded(c, reason, err) {
					t.Errorf(
						"%s as %s, TLS %s: %s, want %s %q: %v",
						c.ID,
						role,
						version,
						verdict(reason, err),
						c.Rules[cases.Strict].Expect,
						c.Reasons,
						err,
					)
				}
			}
		}
	}
}

func verdict(reason wire.Reason, err error) string {
	if err == nil {
		return "accept"
	}
	return string(reason)
}

func asDemanded(c cases.Case, reason wire.Reason, err error) bool {
	switch c.Rules[cases.Strict].Expect {
	case cases.MustAccept:
		return err == nil
	case cases.MustRefuse:
		return err != nil && slices.Contains(c.Reasons, reason)
	default:
		return err == nil || slices.Contains(c.Reasons, reason)
	}
}

// TestControl shows that the good chain is let in, with all the extras of the
// cases about.
func TestControl(t *testing.T) {
	f := allForged(t)
	for _, role := range []wire.Role{wire.Client, wire.Server} {
		good, err := f.authority.Forge(cases.Control(role))
		if err != nil {
			t.Fatal(err)
		}
		for _, version := range []string{"1.2", "1.3"} {
			if reason, err := meet(t, f, good, role, version); err != nil {
				t.Errorf("%s, TLS %s: %s: %v", role, version, reason, err)
			}
		}
	}
}

// meet lets a forged chain be judged by the peer of the other role, and returns
// that peer's account.
func meet(t *testing.T, f *forgeries, forged *pki.Forged, role wire.Role, version string) (wire.Reason, error) {
	t.Helper()
	number, err := wire.ParseVersion(version)
	if err != nil {
		t.Fatal(err)
	}
	ours := credentials(t, f, role)
	theirs := &tls.Config{
		InsecureSkipVerify: true, ClientAuth: tls.RequireAnyClientCert, MinVersion: number, MaxVersion: number,
		GetCertificate:       func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return presenting(forged), nil },
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return presenting(forged), nil },
	}
	near, far := loopback(t)
	var own, other *tls.Conn
	if role == wire.Client {
		own, other = tls.Server(
			near,
			wire.ServerConfig(ours, wire.Policy{Allow: []string{"spiffe://lab/client"}}),
		), tls.Client(
			far,
			theirs,
		)
	} else {
		own, other = tls.Client(near, wire.ClientConfig(ours, wire.Policy{ServerName: "server"})), tls.Server(far, theirs)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if other.Handshake() == nil {
			_, _ = io.Copy(io.Discard, other)
		}
		_ = far.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, far)
	}()
	err = wire.Handshake(context.Background(), own)
	state := own.ConnectionState()
	_ = own.CloseWrite()
	_ = near.(*net.TCPConn).CloseWrite()
	<-done
	_, _ = near.Close(), far.Close()
	if err == nil {
		return "", nil
	}
	return wire.Explain(err, nil, state, tls.VersionTLS12, time.Now()).Reason, err
}

// credentials are of the peer that judges somebody in that role.
func credentials(t *testing.T, f *forgeries, role wire.Role) *wire.Credentials {
	t.Helper()
	f.once.Do(func() {
		f.peers = map[wire.Role]*wire.Credentials{}
		for judged, own := range map[wire.Role]wire.Role{wire.Client: wire.Server, wire.Server: wire.Client} {
			id, err := f.authority.Issue(cases.Control(own))
			if err != nil {
				t.Fatal(err)
			}
			material := id.Material(f.authority)
			material.Trust, material.CRL = f.trust, f.crls
			if f.peers[judged], err = material.Parse(); err != nil {
				t.Fatal(err)
			}
		}
	})
	return f.peers[role]
}

func loopback(t *testing.T) (near, far net.Conn) {
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
	if far, err = net.Dial("tcp", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	near = <-accepted
	deadline := time.Now().Add(time.Minute)
	_, _ = near.SetDeadline(deadline), far.SetDeadline(deadline)
	return near, far
}

func presenting(forged *pki.Forged) *tls.Certificate {
	return &tls.Certificate{Certificate: forged.Chain, PrivateKey: willing{forged.Key}}
}

// willing signs with keys that crypto/tls would not use, as the adversary does:
// what is to be judged is the certificate.
type willing struct{ crypto.Signer }

func (w willing) Public() crypto.PublicKey {
	switch public := w.Signer.Public().(type) {
	case *ecdsa.PublicKey:
		if public.Curve == elliptic.P224() {
			return &ecdsa.PublicKey{Curve: elliptic.P256()}
		}
	case *rsa.PublicKey:
		if public.Size() < 128 {
			return &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1024), E: public.E}
		}
	}
	return w.Signer.Public()
}

func (w willing) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	signature, err := w.Signer.Sign(random, digest, opts)
	if key, ok := w.Signer.Public().(*rsa.PublicKey); ok && err != nil {
		signature = make([]byte, key.Size())
		_, err = rand.Read(signature)
	}
	return signature, err
}
