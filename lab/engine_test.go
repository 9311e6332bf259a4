package lab_test

import (
	"os"
	"testing"

	"github.com/mtlslab/mtlslab/lab/sandbox"
)

// requireEngine skips a test that needs containers where no engine answers,
// and fails it where MTLSLAB_REQUIRE_ENGINE says that one must.
func requireEngine(tb testing.TB) {
	tb.Helper()
	if testing.Short() {
		tb.Skip("needs an engine; not with -short")
	}
	if _, err := sandbox.Connect(tb.Context()); err != nil {
		if os.Getenv("MTLSLAB_REQUIRE_ENGINE") == "1" {
			tb.Fatalf("MTLSLAB_REQUIRE_ENGINE=1: %v", err)
		}
		tb.Skipf("no engine: %v", err)
	}
}
