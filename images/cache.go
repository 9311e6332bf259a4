package images

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// unused is how long a binary that nobody asked for stays in the cache.
const unused = 7 * 24 * time.Hour

// A cache keeps binaries in a directory, each in a directory named after its content. Files only ever appear in it by a
// rename, complete, so that it needs no lock. Beside them it remembers what each build gave last.
type cache struct{ dir string }

// openCache opens the user's cache.
func openCache() (cache, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return cache{}, fmt.Errorf("finding the user's cache directory: %w", err)
	}
	c := cache{dir: filepath.Join(dir, "mtlslab", "binaries")}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return cache{}, fmt.Errorf("making the cache of binaries: %w", err)
	}
	return c, nil
}

// seed puts what the build of key gave last at to, for `go build` to find it up to date.
// Without a seed, or with a stale one, the only loss is time, so there is no error. It is
// a hard link: `go build` puts a new file in its place and never writes through it.
func (c cache) seed(key, name, to string) {
	sum, err := os.ReadFile(c.last(key))
	if err != nil {
		return
	}
	from := c.binary(string(sum), name)
	if got, err := fileSum(from); err != nil || got != string(sum) {
		return
	}
	_ = os.Link(from, to)
}

// publish moves the binary at from to its place, remembers it as the last of key, and returns where it is.
func (c cache) publish(key, name, from string) (string, error) {
	last, _ := os.ReadFile(c.last(key))
	if binary := c.binary(string(last), name); sameFile(from, binary) { // the seed, which go build has left as it was
		return binary, errors.Join(touch(filepath.Dir(binary)), touch(c.last(key)))
	}
	sum, err := fileSum(from)
	if err != nil {
		return "", err
	}
	binary := c.binary(sum, name)
	if err := os.MkdirAll(filepath.Dir(binary), 0o700); err != nil {
		return "", err
	}
	if there, err := fileSum(binary); err != nil || there != sum {
		if err := os.Rename(from, binary); err != nil {
			return "", err
		}
	}
	if err := c.remember(key, sum); err != nil {
		return "", err
	}
	c.sweep(time.Now().Add(-unused))
	return binary, touch(filepath.Dir(binary))
}

func (c cache) remember(key, sum string) error {
	file, err := os.CreateTemp(c.dir, "build-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.WriteString(sum)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), c.last(key))
}

// sweep removes what has not been used since a time, and what builds that were killed have left. What a build gave last
// is used whenever the build is.
func (c cache) sweep(since time.Time) {
	entries, _ := os.ReadDir(c.dir)
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && info.ModTime().Before(since) {
			_ = os.RemoveAll(filepath.Join(c.dir, entry.Name()))
		}
	}
}

func (c cache) binary(sum, name string) string { return filepath.Join(c.dir, sum, name) }
func (c cache) last(key string) string         { return filepath.Join(c.dir, "last-"+key) }

func sameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// touch says that something has been used just now.
func touch(path string) error {
	now := time.Now()
	return os.Chtimes(path, now, now)
}

func shortSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

func fileSum(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)[:16]), nil
}
