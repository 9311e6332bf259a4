//go:build !linux

package wire_test

import "testing"

func runIsolated(t *testing.T) { t.Skip("no network namespaces") }
