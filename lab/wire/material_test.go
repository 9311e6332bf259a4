package wire_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/mtlslab/mtlslab/lab/wire"
)

var small = wire.Material{Trust: []byte("trust"), Chain: []byte("chain"), Key: []byte("key"), CRL: []byte("crl")}

func writeTar(t testing.TB, m wire.Material) *bytes.Buffer {
	t.Helper()
	var archive bytes.Buffer
	if err := m.WriteTar(&archive); err != nil {
		t.Fatal(err)
	}
	return &archive
}

func TestMaterialRoundTrip(t *testing.T) {
	withoutCRL := small
	withoutCRL.CRL = nil
	for name, m := range map[string]wire.Material{"with revocation lists": small, "without": withoutCRL} {
		t.Run(name+", directory", func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "new")
			if err := small.WriteDir(dir); err != nil {
				t.Fatal(err)
			}
			if err := m.WriteDir(dir); err != nil { // over an earlier bundle
				t.Fatal(err)
			}
			got, err := wire.LoadMaterial(dir, nil)
			if err != nil || !reflect.DeepEqual(got, m) {
				t.Errorf("got %+v, %v, want %+v", got, err, m)
			}
		})
		t.Run(name+", tar", func(t *testing.T) {
			got, err := wire.LoadMaterial(wire.Stdin, writeTar(t, m))
			if err != nil || !reflect.DeepEqual(got, m) {
				t.Errorf("got %+v, %v, want %+v", got, err, m)
			}
		})
		t.Run(name+", tar byte by byte, its end with the last", func(t *testing.T) {
			got, err := wire.ReadMaterialTar(iotest.DataErrReader(iotest.OneByteReader(writeTar(t, m))))
			if err != nil || !reflect.DeepEqual(got, m) {
				t.Errorf("got %+v, %v, want %+v", got, err, m)
			}
		})
	}
}

// A key is its owner's alone, even where there was a file that was not.
func TestWriteDirMode(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, wire.FileKey), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := small.WriteDir(dir); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, wire.FileKey))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 4 {
		t.Errorf("%d files, %v, want the bundle's 4", len(entries), err)
	}
}

// fault is what a *MaterialError must say.
type fault struct {
	file string // "" for none
	err  error  // nil for any
}

func (f fault) check(t *testing.T, err error) {
	t.Helper()
	got, ok := errors.AsType[*wire.MaterialError](err)
	if !ok {
		t.Fatalf("error is %#v, want a *MaterialError", err)
	}
	if got.File != f.file || f.err != nil && !errors.Is(err, f.err) {
		t.Errorf("error is %q, of file %q, want %q of %q", err, got.File, f.err, f.file)
	}
	if strings.ContainsAny(err.Error(), "\n\x1b") {
		t.Errorf("error is not one printable line: %q", err)
	}
}

func TestReadMaterialDirFaults(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(dir string) error
		want   fault // file is under the directory
	}{
		{"no directory", os.RemoveAll, fault{"", wire.ErrMissing}},
		{"a file in its place", func(dir string) error {
			return errors.Join(os.RemoveAll(dir), os.WriteFile(dir, nil, 0o600))
		}, fault{"", wire.ErrUnexpected}},
		{"a name that is none", func(dir string) error {
			return errors.Join(os.RemoveAll(dir), os.Symlink(dir, dir))
		}, fault{"", syscall.ELOOP}},
		{"no trust", remove(wire.FileTrust), fault{wire.FileTrust, wire.ErrMissing}},
		{"no chain", remove(wire.FileChain), fault{wire.FileChain, wire.ErrMissing}},
		{"no key", remove(wire.FileKey), fault{wire.FileKey, wire.ErrMissing}},
		{"link to nowhere", func(dir string) error {
			return errors.Join(remove(wire.FileKey)(dir), os.Symlink("nowhere", filepath.Join(dir, wire.FileKey)))
		}, fault{wire.FileKey, wire.ErrMissing}},
		{"empty trust", write(wire.FileTrust, 0), fault{wire.FileTrust, wire.ErrEmpty}},
		{"too large a chain", write(wire.FileChain, 1<<20+1), fault{wire.FileChain, wire.ErrTooLarge}},
		{"directory for a key", func(dir string) error {
			return errors.Join(remove(wire.FileKey)(dir), os.Mkdir(filepath.Join(dir, wire.FileKey), 0o700))
		}, fault{wire.FileKey, wire.ErrUnexpected}},
		{"pipe for a key", func(dir string) error {
			return errors.Join(remove(wire.FileKey)(dir), makePipe(filepath.Join(dir, wire.FileKey)))
		}, fault{wire.FileKey, wire.ErrUnexpected}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "material")
			if err := errors.Join(small.WriteDir(dir), c.damage(dir)); err != nil {
				t.Fatal(err)
			}
			m, err := wire.ReadMaterialDir(dir)
			fault{filepath.Join(dir, c.want.file), c.want.err}.check(t, err)
			if len(m.Key) > 0 && !errors.Is(err, wire.ErrEmpty) {
				t.Error("a key came with the error")
			}
		})
	}
}

func remove(file string) func(string) error {
	return func(dir string) error { return os.Remove(filepath.Join(dir, file)) }
}

