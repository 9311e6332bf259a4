package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// What cannot be used is told in one line, which names it, and nothing is
// dialled.
func TestUsage(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"unknown flag", []string{"-nosuch"}, "flag provided but not defined: -nosuch"},
		{"no material", []string{hello}, "-material is required: a directory, or - for a tar on standard input"},
		{
			"tar without messages", []string{"-material", "-"},
			"-material -: give the messages as arguments, because standard input is the material",
		},
		{"no port", []string{"-connect", "localhost"}, `-connect "localhost": give host:port`},
		{"no host", []string{"-connect", ":12345"}, `-connect ":12345": give host:port`},
		{
			"port of letters", []string{"-connect", "localhost:tls"},
			`-connect "localhost:tls": the port must be a number from 1 to 65535`,
		},
		{
			"port zero", []string{"-connect", "localhost:0"},
			`-connect "localhost:0": the port must be a number from 1 to 65535`,
		},
		{
			"port too high", []string{"-connect", "localhost:65536"},
			`-connect "localhost:65536": the port must be a number from 1 to 65535`,
		},
		{
			"TLS version that is too old", []string{"-min-version", "1.1"},
			`invalid value "1.1" for flag -min-version: TLS version "1.1": choose 1.2 or 1.3`,
		},
		{
			"TLS version that is none", []string{"-max-version", "new\nest"},
			`invalid value "new\nest" for flag -max-version: TLS version "new\nest": choose 1.2 or 1.3`,
		},
		{
			"TLS versions that exclude all",
			[]string{"-material", ".", "-min-version", "1.3", "-max-version", "1.2"},
			"-min-version is above -max-version",
		},
		{"timeout that is none", []string{"-timeout", "soon"}, `invalid value "soon" for flag -timeout: parse error`},
		{"negative timeout", []string{"-material", ".", "-timeout", "-1s"}, "-timeout -1s is negative"},
		{"negative lifetime", []string{"-material", ".", "-lifetime", "-1s"}, "-lifetime -1s is negative"},
		{"negative pause", []string{"-material", ".", "-every", "-1s"}, "-every -1s is negative"},
		{
			"connections that are none", []string{"-connections", "many"},
			`invalid value "many" for flag -connections: choose keep, new or resume`,
		},
		{
			"metrics of one exchange", []string{"-material", ".", "-metrics", "localhost:0", hello},
			"-count, -connections and -metrics are about messages that are sent again and again: give -every",
		},
		{"form that is none", []string{"-log", "xml"}, `invalid value "xml" for flag -log: choose text or json`},
		{
			"message that is no UTF-8", []string{"-material", ".", hello, "\xff"},
			"argument 2: not_utf8: a message that is not UTF-8",
		},
		{
			"message of two lines", []string{"-material", ".", "one\ntwo"},
			"argument 1: not_a_line: a message that holds a line end",
		},
		{
			"message that is too long", []string{"-material", ".", strings.Repeat("x", wire.MaxMessage+1)},
			"argument 1: message_too_long: a message of more than 65536 bytes",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := runClient(t, nil, c.args...)
			want := "client: " + c.want + " (see client -help)\n"
			if got.code != wire.ExitUsage || got.stdout != "" || got.stderr != want {
				t.Errorf("got %d %q %q\nwant %d, %q", got.code, got.stdout, got.stderr, wire.ExitUsage, want)
			}
		})
	}
}

// Bad material is told in one line that names the flag, the file and the fault.
func TestBadMaterial(t *testing.T) {
	p := newPair(t)
	good := p.client.Material(p.authority)
	for _, c := range []struct {
		name   string
		change func(t *testing.T, dir string)
		want   string // DIR stands for the directory
	}{
		{"no directory", func(t *testing.T, dir string) { try(t, os.RemoveAll(dir)) }, "DIR: directory missing"},
		{
			"file in its place",
			func(t *testing.T, dir string) { try(t, os.RemoveAll(dir), os.WriteFile(dir, nil, 0o600)) },
			"DIR: does not belong in a bundle: not a directory",
		},
		{
			"no trust",
			func(t *testing.T, dir string) { try(t, os.Remove(filepath.Join(dir, wire.FileTrust))) },
			"DIR/ca.crt: missing",
		},
		{
			"no certificate",
			func(t *testing.T, dir string) { try(t, os.Remove(filepath.Join(dir, wire.FileChain))) },
			"DIR/tls.crt: missing",
		},
		{
			"no key", func(t *testing.T, dir string) { try(t, os.Remove(filepath.Join(dir, wire.FileKey))) },
			"DIR/tls.key: missing",
		},
		{"empty trust", replace(wire.FileTrust, ""), "DIR/ca.crt: empty"},
		{
			"garbage for trust", replace(wire.FileTrust, "garbage"),
			`DIR/ca.crt: no PEM block of the kind expected ("CERTIFICATE")`,
		},
		{
			"garbage for the key",
			replace(wire.FileKey, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"),
			"DIR/tls.key: malformed: not a PKCS#8 private key",
		},
		{
			"certificate for the key", replace(wire.FileKey, string(good.Chain)),
			`DIR/tls.key: malformed: a PEM block "CERTIFICATE" where "PRIVATE KEY" is expected`,
		},
		{
			"somebody else's key", replace(wire.FileKey, string(p.server.Material(p.authority).Key)),
			"DIR/tls.key: the key does not belong to the certificate in tls.crt",
		},
		{
			"garbage for revocation lists", replace(wire.FileCRL, "garbage"),
			`DIR/crl.pem: no PEM block of the kind expected ("X509 CRL")`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "material")
			try(t, good.WriteDir(dir))
			c.change(t, dir)
			got := runClient(t, nil, "-log", "json", "-connect", closedPort(t), "-material", dir, hello)
			want := "client: -material: " + strings.ReplaceAll(c.want, "DIR", dir) + "\n"
			if got.code != wire.ExitFailed || got.stderr != want {
				t.Errorf("got %d, %q\nwant %d, %q", got.code, got.stderr, wire.ExitFailed, want)
			}
			if o := got.outcome(t); o.Kind != wire.Failed {
				t.Errorf("outcome is %+v, want failed", o)
			}
		})
	}
}

