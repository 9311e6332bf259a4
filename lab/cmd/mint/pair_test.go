package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// now is the clock of every test.
var now = time.Date(2030, time.January, 2, 3, 4, 5, 0, time.UTC)

// files are what the two directories hold, by path below their parent.
type files map[string]string

// made runs the program over the two directories of dir, and returns what they
// hold then and what it printed.
func made(t *testing.T, dir string, at time.Time, more ...string) (files, string) {
	t.Helper()
	code, stdout, stderr := runMint(dir, at, more...)
	if code != exitMade {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	return holding(t, dir), stdout
}

func runMint(dir string, at time.Time, more ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	args := append([]string{"-server", filepath.Join(dir, "server"), "-client", filepath.Join(dir, "client")}, more...)
	code = run(args, at, &out, &err)
	return code, out.String(), err.String()
}

func holding(t *testing.T, dir string) files {
	t.Helper()
	held := files{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(os.DirFS(dir), path)
		held[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return held
}

func TestMintGivesEachRoleItsOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	held, said := made(t, dir, now)
	if want := "Minted material of server and client, good until 2030-01-03T03:04:05Z\n"; said != want {
		t.Errorf("prints %q, want %q", said, want)
	}
	if len(held) != 6 {
		t.Errorf("%d files, want 6", len(held))
	}
	if held["server/ca.crt"] != held["client/ca.crt"] {
		t.Error("they trust different authorities")
	}
	if held["server/tls.key"] == held["client/tls.key"] {
		t.Error("they have one key")
	}
	for path, text := range held {
		if strings.Contains(text, "PRIVATE KEY") != strings.HasSuffix(path, "tls.key") {
			t.Errorf("%s: has a key where there must be none, or none where there must be one", path)
		}
	}
	for role, want := range map[string]string{"server": "spiffe://lab/server", "client": "spiffe://lab/client"} {
		creds, err := wire.LoadCredentials(filepath.Join(dir, role), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := wire.IdentityOf(creds.Own.Leaf).String(); got != want {
			t.Errorf("%s is %s, want %s", role, got, want)
		}
	}
}

func TestMintKeepsOrReplaces(t *testing.T) {
	t.Parallel()
	const life = 24 * time.Hour
	tests := []struct {
		name  string
		spoil func(t *testing.T, dir string)
		later time.Duration
		more  []string
		keeps bool
	}{
		{name: "nothing has changed", keeps: true},
		{name: "half of its life is left", later: life / 2, keeps: true},
		{name: "less than half is left", later: life/2 + time.Second},
		{name: "expired", later: 2 * life},
		{name: "another name is asked for", more: []string{"-dns", "other"}},
		{name: "the server's key is gone", spoil: without("server/tls.key")},
		{name: "the client's key is gone", spoil: without("client/tls.key")},
		{name: "the client's directory is gone", spoil: without("client")},
		{name: "the trust is cut off", spoil: with("server/ca.crt", "-----BEGIN CERT")},
		{name: "the key is of another certificate", spoil: swap("server/tls.key", "client/tls.key")},
		{name: "the roles are swapped", spoil: swap("server", "client")},
		{name: "the client is of another authority", spoil: func(t *testing.T, dir string) {
			other := t.TempDir()
			made(t, other, now)
			without("client")(t, dir)
			rename(t, filepath.Join(other, "client"), filepath.Join(dir, "client"))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			before, _ := made(t, dir, now)
			if tt.spoil != nil {
				tt.spoil(t, dir)
			}
			after, said := made(t, dir, now.Add(tt.later), tt.more...)
			for path := range before {
				if kept := before[path] == after[path]; kept != tt.keeps {
					t.Errorf("%s: kept is %t, want %t", path, kept, tt.keeps)
				}
			}
			if kept := strings.HasPrefix(said, "Kept "); kept != tt.keeps {
				t.Errorf("prints %q", said)
			}
		})
	}
}

func without(path string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		if err := os.RemoveAll(filepath.Join(dir, path)); err != nil {
			t.Fatal(err)
		}
	}
}

func with(path, text string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func swap(one, other string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		one, other, spare := filepath.Join(dir, one), filepath.Join(dir, other), filepath.Join(dir, "spare")
		rename(t, one, spare)
		rename(t, other, one)
		rename(t, spare, other)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// A mint that is stopped half-way leaves no peer with a bundle of which a part
// is old, and the next one starts over.
func TestMintThatFailsHalfWay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	before, _ := made(t, dir, now)
	obstacle := filepath.Join(dir, "client", wire.FileChain)
	without("client/tls.crt")(t, dir)
	if err := os.MkdirAll(filepath.Join(obstacle, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := runMint(dir, now); code != exitFailed || strings.Count(stderr, "\n") != 1 {
		t.Errorf("exit code %d, %q; want %d and one line", code, stderr, exitFailed)
	}
	if _, err := os.Stat(filepath.Join(dir, "client", wire.FileKey)); err == nil {
		t.Error("the client has a key to use its old certificate with")
	}
	if err := os.RemoveAll(obstacle); err != nil {
		t.Fatal(err)
	}
	after, _ := made(t, dir, now)
	if after["server/ca.crt"] != after["client/ca.crt"] || after["server/ca.crt"] == before["server/ca.crt"] {
		t.Error("the next mint did not start over")
	}
}

// Who reads the key is put right whether or not the material is new.
func TestMintKeyMode(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, tt := range []struct {
		more []string
		want fs.FileMode
	}{{nil, 0o600}, {[]string{"-group-reads"}, 0o640}, {nil, 0o600}} {
		made(t, dir, now, tt.more...)
		for _, role := range []string{"server", "client"} {
			info, err := os.Stat(filepath.Join(dir, role, wire.FileKey))
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode() != tt.want {
				t.Errorf("with %q the %s's key is %v, want %v", tt.more, role, info.Mode(), tt.want)
			}
		}
	}
}

func TestMintRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"nothing", nil, "mint: -server and -client are required, a directory each (see mint -help)\n"},
		{
			"one directory",
			[]string{"-server", "a"},
			"mint: -server and -client are required, a directory each (see mint -help)\n",
		},
		{"the same directory", []string{"-server", "a", "-client", "./a/"},
			"mint: -server and -client must be two directories: neither may have the other's key (see mint -help)\n"},
		{
			"an argument",
			[]string{"-server", "a", "-client", "b", "c"},
			"mint: argument \"c\": mint takes flags only (see mint -help)\n",
		},
		{"no time at all", []string{"-server", "a", "-client", "b", "-validity", "1s"},
			"mint: -validity 1s: must be at least a minute (see mint -help)\n"},
		{"a name that is an address", []string{"-server", "a", "-client", "b", "-dns", "192.0.2.1"},
			"mint: issuing server leaf: Request.DNS: \"192.0.2.1\" is an IP address (see mint -help)\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			if code := run(tt.args, now, &stdout, &stderr); code != exitUsage {
				t.Errorf("exit code %d, want %d", code, exitUsage)
			}
			if stderr.String() != tt.want || stdout.Len() > 0 {
				t.Errorf("prints %q and %q, want %q", stdout.String(), stderr.String(), tt.want)
			}
		})
	}
}

func TestMintHelp(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	if code := run([]string{"-help"}, now, &stdout, &stderr); code != exitMade || stderr.Len() > 0 {
		t.Errorf("exit code %d, %q", code, stderr.String())
	}
	for _, flag := range []string{"-server directory", "-group-reads", "-validity time"} {
		if !strings.Contains(stdout.String(), flag) {
			t.Errorf("the help does not say %q:\n%s", flag, stdout.String())
		}
	}
}
