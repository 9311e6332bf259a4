//go:build unix

package wire_test

import "syscall"

// makePipe makes what is neither a file nor a directory.
func makePipe(path string) error { return syscall.Mkfifo(path, 0o600) }
