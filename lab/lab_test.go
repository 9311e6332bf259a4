package lab_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

const goodClient = "spiffe://lab/client"

// start makes a lab for one test. Tests are given every runtime, so that the
// verdicts can be seen to be the same.
func start(t testing.TB, cfg lab.Config) *lab.Lab {
	t.Helper()
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

func eachRuntime(t *testing.T, test func(*testing.T, lab.Runtime)) {
	t.Helper()
	t.Run(string(lab.Processes), func(t *testing.T) {
		t.Parallel()
		test(t, lab.Processes)
	})
	t.Run(string(lab.Containers), func(t *testing.T) {
		t.Parallel()
		requireEngine(t)
		test(t, lab.Containers)
	})
}

// exchanges are what everybody's authentication comes down to.
func exchanges(t testing.TB, l *lab.Lab) map[string]struct {
	exchange lab.Exchange
	want     lab.Want
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
		id, err := l.Authority.Issue(request)
		if err != nil {
			t.Fatal(err)
		}
		material := id.Material(l.Authority)
		return &material
	}
	past := time.Now().Add(-time.Minute)
	return map[string]struct {
		exchange lab.Exchange
		want     lab.Want
	}{
		"good": {
			lab.Exchange{}, lab.Delivered(goodClient),
		},
		"TLS 1.2": {
			lab.Exchange{Client: lab.Peer{Args: []string{"-max-version", "1.2"}}}, lab.Delivered(goodClient),
		},
		"no certificate": {
			lab.Exchange{Client: lab.Peer{Args: []string{"-no-certificate"}}},
			lab.Refused(wire.Server, wire.NoCertificate),
		},
		"no certificate, TLS 1.2": {
			lab.Exchange{Client: lab.Peer{Args: []string{"-no-certificate", "-max-version", "1.2"}}},
			lab.Refused(wire.Server, wire.NoCertificate),
		},
		"client of another authority": {
			lab.Exchange{Client: lab.Peer{Material: strange(wire.Client)}},
			lab.Refused(wire.Server, wire.UnknownAuthority),
		},
		"server of another authority": {
			lab.Exchange{Server: lab.Peer{Material: strange(wire.Server)}},
			lab.Refused(wire.Client, wire.UnknownAuthority),
		},
		"a server's certificate in a client's hands": {
			lab.Exchange{Client: lab.Peer{Material: issued(pki.Request{Role: wire.Server, Name: "client"})}},
			lab.Refused(wire.Server, wire.WrongUsage),
		},
		"expired client": {
			lab.Exchange{Client: lab.Peer{Material: issued(pki.Request{Role: wire.Client, Name: "client", NotAfter: past})}},
			lab.Refused(wire.Server, wire.Expired),
		},
		"server of another name": {
			lab.Exchange{Server: lab.Peer{Material: issued(pki.Request{Role: wire.Server, Name: "server", DNS: []string{"other"}})}},
			lab.Refused(wire.Client, wire.WrongName),
		},
		"client that is not accepted": {
			lab.Exchange{Server: lab.Peer{Args: []string{"-allow", "spiffe://lab/somebody-else"}}},
			lab.Refused(wire.Server, wire.NotAllowed),
		},
	}
}

