package wire_test

import (
	"os"
	"testing"

	"github.com/mtlslab/mtlslab/lab/wire"
)

func TestParseVersion(t *testing.T) {
	for _, c := range []struct {
		text string
		want uint16
	}{{"1.2", 0x303}, {"1.3", 0x304}, {"1.1", 0}, {"", 0}, {"TLS 1.3", 0}} {
		t.Run(c.text, func(t *testing.T) {
			if got, err := wire.ParseVersion(c.text); got != c.want || (err == nil) != (c.want != 0) {
				t.Errorf("got %#x, %v, want %#x", got, err, c.want)
			}
		})
	}
}

// isolated tells a copy of this test that it runs in a network of its own.
const isolated = "MTLSLAB_TEST_ISOLATED"

// Where there is no network but an unused loopback there is no route out.
func TestRouteOutOfNowhere(t *testing.T) {
	if os.Getenv(isolated) != "" {
		if wire.RouteOut() {
			t.Error("a route out of an empty network")
		}
		return
	}
	runIsolated(t)
}
