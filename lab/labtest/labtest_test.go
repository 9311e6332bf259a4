package labtest_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/drill"
	"github.com/mtlslab/mtlslab/lab/labtest"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/timeline"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// config is a good TLS configuration of either role.
func config(m labtest.Material) (*tls.Config, error) {
	own, err := tls.LoadX509KeyPair(m.ChainFile(), m.KeyFile())
	return &tls.Config{
		Certificates: []tls.Certificate{own}, RootCAs: m.Pool(), ClientCAs: m.Pool(),
		ClientAuth: tls.RequireAndVerifyClientCert, ServerName: m.ServerName, MinVersion: tls.VersionTLS12,
	}, err
}

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }

// subjects are good ones of each kind that runs in this process.
func subjects() []labtest.Subject {
	return []labtest.Subject{
		labtest.ServerConfig(config).Named("server config"),
		labtest.ClientConfig(config).Named("client config"),
		labtest.Listener(func(m labtest.Material) (net.Listener, error) {
			c, err := config(m)
			if err != nil {
				return nil, err
			}
			return tls.Listen("tcp", "127.0.0.1:0", c)
		}).Named("listener"),
		labtest.HTTPServer(func(m labtest.Material) (*http.Server, error) {
			c, err := config(m)
			return &http.Server{
				TLSConfig: c, Handler: http.HandlerFunc(hello), ReadHeaderTimeout: time.Minute, ErrorLog: quiet,
			}, err
		}).Named("HTTP server"),
		labtest.HTTPAddress(func(m labtest.Material) (net.Addr, func() error, error) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return nil, nil, err
			}
			c, err := config(m)
			if err != nil {
				return nil, nil, err
			}
			s := &http.Server{TLSConfig: c, Handler: http.HandlerFunc(hello), ReadHeaderTimeout: time.Minute, ErrorLog: quiet}
			go s.ServeTLS(listener, "", "") //nolint:errcheck // it ends when it is closed
			return listener.Addr(), s.Close, nil
		}).Named("HTTP address"),
		labtest.Dialer(func(m labtest.Material) (peer.Dialer, error) {
			c, err := config(m)
			return (&tls.Dialer{Config: c}).DialContext, err
		}).Named("dialer"),
		labtest.HTTPClient(func(m labtest.Material) (*http.Client, error) {
			c, err := config(m)
			return &http.Client{Transport: &http.Transport{TLSClientConfig: c}}, err
		}).Named("HTTP client"),
	}
}

// some are cases of every kind.
var some = labtest.Only(
	"chain/self-signed", "chain/second-root", "identity/other-host", "operational/no-key", "operational/no-trust",
	"protocol/no-client-certificate", "protocol/refused-afterwards", "resumption/altered-ticket", "validity/expired",
)

// TestGoodSubjects puts a good one of each kind to the test, and some to all of it.
func TestGoodSubjects(t *testing.T) {
	t.Parallel()
	l := labtest.Start(t)
	for i, s := range subjects() {
		l.MustDeliver("Hello, server!", s)
		if i < 2 && !testing.Short() {
			labtest.Audit(t, l, s)
		} else {
			labtest.Audit(t, l, s, some)
		}
	}
}

// TestCareless runs tests of careless subjects, and looks at what go test makes of them.
func TestCareless(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		run   string
		env   []string
		fails string // the tests that fail and are of cases, or the test itself
		says  string
	}{
		"each by its own": {
			run: "TestCareless",
			fails: "TestCareless/client/insider/identity/other-host TestCareless/client/nobody/chain/self-signed " +
				"TestCareless/server/nobody/chain/self-signed",
			says: "it means: ",
		},
		"found by its id": {
			run:   "TestCareless/server/nobody/chain/self-signed",
			fails: "TestCareless/server/nobody/chain/self-signed",
			says:  "1 case, 2 findings",
		},
		"no such id":  {run: "TestCareless/server/nobody/no/such", says: "-run names none of its cases"},
		"waived":      {run: "TestWaived", says: "waived: 2"},
		"undelivered": {run: "TestUndelivered", fails: "TestUndelivered", says: "want delivered"},
		"no engine": {
			run: "TestContainers|TestImage", env: []string{"DOCKER_HOST=tcp://127.0.0.1:1"}, says: "needs an engine",
		},
		"an engine is required": {
			run: "TestContainers|TestImage", env: []string{"DOCKER_HOST=tcp://127.0.0.1:1", labtest.RequireEngine + "=1"},
			fails: "TestContainers TestImage/no-such-image", says: "no usable container engine",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failed, output := goTest(t, test.run, test.env...)
			if got := strings.Join(failed, " "); got != test.fails {
				t.Errorf("failed: %s\nwant:   %s\n%s", got, test.fails, output)
			}
			if !strings.Contains(output, test.says) {
				t.Errorf("it does not say %q:\n%s", test.says, output)
			}
		})
	}
}

