package wire

import (
	"archive/tar"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The files of a bundle, named as in a Kubernetes TLS secret.
const (
	FileTrust = "ca.crt"  // trusted roots, PEM
	FileChain = "tls.crt" // the leaf, then its intermediates, PEM
	FileKey   = "tls.key" // the leaf's private key, PKCS#8 PEM
	FileCRL   = "crl.pem" // optional: revocation lists, PEM

	// FileStaple is optional, and a server's: what its authority's OCSP responder says of its
	// certificate, which it shows along with that (RFC 6066, 8), DER.
	FileStaple = "ocsp.der"
)

// Stdin means a tar on standard input, in place of a directory.
const Stdin = "-"

// maxMaterialFile bounds one file of a bundle, in bytes.
const maxMaterialFile = 1 << 20

// Material is what one peer is given, as the PEM text of its files.
// Trust, Chain and Key are required of a peer; CRL and Staple may be empty.
type Material struct {
	Trust  []byte
	Chain  []byte
	Key    []byte
	CRL    []byte
	Staple []byte // DER
}

// MaterialError says what is wrong with a bundle, and in which of its files.
type MaterialError struct {
	File string // the file as the reader knows it: a path, or a name in the tar
	Err  error
}

func (e *MaterialError) Error() string { return e.File + ": " + e.Err.Error() }
func (e *MaterialError) Unwrap() error { return e.Err }

// Faults of material that callers and tests branch on, each wrapped in a
// *MaterialError.
var (
	ErrMissing     = errors.New("missing")
	ErrUnexpected  = errors.New("does not belong in a bundle")
	ErrMalformed   = errors.New("malformed")
	ErrEmpty       = errors.New("empty")
	ErrTooLarge    = errors.New("larger than 1 MiB")
	ErrNoPEM       = errors.New("no PEM block of the kind expected")
	ErrKeyMismatch = errors.New("the key does not belong to the certificate")
)

type materialFile struct {
	name     string
	data     *[]byte
	required bool
	mode     fs.FileMode
}

func (m *Material) files() []materialFile {
	return []materialFile{
		{FileTrust, &m.Trust, true, 0o644},
		{FileChain, &m.Chain, true, 0o644},
		{FileKey, &m.Key, true, 0o600},
		{FileCRL, &m.CRL, false, 0o644},
		{FileStaple, &m.Staple, false, 0o644},
	}
}

// LoadMaterial reads the bundle named by from: [Stdin], or a directory.
func LoadMaterial(from string, stdin io.Reader) (Material, error) {
	if from == Stdin {
		return ReadMaterialTar(stdin)
	}
	return ReadMaterialDir(from)
}

// ReadMaterialDir reads a bundle from the files of a directory.
func ReadMaterialDir(dir string) (Material, error) {
	var m Material
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return m, &MaterialError{File: dir, Err: fmt.Errorf("directory %w", ErrMissing)}
	case err != nil:
		return m, &MaterialError{File: dir, Err: withoutPath(err)}
	case !info.IsDir():
		return m, &MaterialError{File: dir, Err: fmt.Errorf("%w: not a directory", ErrUnexpected)}
	}
	for _, f := range m.files() {
		path := filepath.Join(dir, f.name)
		data, err := readFileBounded(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && !f.required:
			continue
		case errors.Is(err, fs.ErrNotExist):
			return Material{}, &MaterialError{File: path, Err: ErrMissing}
		case err != nil:
			return Material{}, &MaterialError{File: path, Err: withoutPath(err)}
		}
		*f.data = data
	}
	return m, m.check(func(name string) string { return filepath.Join(dir, name) })
}

// withoutPath drops what a *MaterialError says already.
func withoutPath(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}

// readFileBounded reads what is, or what a symbolic link leads to, a regular
// file (Kubernetes mounts a secret's files as links). Opening a named pipe
// would wait for a writer, and a directory's error would not name the fault.
func readFileBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: not a regular file", ErrUnexpected)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // read-only
	return readBounded(file)
}

func readBounded(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxMaterialFile+1))
	if err == nil && len(data) > maxMaterialFile {
		return nil, ErrTooLarge
	}
	return data, err
}

