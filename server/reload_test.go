package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// reload waits until change has had its effect.
func (i *instance) reload(t *testing.T, want wire.Kind, change func()) wire.Outcome {
	t.Helper()
	seen := len(i.out.lines())
	change()
	return parse(i.out.awaitAfter(t, seen, string(want), isKind(want)))
}

// ways are how new material comes into a directory.
var ways = []struct {
	name string
	make func(t *testing.T, m wire.Material) (dir string)
	swap func(t *testing.T, server *instance, dir string, m wire.Material)
}{
	{"watched", func(t *testing.T, m wire.Material) string { return materialDir(t, m) },
		func(t *testing.T, _ *instance, dir string, m wire.Material) { try(t, m.WriteDir(dir)) }},
	{"SIGHUP", linkedDir,
		func(t *testing.T, server *instance, dir string, m wire.Material) {
			relink(t, dir, materialDir(t, m)) // no event: the directory that is watched is the same as ever
			server.hangup()
		}},
	{"Kubernetes", kubernetesDir, func(t *testing.T, _ *instance, dir string, m wire.Material) {
		old, err := os.Readlink(filepath.Join(dir, "..data"))
		try(t, err, m.WriteDir(filepath.Join(dir, old+"x")))
		relink(t, filepath.Join(dir, "..data"), old+"x")
		try(t, os.RemoveAll(filepath.Join(dir, old)))
	}},
	{"another directory in its place", func(t *testing.T, m wire.Material) string { return materialDir(t, m) },
		func(t *testing.T, _ *instance, dir string, m wire.Material) {
			fresh := materialDir(t, m)
			try(t, os.Rename(dir, filepath.Join(t.TempDir(), "old")), os.Rename(fresh, dir))
		}},
}

func linkedDir(t *testing.T, m wire.Material) string {
	link := filepath.Join(t.TempDir(), "material")
	try(t, os.Symlink(materialDir(t, m), link))
	return link
}

// kubernetesDir is laid out as the kubelet lays out a mounted secret: files are
// links through ..data, which is replaced.
func kubernetesDir(t *testing.T, m wire.Material) string {
	dir := t.TempDir()
	try(t, m.WriteDir(filepath.Join(dir, "..2025_01")), os.Symlink("..2025_01", filepath.Join(dir, "..data")))
	for _, file := range []string{wire.FileTrust, wire.FileChain, wire.FileKey} {
		try(t, os.Symlink(filepath.Join("..data", file), filepath.Join(dir, file)))
	}
	return dir
}

// relink replaces a link at once, as the kubelet does.
func relink(t *testing.T, link, target string) {
	t.Helper()
	try(t, os.Symlink(target, link+".new"), os.Rename(link+".new", link))
}

// A removed authority is refused at once, on new connections, on resumed ones and on those that
// are open; a new one is accepted.
func TestReload(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			p, next := newPair(t), newPair(t)
			dir := way.make(t, p.server.Material(p.authority))
			server := start(t, dir)
			config := p.config(t)
			config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			established := dial(t, server.address, config)
			established.send(t, "one\n")
			established.receipt(t, "one", p.client)

			reloaded := server.reload(
				t,
				wire.Reloaded,
				func() { way.swap(t, server, dir, next.server.Material(next.authority)) },
			)
			if own := wire.IdentityOf(next.server.Certificate); reloaded.Own == nil || reloaded.Own.Serial != own.Serial {
				t.Errorf("reloaded %+v, want %+v", reloaded.Own, own)
			}
			next.deliver(t, server.address, next.config(t))
			established.send(t, "two\n")
			if o := server.outcome(t, established, wire.Refused, wire.Failed); o.Reason != wire.UnknownAuthority {
				t.Errorf("of an open connection it says %s (%s): %s", o.Kind, o.Reason, o.Detail)
			}
			if said := server.said(established); !slices.Equal(said, []wire.Kind{wire.Received, wire.Refused}) {
				t.Errorf("of an open connection it says %q", said)
			}
			stale := p.client.Material(next.authority) // trusts the new server, and is of the old authority
			fresh := wire.ClientConfig(credentials(t, stale), wire.Policy{ServerName: serverName})
			conn, _ := refusal(t, server.address, fresh)
			checkRefused(t, server, conn, wire.UnknownAuthority)

			// And once more: the first change may have been found by looking
			// at what is there when the watch begins, which is done once.
			server.reload(t, wire.Reloaded, func() { way.swap(t, server, dir, p.server.Material(p.authority)) })
			p.deliver(t, server.address, p.config(t))
		})
	}
}

