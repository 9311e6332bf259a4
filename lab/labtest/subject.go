package labtest

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"testing"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Subject is a server or a client that is put to the test. It may be copied, and used in many
// labs.
type Subject struct {
	name    string
	role    wire.Role
	inside  bool // it runs in this process, or is reached from it
	speaks  adapter.Protocol
	peerFor func(*Lab, testing.TB) (peer.Peer, error)
}

// Named is the subject under another name, which is that of its subtest and in reports.
func (s Subject) Named(name string) Subject {
	s.name = name
	return s
}

// ServerConfig is a server of the TLS configuration that the function makes of material. It
// is asked in lines, and answers with receipts, as our own server does. An error of the
// function says that there is no server of such material.
func ServerConfig(of func(Material) (*tls.Config, error)) Subject {
	return inProcess("server", wire.Server, adapter.Line, func(tb testing.TB, name string) peer.InProcess {
		return peer.Configured(name, func(m wire.Material) (*tls.Config, error) { return of(newMaterial(tb, m)) })
	})
}

// ClientConfig is a client of the TLS configuration that the function makes of material. It
// calls [Material].ServerName, unless the configuration names another.
func ClientConfig(of func(Material) (*tls.Config, error)) Subject {
	s := ServerConfig(of)
	s.name, s.role = "client", wire.Client
	return s
}

// Listener is a server that listens already, and gives out connections over TLS, as
// [tls.Listen] does. What comes of them is read in lines. It is closed when it has served.
func Listener(of func(Material) (net.Listener, error)) Subject {
	return inProcess("server", wire.Server, adapter.Line, func(tb testing.TB, name string) peer.InProcess {
		return peer.InProcess{Label: name, Serve: func(m wire.Material) (peer.LocalServer, error) {
			listener, err := of(newMaterial(tb, m))
			if err != nil {
				return nil, err
			}
			return ends(tb, peer.Lines(listener)), nil
		}}
	})
}

// HTTPServer is a server that is run on a port of its own, and asked by GET for what it may
// not have: 200 to 299, and 404, are answers to whom it lets in. Its TLSConfig is taken as it
// is.
func HTTPServer(of func(Material) (*http.Server, error)) Subject {
	return inProcess("server", wire.Server, adapter.HTTP, func(tb testing.TB, name string) peer.InProcess {
		return peer.InProcess{Label: name, HTTP: true, Serve: func(m wire.Material) (peer.LocalServer, error) {
			server, err := of(newMaterial(tb, m))
			if err != nil {
				return nil, err
			}
			served, err := peer.ServeHTTPS(server)
			if err != nil {
				return nil, err
			}
			return ends(tb, served), nil
		}}
	})
}

// HTTPAddress is a server of HTTPS that listens already, however it came to: the function
// returns where, and what stops it.
func HTTPAddress(of func(Material) (at net.Addr, stop func() error, err error)) Subject {
	return inProcess("server", wire.Server, adapter.HTTP, func(tb testing.TB, name string) peer.InProcess {
		return peer.InProcess{Label: name, HTTP: true, Serve: func(m wire.Material) (peer.LocalServer, error) {
			at, stop, err := of(newMaterial(tb, m))
			if err != nil {
				return nil, err
			}
			return ends(tb, peer.AtAddress(at, stop)), nil
		}}
	})
}

// Dialer is a client: it returns a connection over TLS once it has verified the server of
// [Material].ServerName. The address is where that listens.
func Dialer(of func(Material) (peer.Dialer, error)) Subject {
	return inProcess("client", wire.Client, adapter.Line, func(tb testing.TB, name string) peer.InProcess {
		return peer.InProcess{Label: name, Dial: peer.DialLines(func(m wire.Material) (peer.Dialer, error) {
			return of(newMaterial(tb, m))
		})}
	})
}

// HTTPClient is a client that asks by GET for something of https://server. Its Transport is an
// *http.Transport; only where its connections go is changed.
func HTTPClient(of func(Material) (*http.Client, error)) Subject {
	return inProcess("client", wire.Client, adapter.HTTP, func(tb testing.TB, name string) peer.InProcess {
		return peer.InProcess{Label: name, HTTP: true, Dial: peer.CallHTTPS(func(m wire.Material) (*http.Client, error) {
			return of(newMaterial(tb, m))
		})}
	})
}

// ends has a server end with the test, if not before.
func ends(tb testing.TB, s peer.LocalServer) peer.LocalServer {
	tb.Cleanup(func() { _ = s.Close() }) // it may be closed already
	return s
}

func inProcess(
	name string, role wire.Role, speaks adapter.Protocol, of func(tb testing.TB, name string) peer.InProcess,
) Subject {
	return Subject{name, role, true, speaks, func(_ *Lab, tb testing.TB) (peer.Peer, error) { return of(tb, name), nil }}
}

// Image is a server of HTTPS in an image, its code unchanged, that reads its files at three
// paths: the roots that it trusts, its chain and its key. It listens at port 443, unless an
// option says otherwise.
func Image(ref, caFile, certFile, keyFile string, options ...func(*adapter.Adapter)) Subject {
	a := adapter.HTTPS(ref)
	a.Material.Files = adapter.Layout{CA: caFile, Cert: certFile, Key: keyFile}
	for _, o := range options {
		o(a)
	}
	return Subject{a.Name, a.Role, false, a.Speaks, func(*Lab, testing.TB) (peer.Peer, error) {
		return foreign.Image{Adapter: a}, a.Check()
	}}
}

// Port is where the server of an image listens.
func Port(port int) func(*adapter.Adapter) { return func(a *adapter.Adapter) { a.Port = port } }

// Env is a variable of an image's environment.
func Env(name, value string) func(*adapter.Adapter) {
	return func(a *adapter.Adapter) { a.Env[name] = value }
}

// Command is what an image runs in place of its own command.
func Command(words ...string) func(*adapter.Adapter) {
	return func(a *adapter.Adapter) { a.Command = words }
}

// Adapter is an image as the adapter of a file says, which is that of a server or of a client.
func Adapter(file string) Subject {
	a, err := adapter.ReadFile(file)
	if err != nil {
		return Subject{peerFor: func(*Lab, testing.TB) (peer.Peer, error) { return nil, err }}
	}
	return Subject{a.Name, a.Role, false, a.Speaks, func(*Lab, testing.TB) (peer.Peer, error) {
		return foreign.Image{Adapter: a}, nil
	}}
}

// Gallery is a peer that comes with mtlslab: some product, in that role.
func Gallery(name string, role wire.Role) Subject {
	image, err := foreign.FromGallery(name, role)
	if err != nil {
		return Subject{peerFor: func(*Lab, testing.TB) (peer.Peer, error) { return nil, err }}
	}
	return Subject{name, role, false, image.Adapter.Speaks, func(*Lab, testing.TB) (peer.Peer, error) {
		return image, nil
	}}
}

// in is the peer that a subject is, and the lab in which it can run. It skips a test that
// needs an engine where none answers.
func (s Subject) in(l *Lab, tb testing.TB) (peer.Peer, *lab.Lab) {
	tb.Helper()
	if s.peerFor == nil {
		tb.Fatal(errors.New("the subject is none: make it with one of the functions of labtest"))
	}
	p, err := s.peerFor(l, tb)
	if err != nil {
		tb.Fatal(err)
	}
	if s.inside {
		return p, l.beside()
	}
	requireEngine(tb)
	usual := l.usual()
	if usual.Facts().Runtime != sandbox.Containers {
		tb.Fatalf("%s is an image, and runs in containers alone: start the lab without labtest.Processes", s.name)
	}
	return p, usual
}