func TestExchange(t *testing.T) {
	t.Parallel()
	eachRuntime(t, func(t *testing.T, runtime lab.Runtime) {
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
			l := start(t, lab.Config{Runtime: lab.Processes, Algorithm: algorithm})
			v, err := l.Run(t.Context(), lab.Exchange{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := v.Diff(lab.Delivered(goodClient)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestSabotage shows that the controls can come out the other way: peers that
// verify nothing turn them red.
func TestSabotage(t *testing.T) {
	t.Parallel()
	trustingServer := lab.Peer{Source: images.Source{Name: "trusting-server", Package: "./lab/testdata/trustingserver", Like: "server"}}
	trustingClient := lab.Peer{Source: images.Source{Name: "trusting-client", Package: "./lab/testdata/trustingclient", Like: "client"}}
	eachRuntime(t, func(t *testing.T, runtime lab.Runtime) {
		l := start(t, lab.Config{Runtime: runtime, Timeout: time.Minute})
		stranger := func(role wire.Role) *wire.Material {
			material, err := l.Stranger(role)
			if err != nil {
				t.Fatal(err)
			}
			return material
		}
		trustingStranger := trustingClient
		impostor := lab.Peer{Material: stranger(wire.Server)}
		for name, test := range map[string]struct {
			exchange lab.Exchange
			control  lab.Want
			leaked   bool
		}{
			"no certificate": {
				lab.Exchange{Server: trustingServer, Client: lab.Peer{Args: []string{"-no-certificate"}}},
				lab.Refused(wire.Server, wire.NoCertificate), true,
			},
			"client of another authority": {
				lab.Exchange{Server: trustingServer, Client: lab.Peer{Material: stranger(wire.Client)}},
				lab.Refused(wire.Server, wire.UnknownAuthority), true,
			},
			"server of another authority": {
				lab.Exchange{Server: impostor, Client: trustingStranger},
				lab.Refused(wire.Client, wire.UnknownAuthority), true,
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
					t.Errorf("leaked is %v; client: %s; server: %s", v.Leaked, lab.Account(&v.Client), lab.Account(v.Server))
				}
			})
		}
	})
}

// TestBrokenPeerIsNoRefusal shows that a crash is not taken for a refusal.
func TestBrokenPeerIsNoRefusal(t *testing.T) {
	t.Parallel()
	l := start(t, lab.Config{Runtime: lab.Processes})
	v, err := l.Run(t.Context(), lab.Exchange{Client: lab.Peer{Args: []string{"-no-such-flag"}}})
	if err != nil {
		t.Fatal(err)
	}
	if v.Decision != lab.Inconclusive {
		t.Errorf("got %s, want inconclusive", v)
	}
}

// TestServerThatDoesNotStart is the lab's own trouble, and named.
func TestServerThatDoesNotStart(t *testing.T) {
	t.Parallel()
	l := start(t, lab.Config{Runtime: lab.Processes})
	bad := &wire.Material{Trust: []byte("garbage"), Chain: []byte("garbage"), Key: []byte("garbage")}
	_, err := l.Run(t.Context(), lab.Exchange{Server: lab.Peer{Material: bad}})
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
		"runtime":   {lab.Config{Runtime: "vm"}, `starting the lab: runtime "vm": choose containers or processes`},
		"TTL":       {lab.Config{TTL: time.Millisecond}, "config: TTL 1ms: want a second to 12h0m0s"},
		"too long":  {lab.Config{TTL: 48 * time.Hour}, "config: TTL 48h0m0s: want a second to 12h0m0s"},
		"timeout":   {lab.Config{Timeout: -1}, "config: timeout -1ns: want none that is negative"},
		"algorithm": {lab.Config{Algorithm: "rsa-1"}, `making authority: Config.Algorithm: unknown algorithm "rsa-1", want one of ["ecdsa-p256" "ecdsa-p384" "rsa-2048" "ed25519"]`},
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
	l := start(t, lab.Config{Runtime: lab.Processes})
	if _, err := l.Run(t.Context(), lab.Exchange{Message: "two\nlines"}); err == nil {
		t.Error("a message of two lines was taken")
	}
}

// TestCloseTwice also shows that nothing can be started after it.
func TestCloseTwice(t *testing.T) {
	t.Parallel()
	eachRuntime(t, func(t *testing.T, runtime lab.Runtime) {
		l := start(t, lab.Config{Runtime: runtime})
		for range 2 {
			if err := l.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := l.Run(t.Context(), lab.Exchange{}); err == nil {
			t.Error("a closed lab ran an exchange")
		}
	})
}

// TestManyRunsAtOnce uses one server from many clients.
func TestManyRunsAtOnce(t *testing.T) {
	t.Parallel()
	l := start(t, lab.Config{Runtime: lab.Processes, Timeout: time.Minute})
	var runs errgroup.Group
	for range 32 {
		runs.Go(func() error {
			v, err := l.Run(t.Context(), lab.Exchange{})
			if err != nil {
				return err
			}
			if diff := v.Diff(lab.Delivered(goodClient)); diff != "" {
				return errors.New(diff)
			}
			return nil
		})
	}
	if err := runs.Wait(); err != nil {
		t.Error(err)
	}
}
