package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// once runs a server that is to end by itself.
func once(t testing.TB, lookup func(string) (string, bool), args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), nil, args, lookup, stdio{strings.NewReader(""), &out, &err})
	return code, out.String(), err.String()
}

// What cannot be used is told in one line, which names it, and nothing listens.
func TestUsage(t *testing.T) {
	t.Parallel()
	const wantsMaterial = "-material is required: a directory, or - for a tar on standard input"
	for _, c := range []struct {
		name string
		args []string
		env  map[string]string
		want string
	}{
		{"nothing at all", nil, nil, wantsMaterial},
		{"unknown flag", []string{"-nosuch"}, nil, "flag provided but not defined: -nosuch"},
		{"unknown flag of two lines", []string{"-no\nsuch"}, nil, `flag provided but not defined: -no\nsuch`},
		{"argument", []string{"-material", ".", "serve"}, nil, `argument "serve": the server takes flags only`},
		{"address without port", []string{"-listen", "localhost"}, nil, `-listen "localhost": give host:port or :port`},
		{
			"address with a port of letters", []string{"-listen", ":https"}, nil,
			`-listen ":https": the port must be a number from 0 to 65535`,
		},
		{
			"address with a port too high", []string{"-listen", ":65536"}, nil,
			`-listen ":65536": the port must be a number from 0 to 65535`,
		},
		{"duration that is none", []string{"-drain", "soon"}, nil, `invalid value "soon" for flag -drain: parse error`},
		{
			"duration of nothing", []string{"-material", ".", "-handshake-timeout", "0"}, nil,
			"-handshake-timeout 0s: must be more than nothing",
		},
		{
			"duration less than nothing", []string{"-material", ".", "-idle-timeout", "-1s"}, nil,
			"-idle-timeout -1s: must be more than nothing",
		},
		{"no time to drain", []string{"-material", ".", "-drain", "0s"}, nil, "-drain 0s: must be more than nothing"},
		{"negative lifetime", []string{"-material", ".", "-lifetime", "-1s"}, nil, "-lifetime -1s is negative"},
		{
			"TLS version that is too old", []string{"-min-version", "1.1"}, nil,
			`invalid value "1.1" for flag -min-version: TLS version "1.1": choose 1.2 or 1.3`,
		},
		{"form that is none", []string{"-log", "xml"}, nil, `invalid value "xml" for flag -log: choose text or json`},
		{
			"no connections", []string{"-material", ".", "-max-connections", "0"}, nil,
			"-max-connections 0: must be at least 1",
		},
		{"no message", []string{"-material", ".", "-max-message", "0"}, nil, "-max-message 0: must be from 1 to 65536"},
		{
			"message too long for anybody", []string{"-material", ".", "-max-message", "65537"}, nil,
			"-max-message 65537: must be from 1 to 65536",
		},
		{"empty identity", []string{"-allow", ""}, nil, `invalid value "" for flag -allow: an empty identity`},
		{
			"empty identity among others", []string{"-allow", "a, ,b"}, nil,
			`invalid value "a, ,b" for flag -allow: an empty identity`,
		},

		{
			"variable for a flag", nil, map[string]string{"MTLSLAB_LISTEN": "nowhere"},
			`-listen "nowhere": give host:port or :port`,
		},
		{
			"flag before its variable", []string{"-listen", "here"},
			map[string]string{"MTLSLAB_LISTEN": "nowhere"}, `-listen "here": give host:port or :port`,
		},
		{
			"bad variable", nil, map[string]string{"MTLSLAB_MIN_VERSION": "1.1"},
			`invalid value "1.1" for MTLSLAB_MIN_VERSION: TLS version "1.1": choose 1.2 or 1.3`,
		},
		{
			"bad duration in a variable", nil, map[string]string{"MTLSLAB_DRAIN": "so\non"},
			`invalid value "so\non" for MTLSLAB_DRAIN: parse error`,
		},
		{
			"bad variable, shielded by the flag", []string{"-drain", "1s"},
			map[string]string{"MTLSLAB_DRAIN": "soon"}, wantsMaterial,
		},
		{"empty variable is unset", nil, map[string]string{"MTLSLAB_ALLOW": ""}, wantsMaterial},
		{"version has no variable", nil, map[string]string{"MTLSLAB_VERSION": "true"}, wantsMaterial},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := once(
				t,
				func(name string) (string, bool) { value, ok := c.env[name]; return value, ok },
				c.args...)
			if want := "server: " + c.want + " (see server -help)\n"; code != exitUsage || stdout != "" || stderr != want {
				t.Errorf("got %d %q %q\nwant %d, %q", code, stdout, stderr, exitUsage, want)
			}
		})
	}
}