// Nobody resumes a session of an authority that is no longer trusted.
func TestRemovedAuthorityDoesNotResume(t *testing.T) {
	t.Parallel()
	for _, version := range versions {
		t.Run(version.name, func(t *testing.T) {
			t.Parallel()
			p, next := newPair(t), newPair(t)
			dir := materialDir(t, p.server.Material(p.authority, next.authority))
			server := start(t, dir)
			config := p.config(t)
			config.MaxVersion, config.ClientSessionCache = version.id, tls.NewLRUClientSessionCache(1)
			p.deliver(t, server.address, config)
			if !p.deliver(t, server.address, config).TLS.Resumed {
				t.Fatal("no session to resume")
			}
			server.reload(t, wire.Reloaded, func() { try(t, p.server.Material(next.authority).WriteDir(dir)) })
			conn, _ := refusal(t, server.address, config)
			checkRefused(t, server, conn, wire.UnknownAuthority)
		})
	}
}

// A client that began its handshake under trust that is withdrawn before it
// shows its certificate is too late.
func TestReloadDuringHandshake(t *testing.T) {
	t.Parallel()
	for _, version := range versions {
		t.Run(version.name, func(t *testing.T) {
			t.Parallel()
			p, next := newPair(t), newPair(t)
			dir := materialDir(t, p.server.Material(p.authority, next.authority))
			server := start(t, dir)
			config := p.config(t)
			config.MaxVersion = version.id
			show := config.GetClientCertificate
			config.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
				server.reload(t, wire.Reloaded, func() { try(t, p.server.Material(next.authority).WriteDir(dir)) })
				return show(info)
			}
			conn, _ := refusal(t, server.address, config)
			checkRefused(t, server, conn, wire.UnknownAuthority)
		})
	}
}

// What cannot be loaded is told, and changes nothing.
func TestBrokenReload(t *testing.T) {
	t.Parallel()
	p, other := newPair(t), newPair(t)
	dir := p.dir(t)
	good := p.server.Material(p.authority)
	server := start(t, dir)
	for _, c := range []struct {
		name   string
		damage func(t *testing.T)
		file   string
	}{
		{"garbage for trust", func(t *testing.T) { replace(wire.FileTrust, "garbage")(t, dir) }, "ca.crt"},
		{"no trust", func(t *testing.T) { try(t, os.Remove(filepath.Join(dir, wire.FileTrust))) }, "ca.crt"},
		{
			"somebody else's key",
			func(t *testing.T) { replace(wire.FileKey, string(other.server.Material().Key))(t, dir) },
			"tls.key",
		},
		{"no directory", func(t *testing.T) { try(t, os.RemoveAll(dir)) }, ""},
	} {
		o := server.reload(t, wire.ReloadFailed, func() { c.damage(t) })
		if file := filepath.Join(dir, c.file); !strings.HasPrefix(o.Detail, file+": ") {
			t.Errorf("%s: detail is %q, want %s", c.name, o.Detail, file)
		}
		p.deliver(t, server.address, p.config(t))
		conn, _ := refusal(t, server.address, p.clientConfig(t, other.client))
		checkRefused(t, server, conn, wire.UnknownAuthority)
		try(t, good.WriteDir(dir))
		server.reload(t, wire.Reloaded, server.hangup)
	}
	// The directory is another one by now, and must be watched all the same.
	next := newPair(t)
	server.reload(t, wire.Reloaded, func() { try(t, next.server.Material(next.authority).WriteDir(dir)) })
}

