package labtest

import (
	"bytes"
	"errors"
	"net"
	"path"
	"testing"

	"github.com/testcontainers/testcontainers-go"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Deployed is the material of a server that the test itself starts: it trusts what every case
// needs, and has revocation lists. Its certificate is for the name "server".
func (l *Lab) Deployed() Material {
	l.tb.Helper()
	m := l.pair.Material(wire.Server)
	trust, lists, err := l.chains.Trust(wire.Server)
	if err != nil {
		l.tb.Fatal(err)
	}
	if m.CRL, err = l.pair.Authority.CRLs(); err != nil {
		l.tb.Fatal(err)
	}
	m.Trust, m.CRL = append(m.Trust, trust...), append(m.CRL, lists...)
	return newMaterial(l.tb, m)
}

// ContainerFiles are the files of that material, in a directory of a container that
// testcontainers-go is to start. Any user of the container may read them.
func (l *Lab) ContainerFiles(dir string) []testcontainers.ContainerFile {
	l.tb.Helper()
	m := l.Deployed()
	var files []testcontainers.ContainerFile
	for _, f := range []struct {
		name string
		text []byte
	}{{wire.FileTrust, m.Trust}, {wire.FileChain, m.Chain}, {wire.FileKey, m.Key}, {wire.FileCRL, m.CRL}} {
		files = append(files, testcontainers.ContainerFile{
			Reader: bytes.NewReader(f.text), ContainerFilePath: path.Join(dir, f.name), FileMode: 0o444,
		})
	}
	return files
}

// Endpoint is a server that listens at host:port with the material of [Lab.Deployed]. Cases
// that need one of their own are left out. It speaks HTTP, unless an option says otherwise.
func Endpoint(address string, options ...func(*peer.Endpoint)) Subject {
	return endpoint("endpoint", func(testing.TB) (string, error) { return address, nil }, options)
}

// Running is a container that testcontainers-go has started, with [Lab.ContainerFiles], and
// a port that it has published: "8443/tcp".
func Running(c testcontainers.Container, port string, options ...func(*peer.Endpoint)) Subject {
	return endpoint("container", func(tb testing.TB) (string, error) {
		if c == nil {
			return "", errors.New("there is no container")
		}
		host, err := c.Host(tb.Context())
		if err != nil {
			return "", err
		}
		published, err := c.MappedPort(tb.Context(), port)
		if err != nil {
			return "", err
		}
		return net.JoinHostPort(host, published.Port()), nil
	}, options)
}

// Speaking is what is said to an endpoint over TLS.
func Speaking(p adapter.Protocol) func(*peer.Endpoint) {
	return func(e *peer.Endpoint) { e.Speaks = adapter.Endpoint("endpoint", p, pki.ServerName, nil) }
}

// HeedsLists says that an endpoint was given the revocation lists.
func HeedsLists(e *peer.Endpoint) { e.Lists = true }

// Admits says that an endpoint admits spiffe://lab/client and nobody else.
func Admits(e *peer.Endpoint) { e.Admit = true }

func endpoint(name string, at func(testing.TB) (string, error), options []func(*peer.Endpoint)) Subject {
	return Subject{name, wire.Server, true, adapter.HTTP, func(l *Lab, tb testing.TB) (peer.Peer, error) {
		address, err := at(tb)
		e := peer.Endpoint{
			Address: address, ServerName: pki.ServerName, Authority: l.pair.Authority.Trust(),
			Good: l.pair.Material(wire.Client),
		}
		Speaking(adapter.HTTP)(&e)
		for _, o := range options {
			o(&e)
		}
		return e, err
	}}
}
