package lab_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/mtlslab/mtlslab/lab/sandbox"
)

// TestMain leaves an example out that needs an engine, where none answers: examples
// cannot skip.
func TestMain(m *testing.M) {
	flag.Parse()
	if _, err := sandbox.Connect(context.Background()); testing.Short() || err != nil && !engineRequired() {
		if err := flag.Set("test.skip", "^ExampleLab_Audit_image$"); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	os.Exit(m.Run()) //nolint:forbidigo // as every TestMain does
}

// engineRequired says whether a missing engine is a failure.
func engineRequired() bool { return os.Getenv("MTLSLAB_REQUIRE_ENGINE") == "1" }

// requireEngine skips a test that needs containers where no engine answers,
// and fails it where MTLSLAB_REQUIRE_ENGINE says that one must.
func requireEngine(tb testing.TB) {
	tb.Helper()
	if testing.Short() {
		tb.Skip("needs an engine; not with -short")
	}
	if _, err := sandbox.Connect(tb.Context()); err != nil {
		if engineRequired() {
			tb.Fatalf("MTLSLAB_REQUIRE_ENGINE=1: %v", err)
		}
		tb.Skipf("no engine: %v", err)
	}
}
