package lab_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/exchange"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

const goodClient = "spiffe://lab/client"

// shared is what the labs of all tests have in common: they are built once.
var shared = sandbox.NewShared()

// start makes a lab for one test. Tests are given every runtime, so that the
// verdicts can be seen to be the same.
func start(t testing.TB, cfg lab.Config) *lab.Lab {
	t.Helper()
	cfg.Shared, cfg.TTL = shared, cmp.Or(cfg.TTL, time.Hour) // on a slow machine, too
	l, err := lab.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return l
}

func eachRuntime(t *testing.T, test func(*testing.T, sandbox.Runtime)) {
	t.Helper()
	t.Run(string(sandbox.Processes), func(t *testing.T) {
		t.Parallel()
		test(t, sandbox.Processes)
	})
	t.Run(string(sandbox.Containers), func(t *testing.T) {
		t.Parallel()
		requireEngine(t)
		test(t, sandbox.Containers)
	})
}

// exchanges are what everybody's authentication comes down to.
func exchanges(t testing.TB, l *lab.Lab) map[string]struct {
	exchange exchange.Exchange
	want     verdict.Want
} {
	t.Helper()
	strange := func(role wire.Role) *wire.Material {
		material, err := l.Stranger(role)
		if err != nil {
			t.Fatal(err)
		}
		return material
	}
	issued := func(request pki.Request) *wire.Material {
		id, err := l.Pair().Authority.Issue(request)
		if err != nil {
			t.Fatal(err)
		}
		material := id.Material(l.Pair().Authority)
		return &material
	}
	past := time.Now().Add(-time.Minute)
	return map[string]struct {
		exchange exchange.Exchange
		want     verdict.Want
	}{
		"good": {
			exchange.Exchange{}, verdict.Delivered(goodClient),
		},
		"TLS 1.2": {
			exchange.Exchange{Client: peer.Own{Args: []string{"-max-version", "1.2"}}}, verdict.Delivered(goodClient),
		},
		"no certificate": {
			exchange.Exchange{Client: peer.Own{Args: []string{"-no-certificate"}}},
			verdict.Refused(wire.Server, wire.NoCertificate),
		},
		"no certificate, TLS 1.2": {
			exchange.Exchange{Client: peer.Own{Args: []string{"-no-certificate", "-max-version", "1.2"}}},
			verdict.Refused(wire.Server, wire.NoCertificate),
		},
		"client of another authority": {
			exchange.Exchange{ClientMaterial: strange(wire.Client)},
			verdict.Refused(wire.Server, wire.UnknownAuthority),
		},
		"server of another authority": {
			exchange.Exchange{ServerMaterial: strange(wire.Server)},
			verdict.Refused(wire.Client, wire.UnknownAuthority),
		},
		"a server's certificate in a client's hands": {
			exchange.Exchange{ClientMaterial: issued(pki.Request{Role: wire.Server, Name: "client"})},
			verdict.Refused(wire.Server, wire.WrongUsage),
		},
		"expired client": {
			exchange.Exchange{ClientMaterial: issued(pki.Request{Role: wire.Client, Name: "client", NotAfter: past})},
			verdict.Refused(wire.Server, wire.Expired),
		},
		"server of another name": {
			exchange.Exchange{ServerMaterial: issued(pki.Request{Role: wire.Server, Name: "server", DNS: []string{"other"}})},
			verdict.Refused(wire.Client, wire.WrongName),
		},
		"client that is not accepted": {
			exchange.Exchange{Server: peer.Own{Args: []string{"-allow", "spiffe://lab/somebody-else"}}},
			verdict.Refused(wire.Server, wire.NotAllowed),
		},
	}
}

func TestExchange(t *testing.T) {
	t.Parallel()
	eachRuntime(t, func(t *testing.T, runtime sandbox.Runtime) {
		l := start(t, lab.Config{Runtime: runtime, Timeout: time.Minute})
		for name, test := range exchanges(t, l) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				v, err := l.Run(t.Context(), test.exchange)
				if err != nil {
					t.Fatal(err)
				}
				if diff := v.Diff(test.want); diff != "" {
					t.Error(diff)
				}
			})
		}
	})
}