// Bad material is told in one line that names the flag, the file and the fault,
// and nothing listens.
func TestBadMaterial(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	good := p.server.Material(p.authority)
	remove := func(file string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { try(t, os.Remove(filepath.Join(dir, file))) }
	}
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, dir string)
		want   string // DIR stands for the directory
	}{
		{"no directory", func(t *testing.T, dir string) { try(t, os.RemoveAll(dir)) }, "DIR: directory missing"},
		{
			"file in its place",
			func(t *testing.T, dir string) { try(t, os.RemoveAll(dir), os.WriteFile(dir, nil, 0o600)) },
			"DIR: does not belong in a bundle: not a directory",
		},
		{"no trust", remove(wire.FileTrust), "DIR/ca.crt: missing"},
		{"no certificate", remove(wire.FileChain), "DIR/tls.crt: missing"},
		{"no key", remove(wire.FileKey), "DIR/tls.key: missing"},
		{"empty trust", replace(wire.FileTrust, ""), "DIR/ca.crt: empty"},
		{"empty certificate", replace(wire.FileChain, ""), "DIR/tls.crt: empty"},
		{"empty key", replace(wire.FileKey, ""), "DIR/tls.key: empty"},
		{
			"garbage for trust", replace(wire.FileTrust, "garbage"),
			`DIR/ca.crt: no PEM block of the kind expected ("CERTIFICATE")`,
		},
		{
			"garbage for the certificate", replace(wire.FileChain, "\x00"),
			`DIR/tls.crt: no PEM block of the kind expected ("CERTIFICATE")`,
		},
		{
			"garbage for the key",
			replace(wire.FileKey, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"),
			"DIR/tls.key: malformed: not a PKCS#8 private key",
		},
		{
			"somebody else's key", replace(wire.FileKey, string(p.client.Material(p.authority).Key)),
			"DIR/tls.key: the key does not belong to the certificate in tls.crt",
		},
		{
			"garbage for revocation lists", replace(wire.FileCRL, "garbage"),
			`DIR/crl.pem: no PEM block of the kind expected ("X509 CRL")`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "material")
			try(t, good.WriteDir(dir))
			c.damage(t, dir)
			code, stdout, stderr := once(t, noEnvironment, serverArgs(dir, nil)...)
			want := "server: -material: " + strings.ReplaceAll(c.want, "DIR", dir) + "\n"
			if code != exitFailed || stdout != "" || stderr != want {
				t.Errorf("got %d, %q, %q\nwant %d, %q", code, stdout, stderr, exitFailed, want)
			}
		})
	}
}

// Standard input that is not a whole bundle is no better than a directory.
func TestBadTar(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := once(t, noEnvironment, serverArgs("-", nil)...)
	const want = "server: -material: ca.crt: missing from the tar on standard input\n"
	if code != exitFailed || stdout != "" || stderr != want {
		t.Errorf("got %d, %q, %q\nwant %d, %q", code, stdout, stderr, exitFailed, want)
	}
}

// An address that cannot be had is told with what may be the matter.
func TestBadAddress(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	try(t, err)
	defer taken.Close() //nolint:errcheck // never fails
	for _, c := range []struct{ name, address, want string }{
		{"taken", taken.Addr().String(), "bind: address already in use; is another server there already?"},
		{"somebody else's", "192.0.2.1:0", "bind: cannot assign requested address"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := once(t, noEnvironment, "-listen", c.address, "-material", newPair(t).dir(t))
			want := "server: -listen " + c.address + ": " + c.want + "\n"
			if code != exitFailed || stdout != "" || stderr != want {
				t.Errorf("got %d, %q, %q\nwant %d, %q", code, stdout, stderr, exitFailed, want)
			}
		})
	}
}

// Every flag with its variable, and every exit code, is in the help text.
func TestHelp(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := once(t, noEnvironment, "-help")
	if code != 0 || stderr != "" {
		t.Errorf("exit code %d, standard error %q", code, stderr)
	}
	for _, name := range []string{"listen", "material", "allow", "min-version", "handshake-timeout",
		"idle-timeout", "drain", "lifetime",
		"max-connections", "max-message", "log", "probe"} {
		if !strings.Contains(stdout, "\n  -"+name) || !strings.Contains(stdout, "["+wire.Variable(name)+"]") {
			t.Errorf("-%s or its variable is missing from\n%s", name, stdout)
		}
	}
	if !strings.Contains(stdout, "Exit codes: 0 stopped, 1 bad material or address, 2 usage.") {
		t.Errorf("the exit codes are missing from\n%s", stdout)
	}
}

// The version needs no material.
func TestVersion(t *testing.T) {
	t.Parallel()
	if code, stdout, stderr := once(t, noEnvironment, "-version"); code != 0 || stderr != "" ||
		!strings.HasPrefix(stdout, "server ") {
		t.Errorf("got %d, %q, %q", code, stdout, stderr)
	}
}

// FuzzParseFlags looks for arguments and variables that are taken although no
// server can run by them, or whose error is not one line.
func FuzzParseFlags(f *testing.F) {
	f.Add("-material\x00.", "MTLSLAB_LISTEN", ":1")
	f.Add("-material=-\x00-allow=a,b\x00-min-version=1.3\x00-log=json", "MTLSLAB_DRAIN", "1s")
	f.Add("-probe\x00-listen\x00[::1]:0", "MTLSLAB_PROBE", "false")
	f.Add("-max-message\x0065536\x00--\x00x", "MTLSLAB_MAX_CONNECTIONS", "-1")
	f.Add("-help", "MTLSLAB_ALLOW", " ")
	f.Fuzz(func(t *testing.T, args, variable, value string) {
		lookup := func(name string) (string, bool) { return value, name == variable }
		cfg, _, err := parseFlags(strings.Split(args, "\x00"), lookup)
		if err != nil {
			if line := wire.Printable(err.Error()); line == "" || strings.ContainsAny(line, "\r\n") {
				t.Errorf("the error is not one line: %q", line)
			}
			return
		}
		if cfg.version {
			return
		}
		_, _, listenErr := net.SplitHostPort(cfg.listen)
		shortest := min(cfg.handshakeTimeout, cfg.idleTimeout, cfg.drain, cfg.lifetime+time.Nanosecond)
		switch {
		case listenErr != nil, cfg.material == "" && !cfg.probe, shortest <= 0,
			cfg.maxConnections < 1, cfg.maxMessage < 1, cfg.maxMessage > wire.MaxMessage:
			t.Errorf("taken: %+v", cfg)
		}
		for _, name := range cfg.allow {
			if strings.TrimSpace(name) == "" {
				t.Errorf("nobody is allowed: %q", cfg.allow)
			}
		}
	})
}