func TestBadTar(t *testing.T) {
	p := newPair(t)
	m := p.client.Material(p.authority)
	m.Trust = nil
	var archive bytes.Buffer
	try(t, m.WriteTar(&archive))
	for _, c := range []struct{ name, input, want string }{
		{"nothing", "", "ca.crt: missing from the tar on standard input"},
		{"cut short", archive.String()[:1000], "standard input: malformed: reading tar: unexpected EOF"},
		{"no trust", archive.String(), "ca.crt: missing from the tar on standard input"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := runClient(t, strings.NewReader(c.input), "-connect", closedPort(t), "-material", "-", hello)
			if want := "client: -material: " + c.want + "\n"; got.code != wire.ExitFailed || got.stderr != want {
				t.Errorf("got %d, %q\nwant %d, %q", got.code, got.stderr, wire.ExitFailed, want)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		env  map[string]string
		want string
	}{
		{
			"a variable stands in for a flag", nil, map[string]string{"MTLSLAB_CONNECT": "nowhere"},
			`-connect "nowhere": give host:port`,
		},
		{
			"a flag beats its variable", []string{"-connect", "here"},
			map[string]string{"MTLSLAB_CONNECT": "nowhere"}, `-connect "here": give host:port`,
		},
		{
			"a dash is an underscore", nil, map[string]string{"MTLSLAB_MIN_VERSION": "1.1"},
			`invalid value "1.1" for MTLSLAB_MIN_VERSION: TLS version "1.1": choose 1.2 or 1.3`,
		},
		{
			"an empty variable is unset", nil, map[string]string{"MTLSLAB_TIMEOUT": ""},
			"-material is required: a directory, or - for a tar on standard input",
		},
		{
			"a flag shields from a bad variable", []string{"-timeout", "1s"},
			map[string]string{"MTLSLAB_TIMEOUT": "soon"},
			"-material is required: a directory, or - for a tar on standard input",
		},
		{
			"version has no variable", nil, map[string]string{"MTLSLAB_VERSION": "1"},
			"-material is required: a directory, or - for a tar on standard input",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stderr bytes.Buffer
			getenv := func(name string) (string, bool) { value, ok := c.env[name]; return value, ok }
			code := run(t.Context(), nil, c.args, getenv, stdio{nil, &stderr, &stderr})
			if want := "client: " + c.want + " (see client -help)\n"; code != wire.ExitUsage || stderr.String() != want {
				t.Errorf("got %d, %q\nwant %d, %q", code, stderr.String(), wire.ExitUsage, want)
			}
		})
	}
}

// Every flag and every exit code is in the help text.
func TestHelp(t *testing.T) {
	got := runClient(t, nil, "-help")
	if got.code != 0 || got.stderr != "" {
		t.Errorf("exit code %d, standard error %q", got.code, got.stderr)
	}
	for _, want := range []string{"-connect", "-server-name", "-material", "-min-version", "-max-version",
		"-timeout", "-lifetime", "-log",
		"-version", "MTLSLAB_SERVER_NAME", "\n  0  ", "\n  1  ", "\n  2  ", "\n  3  ", "\n  4  ", "\n  5  ", "\n  6  "} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("%q is missing from\n%s", want, got.stdout)
		}
	}
}

func TestVersion(t *testing.T) {
	if got := runClient(t, nil, "-version"); got.code != 0 || !strings.HasPrefix(got.stdout, "client ") {
		t.Errorf("got %+v", got)
	}
}

func replace(file, text string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { try(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600)) }
}

func try(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}