// goTest runs the careless tests that a pattern names. It returns the failed ones below which
// none failed, in order, and what was said.
func goTest(t *testing.T, run string, env ...string) (failed []string, output string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "test", "-json", "-count=1", "-run", run, "./testdata/careless")
	cmd.Env = append(append(os.Environ(), labtest.RequireEngine+"="), env...)
	out, err := cmd.Output()
	if exit, is := errors.AsType[*exec.ExitError](err); err != nil && !is {
		t.Fatal(err)
	} else if is && len(exit.Stderr) > 0 {
		t.Fatalf("%s", exit.Stderr)
	}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var event struct{ Action, Test, Output string }
		if err := decoder.Decode(&event); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		output += event.Output
		if event.Action == "fail" && event.Test != "" {
			failed = append(failed, event.Test)
		}
	}
	slices.Sort(failed)
	return slices.DeleteFunc(slices.Clone(failed), func(name string) bool {
		return slices.ContainsFunc(failed, func(other string) bool { return strings.HasPrefix(other, name+"/") })
	}), output
}

// TestImages puts software to the test that comes in images.
func TestImages(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs an engine; not with -short")
	}
	l := labtest.Start(t, labtest.Containers())
	only := labtest.Only("chain/self-signed", "protocol/no-client-certificate", "usage/critical-eku")
	l.MustDeliver("Hello, server!")
	l.MustDeliver("Hello, server!", labtest.Gallery("nginx", wire.Server), labtest.Gallery("curl", wire.Client))
	labtest.Audit(t, l, labtest.Gallery("nginx", wire.Server), only)
	labtest.Audit(t, l, labtest.Gallery("curl", wire.Client), only)
	labtest.Audit(t, l, labtest.Adapter("../../images/peers/caddy/server.yaml"), only)
}

// TestPKI has two sides of an authority's meet.
func TestPKI(t *testing.T) {
	t.Parallel()
	authority := labtest.PKI(t)
	server, client := authority.Server("orders.test", "127.0.0.1"), authority.Client("shop")
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{server.Certificate()}, ClientCAs: server.Pool(),
		ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // nothing depends on it
	saw := make(chan string, 1)
	go func() {
		defer close(saw)
		if conn, err := listener.Accept(); err == nil {
			over := conn.(*tls.Conn)
			if over.HandshakeContext(t.Context()) == nil {
				saw <- over.ConnectionState().PeerCertificates[0].URIs[0].String()
			}
			_ = over.Close()
		}
	}()
	for _, name := range []string{"orders.test", "127.0.0.1"} {
		if err := server.Certificate().Leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	conn, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{
		Certificates: []tls.Certificate{client.Certificate()}, RootCAs: client.Pool(), ServerName: server.ServerName,
		MinVersion: tls.VersionTLS13,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // nothing depends on it
	if got := <-saw; got != "spiffe://lab/shop" {
		t.Errorf("the server verified %q", got)
	}
}

// quiet is where servers complain of whom they refuse.
var quiet = log.New(io.Discard, "", 0)

// A drill is a test of its own: each claim that does not hold would fail it.
func TestDrill(t *testing.T) {
	t.Parallel()
	shown := labtest.Start(t, labtest.Processes()).Drill("client-leaf", drill.Run{Rate: 50})
	if len(shown.Claims) == 0 || shown.Verdict() != timeline.Passed {
		t.Errorf("the verdict is %s, of %d claims", shown.Verdict(), len(shown.Claims))
	}
}