// ReadMaterialTar reads a bundle from a tar stream, and stops at the archive's
// end mark without waiting for the stream to close. A stream that ends without
// the mark was cut short: what is missing may be the revocation lists. Names
// other than those of the bundle are errors, a mistake worth hearing about;
// entries for directories are passed over.
func ReadMaterialTar(r io.Reader) (Material, error) {
	var m Material
	seen := make(map[string]bool)
	stream := &endNoter{r: r}
	archive := tar.NewReader(stream)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Material{}, tarError(err)
		}
		if header.Typeflag == tar.TypeDir {
			continue
		}
		if err := m.readTarFile(header, archive, seen); err != nil {
			return Material{}, err
		}
	}
	if stream.ended && len(seen) > 0 {
		return Material{}, tarError(io.ErrUnexpectedEOF)
	}
	for _, f := range m.files() {
		if f.required && !seen[f.name] {
			return Material{}, &MaterialError{File: f.name, Err: fmt.Errorf("%w from the tar on standard input", ErrMissing)}
		}
	}
	return m, m.check(func(name string) string { return name })
}

func (m *Material) readTarFile(header *tar.Header, archive io.Reader, seen map[string]bool) error {
	name := strings.TrimPrefix(header.Name, "./")
	i := slices.IndexFunc(m.files(), func(f materialFile) bool { return f.name == name })
	if i < 0 || header.Typeflag != tar.TypeReg {
		return &MaterialError{File: cmp.Or(Printable(header.Name), "a file with no name"), Err: ErrUnexpected}
	}
	if seen[name] {
		return &MaterialError{File: name, Err: fmt.Errorf("%w: twice in the tar", ErrUnexpected)}
	}
	seen[name] = true
	data, err := readBounded(archive)
	switch {
	case errors.Is(err, ErrTooLarge):
		return &MaterialError{File: name, Err: err}
	case err != nil:
		return tarError(err)
	}
	*m.files()[i].data = data
	return nil
}

func tarError(err error) error {
	return &MaterialError{File: "standard input", Err: fmt.Errorf("%w: reading tar: %w", ErrMalformed, err)}
}

// endNoter notes whether its reader came to an end.
type endNoter struct {
	r     io.Reader
	ended bool
}

func (e *endNoter) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if n == 0 && errors.Is(err, io.EOF) {
		e.ended = true
	}
	return n, err
}

func (m *Material) check(where func(string) string) error {
	for _, f := range m.files() {
		if f.required && len(*f.data) == 0 {
			return &MaterialError{File: where(f.name), Err: ErrEmpty}
		}
	}
	return nil
}

// WriteTar writes the bundle as a tar stream, the lab's way into a peer.
func (m Material) WriteTar(w io.Writer) error {
	archive := tar.NewWriter(w)
	for _, f := range m.files() {
		if len(*f.data) == 0 {
			continue
		}
		header := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: int64(f.mode), Size: int64(len(*f.data))}
		if err := archive.WriteHeader(header); err != nil {
			return fmt.Errorf("writing %s: %w", f.name, err)
		}
		if _, err := archive.Write(*f.data); err != nil {
			return fmt.Errorf("writing %s: %w", f.name, err)
		}
	}
	return archive.Close()
}

// WriteDir writes the bundle into a directory, made if need be, the key
// readable by its owner alone. Each file is replaced as a whole, so whoever
// watches the directory sees no half-written one, but may see the new
// certificate beside the old key. Revocation lists of an earlier bundle go.
func (m Material) WriteDir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // certificates are public; the key has its own mode
		return fmt.Errorf("making the material's directory: %w", err)
	}
	for _, f := range m.files() {
		if err := f.writeTo(dir); err != nil {
			return fmt.Errorf("writing material: %w", err)
		}
	}
	return nil
}

func (f materialFile) writeTo(dir string) error {
	path := filepath.Join(dir, f.name)
	if len(*f.data) == 0 {
		if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	temporary, err := os.CreateTemp(dir, "."+f.name+"-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = temporary.Write(*f.data)
	err = errors.Join(err, temporary.Chmod(f.mode), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}