// A further tar on standard input is a reload, however the first was padded; a
// signal is none; and one that is bad leaves the old material in use.
func TestReloadByStandardInput(t *testing.T) {
	t.Parallel()
	p, next := newPair(t), newPair(t)
	reader, writer := io.Pipe()
	defer writer.Close() //nolint:errcheck // never fails
	i := newInstance()
	hangup := make(chan os.Signal, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		i.code <- run(ctx, hangup, serverArgs("-", nil), noEnvironment, stdio{reader, i.out, i.err})
	}()
	i.stop = stop
	try(t, p.server.Material(p.authority).WriteTar(writer))
	i.begin(t)
	hangup <- os.Interrupt
	i.out.await(t, "a warning", isKind(wire.Warning))
	p.deliver(t, i.address, p.config(t))

	i.reload(t, wire.Reloaded, func() {
		_, err := writer.Write(make([]byte, 4096)) // as GNU tar pads
		try(t, err, next.server.Material(next.authority).WriteTar(writer))
	})
	next.deliver(t, i.address, next.config(t))
	conn, _ := refusal(t, i.address, wire.ClientConfig(
		credentials(t, p.client.Material(next.authority)), wire.Policy{ServerName: serverName}))
	checkRefused(t, i, conn, wire.UnknownAuthority)

	i.reload(t, wire.ReloadFailed, func() {
		_, err := writer.Write(
			[]byte("this is no tar, and long enough for nobody to take it for one" + strings.Repeat(".", 512)),
		)
		try(t, err)
	})
	next.deliver(t, i.address, next.config(t))
}

// A tar that never comes, or never ends, does not keep the server from
// stopping.
func TestStoppedBeforeMaterial(t *testing.T) {
	t.Parallel()
	var half bytes.Buffer
	try(t, tar.NewWriter(&half).WriteHeader(&tar.Header{Name: wire.FileTrust, Typeflag: tar.TypeReg, Size: 100}))
	reader, writer, err := os.Pipe()
	try(t, err)
	defer writer.Close() //nolint:errcheck // never fails
	defer reader.Close() //nolint:errcheck // ends the load
	_, err = writer.Write(half.Bytes())
	try(t, err)
	out := newTranscript()
	code := run(t.Context(), nil, serverArgs("-", []string{"-lifetime", "50ms"}), noEnvironment, stdio{reader, out, out})
	if code != exitStopped || out.String() != "" {
		t.Errorf("got %d, %q; want 0 and silence", code, out)
	}
}

func replace(file, text string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { try(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600)) }
}

// A connection outlives neither the certificate of its client nor its being revoked.
func TestOpenConnection(t *testing.T) {
	t.Parallel()
	for _, version := range versions {
		t.Run(version.name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			m := p.server.Material(p.authority)
			var err error
			m.CRL, err = p.authority.CRLs()
			try(t, err)
			dir := materialDir(t, m)
			server := start(t, dir)
			open := func(r pki.Request) (*client, *pki.Identity) {
				of := p
				of.client = p.issue(t, r)
				config := of.config(t)
				config.MaxVersion = version.id
				conn := dial(t, server.address, config)
				conn.send(t, "one\n")
				conn.receipt(t, "one", of.client)
				return conn, of.client
			}
			refused := func(conn *client, want wire.Reason) {
				t.Helper()
				conn.send(t, "two\n")
				if o := server.outcome(t, conn, wire.Refused, wire.Failed); o.Reason != want {
					t.Errorf("it says %s (%s), want %s: %s", o.Kind, o.Reason, want, o.Detail)
				}
			}
			ends := time.Now().Add(2 * time.Second).Truncate(time.Second)
			expires, _ := open(pki.Request{Role: wire.Client, Name: "client", NotAfter: ends})
			revoked, leaf := open(pki.Request{Role: wire.Client, Name: "client"})
			sibling, other := open(pki.Request{Role: wire.Client, Name: "client"})

			m.CRL, err = p.authority.CRLs(leaf.Certificate)
			try(t, err)
			server.reload(t, wire.Reloaded, func() { try(t, m.WriteDir(dir)) })
			refused(revoked, wire.Revoked)
			sibling.send(t, "two\n")
			sibling.receipt(t, "two", other)
			<-time.After(time.Until(ends.Add(time.Second))) // it is inclusive (RFC 5280, 4.1.2.5)
			refused(expires, wire.Expired)
		})
	}
}
