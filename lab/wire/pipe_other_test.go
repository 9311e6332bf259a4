//go:build !unix

package wire_test

import "os"

// makePipe makes a directory: this system has no pipes among its files.
func makePipe(path string) error { return os.Mkdir(path, 0o700) }