func write(file string, size int) func(string) error {
	return func(dir string) error { return os.WriteFile(filepath.Join(dir, file), make([]byte, size), 0o600) }
}

// Kubernetes mounts a secret's files as links into a directory that it swaps.
func TestReadMaterialDirFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	if err := small.WriteDir(filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{wire.FileTrust, wire.FileChain, wire.FileKey, wire.FileCRL} {
		if err := os.Symlink(filepath.Join("..data", file), filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := wire.ReadMaterialDir(dir); err != nil || !reflect.DeepEqual(got, small) {
		t.Errorf("got %+v, %v, want %+v", got, err, small)
	}
}

// entry is one member of a tar made by hand.
type entry struct {
	name string
	kind byte
	size int64
}

func handmadeTar(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, e := range entries {
		if err := w.WriteHeader(&tar.Header{Typeflag: e.kind, Name: e.name, Size: e.size, Linkname: "target"}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(w, strings.NewReader(strings.Repeat("x", int(e.size))), e.size); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}

func TestReadMaterialTarFaults(t *testing.T) {
	trust, chain, key := entry{
		wire.FileTrust,
		tar.TypeReg,
		1,
	}, entry{
		wire.FileChain,
		tar.TypeReg,
		1,
	}, entry{
		wire.FileKey,
		tar.TypeReg,
		1,
	}
	whole := handmadeTar(t, trust, chain, key)
	for _, c := range []struct {
		name  string
		input []byte
		want  fault
	}{
		{"nothing", nil, fault{wire.FileTrust, wire.ErrMissing}},
		{"no tar", bytes.Repeat([]byte("no tar "), 100), fault{"standard input", tar.ErrHeader}},
		{"no trust", handmadeTar(t, chain, key), fault{wire.FileTrust, wire.ErrMissing}},
		{"no chain", handmadeTar(t, trust, key), fault{wire.FileChain, wire.ErrMissing}},
		{"no key", handmadeTar(t, trust, chain), fault{wire.FileKey, wire.ErrMissing}},
		{"empty key", handmadeTar(t, trust, chain, entry{wire.FileKey, tar.TypeReg, 0}), fault{wire.FileKey, wire.ErrEmpty}},
		{
			"too large a chain", handmadeTar(t, trust, entry{wire.FileChain, tar.TypeReg, 1<<20 + 1}, key),
			fault{wire.FileChain, wire.ErrTooLarge},
		},
		{"a file twice", handmadeTar(t, trust, chain, key, key), fault{wire.FileKey, wire.ErrUnexpected}},
		{
			"a file twice, once by another name",
			handmadeTar(t, trust, chain, key, entry{"./" + wire.FileKey, tar.TypeReg, 1}),
			fault{wire.FileKey, wire.ErrUnexpected},
		},
		{
			"another file", handmadeTar(t, trust, chain, key, entry{"ca.crl", tar.TypeReg, 1}),
			fault{"ca.crl", wire.ErrUnexpected},
		},
		{
			"a file elsewhere",
			handmadeTar(t, trust, chain, key, entry{"../" + wire.FileCRL, tar.TypeReg, 1}),
			fault{"../" + wire.FileCRL, wire.ErrUnexpected},
		},
		{"no name", handmadeTar(t, entry{"", tar.TypeReg, 1}), fault{"a file with no name", wire.ErrUnexpected}},
		{
			"a name for a terminal", handmadeTar(t, entry{"a\x1b[2J\n", tar.TypeReg, 1}),
			fault{`a\x1b[2J\n`, wire.ErrUnexpected},
		},
		{
			"a link", handmadeTar(t, trust, chain, entry{wire.FileKey, tar.TypeSymlink, 0}),
			fault{wire.FileKey, wire.ErrUnexpected},
		},
		{"cut within a file", whole[:len(whole)-1024-100], fault{"standard input", io.ErrUnexpectedEOF}},
		{"cut before the end mark", whole[:len(whole)-1024], fault{"standard input", io.ErrUnexpectedEOF}},
		{"cut within the end mark", whole[:len(whole)-512], fault{"standard input", io.ErrUnexpectedEOF}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := wire.ReadMaterialTar(bytes.NewReader(c.input))
			c.want.check(t, err)
		})
	}
	t.Run("the reader's own error", func(t *testing.T) {
		_, err := wire.ReadMaterialTar(iotest.ErrReader(fs.ErrPermission))
		fault{"standard input", fs.ErrPermission}.check(t, err)
	})
}

func TestReadMaterialTarPassesOverDirectories(t *testing.T) {
	archive := handmadeTar(t, entry{"./", tar.TypeDir, 0}, entry{"./" + wire.FileTrust, tar.TypeReg, 1},
		entry{"./" + wire.FileChain, tar.TypeReg, 1}, entry{"./" + wire.FileKey, tar.TypeReg, 1})
	if _, err := wire.ReadMaterialTar(bytes.NewReader(archive)); err != nil {
		t.Error(err)
	}
}

// The end mark is enough: whoever sent the tar may keep the stream open.
func TestReadMaterialTarStopsAtTheEndMark(t *testing.T) {
	archive := writeTar(t, small)
	unread := errors.New("read on")
	if _, err := wire.ReadMaterialTar(io.MultiReader(archive, iotest.ErrReader(unread))); err != nil {
		t.Error(err)
	}
}
