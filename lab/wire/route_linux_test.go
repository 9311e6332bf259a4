package wire_test

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// runIsolated runs the test once more in a fresh network namespace, and skips
// it where the kernel lets nobody make one.
func runIsolated(t *testing.T) {
	t.Helper()
	again := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	again.Env = append(os.Environ(), isolated+"=1")
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET}
	output, err := again.CombinedOutput()
	if _, ran := errors.AsType[*exec.ExitError](err); ran {
		t.Errorf("%s", output)
	} else if err != nil {
		t.Skipf("no network namespace: %v", err)
	}
}

// The answer is the kernel's, where it has a table to read.
func TestRouteOut(t *testing.T) {
	table, err := os.ReadFile("/proc/net/route")
	if err != nil {
		t.Skip(err)
	}
	if hasDefault(string(table)) && !wire.RouteOut() {
		t.Error("no route out, though there is a default route")
	}
}

// hasDefault reads the kernel's table: the second column is the destination.
func hasDefault(table string) bool {
	for line := range strings.Lines(table) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[1] == "00000000" {
			return true
		}
	}
	return false
}
