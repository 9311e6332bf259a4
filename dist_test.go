package mtlslab_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// mostDist is how large the file for Linux may be, in bytes.
const mostDist = 45 << 20

// TestDist makes the one file for this platform twice, and uses it in an empty directory with
// nothing on the PATH.
func TestDist(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles everything twice, which takes a minute")
	}
	first, again := makeDist(t), makeDist(t)
	one := readBytes(t, first)
	if len(one) > mostDist {
		t.Errorf("it has %d bytes, more than %d", len(one), mostDist)
	}
	if !bytes.Equal(one, readBytes(t, again)) {
		t.Error("it is not the same twice")
	}
	dir := t.TempDir()
	for _, try := range []struct{ args, says string }{
		{"run --runtime processes", "PASS in"},
		{"audit server --runtime processes --case chain/self-signed", "PASS: all as demanded"},
		{"doctor", "carried by this command"},
		{"version", "neither Go nor source is needed"},
		{"adapter list", "nginx"},
		{"doctor --workshop", "of which 14 need nothing but this command"},
		{"learn start 02 --name ada", "workshop/02-mutual/lab.yaml"},
		{"learn check", "not yet"},
		{"learn start 11", "workshop/11-the-audit/lab.yaml"},
		{"learn check", "nobody vouches for it"},
		{"learn board workshop", "ada-"},
	} {
		cmd := exec.CommandContext(t.Context(), first, strings.Fields(try.args)...)
		cmd.Dir, cmd.Env = dir, []string{"PATH=" + t.TempDir(), "HOME=" + t.TempDir()}
		if out, err := cmd.CombinedOutput(); !strings.Contains(string(out), try.says) {
			t.Errorf("%s: %v, want %q in\n%s", try.args, err, try.says, out)
		}
	}
}

func makeDist(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	platform := runtime.GOOS + "/" + runtime.GOARCH
	cmd := exec.CommandContext(t.Context(), "go", "run", "./lab/cmd/dist", "--out", dir, "--platforms", platform)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	sums := strings.Fields(string(readBytes(t, filepath.Join(dir, "SHA256SUMS"))))
	if len(sums) != 2 {
		t.Fatalf("the checksums are %q", sums)
	}
	return filepath.Join(dir, sums[1])
}

func readBytes(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