func TestEveryAlgorithm(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []pki.Algorithm{pki.ECDSAP256, pki.ECDSAP384, pki.RSA2048, pki.Ed25519} {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			l := start(t, lab.Config{Runtime: sandbox.Processes, Algorithm: algorithm})
			v, err := l.Run(t.Context(), exchange.Exchange{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := v.Diff(verdict.Delivered(goodClient)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestSabotage shows that the controls can come out the other way: peers that
// verify nothing turn them red.
func TestSabotage(t *testing.T) {
	t.Parallel()
	trustingServer := peer.Own{
		Source: images.Source{Name: "trusting-server", Package: "./lab/testdata/trustingserver", Like: "server"},
	}
	trustingClient := peer.Own{
		Source: images.Source{Name: "trusting-client", Package: "./lab/testdata/trustingclient", Like: "client"},
	}
	eachRuntime(t, func(t *testing.T, runtime sandbox.Runtime) {
		l := start(t, lab.Config{Runtime: runtime, Timeout: time.Minute})
		stranger := func(role wire.Role) *wire.Material {
			material, err := l.Stranger(role)
			if err != nil {
				t.Fatal(err)
			}
			return material
		}
		for name, test := range map[string]struct {
			exchange exchange.Exchange
			control  verdict.Want
			leaked   bool
		}{
			"no certificate": {
				exchange.Exchange{Server: trustingServer, Client: peer.Own{Args: []string{"-no-certificate"}}},
				verdict.Refused(wire.Server, wire.NoCertificate), true,
			},
			"client of another authority": {
				exchange.Exchange{Server: trustingServer, ClientMaterial: stranger(wire.Client)},
				verdict.Refused(wire.Server, wire.UnknownAuthority), true,
			},
			"server of another authority": {
				exchange.Exchange{ServerMaterial: stranger(wire.Server), Client: trustingClient},
				verdict.Refused(wire.Client, wire.UnknownAuthority), true,
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				v, err := l.Run(t.Context(), test.exchange)
				if err != nil {
					t.Fatal(err)
				}
				if diff := v.Diff(test.control); diff == "" {
					t.Errorf("a peer that verifies nothing passed the control: %s", v)
				}
				if v.Leaked != test.leaked {
					t.Errorf("leaked is %v; client: %s; server: %s", v.Leaked, verdict.Account(&v.Client), verdict.Account(v.Server))
				}
			})
		}
	})
}

// TestBrokenPeerIsNoRefusal shows that a crash is not taken for a refusal.
func TestBrokenPeerIsNoRefusal(t *testing.T) {
	t.Parallel()
	l := start(t, lab.Config{Runtime: sandbox.Processes})
	v, err := l.Run(t.Context(), exchange.Exchange{Client: peer.Own{Args: []string{"-no-such-flag"}}})
	if err != nil {
		t.Fatal(err)
	}
	if v.Decision != verdict.Inconclusive {
		t.Errorf("got %s, want inconclusive", v)
	}
}

// TestServerThatDoesNotStart is the lab's own trouble, and named.
func TestServerThatDoesNotStart(t *testing.T) {
	t.Parallel()
	l := start(t, lab.Config{Runtime: sandbox.Processes})
	bad := &wire.Material{Trust: []byte("garbage"), Chain: []byte("garbage"), Key: []byte("garbage")}
	_, err := l.Run(t.Context(), exchange.Exchange{ServerMaterial: bad})
	if err == nil || !strings.Contains(err.Error(), wire.FileTrust) {
		t.Errorf("got %v, want an error that names %s", err, wire.FileTrust)
	}
}

func TestBadConfig(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cfg  lab.Config
		want string
	}{
		"runtime":  {lab.Config{Runtime: "vm"}, `starting the lab: runtime "vm": choose containers or processes`},
		"TTL":      {lab.Config{TTL: time.Millisecond}, "config: TTL 1ms: want a second to 12h0m0s"},
		"too long": {lab.Config{TTL: 48 * time.Hour}, "config: TTL 48h0m0s: want a second to 12h0m0s"},
		"timeout":  {lab.Config{Timeout: -1}, "config: timeout -1ns: want none that is negative"},
		"algorithm": {
			lab.Config{Algorithm: "rsa-1"},
			`making authority: Config.Algorithm: unknown algorithm "rsa-1", ` +
				`want one of ["ecdsa-p256" "ecdsa-p384" "rsa-2048" "ed25519"]`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := lab.Start(t.Context(), test.cfg)
			if err == nil {
				_ = l.Close(t.Context())
			}
			if fmt.Sprint(err) != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestMessageIsOneLine(t *testing.T) {
	t.Parallel()
	l := start(t, lab.Config{Runtime: sandbox.Processes})
	if _, err := l.Run(t.Context(), exchange.Exchange{Message: "two\nlines"}); err == nil {
		t.Error("a message of two lines was taken")
	}
}

// TestCloseTwice also shows that nothing can be started after it.
func TestCloseTwice(t *testing.T) {
	t.Parallel()
	eachRuntime(t, func(t *testing.T, runtime sandbox.Runtime) {
		l := start(t, lab.Config{Runtime: runtime})
		for range 2 {
			if err := l.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := l.Run(t.Context(), exchange.Exchange{}); err == nil {
			t.Error("a closed lab ran an exchange")
		}
	})
}

// TestManyRunsAtOnce uses one server from many clients.
func TestManyRunsAtOnce(t *testing.T) {
	t.Parallel()
	l := start(t, lab.Config{Runtime: sandbox.Processes, Timeout: time.Minute})
	var runs errgroup.Group
	for range 32 {
		runs.Go(func() error {
			v, err := l.Run(t.Context(), exchange.Exchange{})
			if err != nil {
				return err
			}
			if diff := v.Diff(verdict.Delivered(goodClient)); diff != "" {
				return errors.New(diff)
			}
			return nil
		})
	}
	if err := runs.Wait(); err != nil {
		t.Error(err)
	}
}

// unhurried is our own programs, and fails where it has to be made of something within a limit: an image
// may have to be built.
type unhurried struct {
	peer.Own
	t *testing.T
}

func (u unhurried) Server(ctx context.Context, in peer.Place) (peer.Server, error) {
	u.mustHaveTime(ctx)
	return u.Own.Server(ctx, in)
}

func (u unhurried) Client(ctx context.Context, in peer.Place) (peer.Client, error) {
	u.mustHaveTime(ctx)
	return u.Own.Client(ctx, in)
}

func (u unhurried) mustHaveTime(ctx context.Context) {
	if at, limited := ctx.Deadline(); limited {
		u.t.Errorf("all has to be built by %v", at)
	}
}

func TestBuildingIsNotBounded(t *testing.T) {
	t.Parallel()
	l := start(t, lab.Config{Runtime: sandbox.Processes})
	v, err := l.Run(t.Context(), exchange.Exchange{Server: unhurried{t: t}, Client: unhurried{t: t}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := v.Diff(verdict.Delivered(goodClient)); diff != "" {
		t.Error(diff)
	}
}
