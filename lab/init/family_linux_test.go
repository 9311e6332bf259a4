package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// asFirst makes the test binary the first process of a family, as init is of a container: whatever
// its programs leave behind becomes its child.
const asFirst = "TEST_AS_FIRST"

// TestMain is that process, where it is asked for.
func TestMain(m *testing.M) {
	code := 0
	if os.Getenv(asFirst) == "" {
		code = m.Run()
	} else if err := beFirst(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code) //nolint:forbidigo // of the test's own process
}

func beFirst() error {
	const subreaper = 36 // PR_SET_CHILD_SUBREAPER, prctl(2)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, subreaper, 1, 0); errno != 0 {
		return errno
	}
	f := family{own: make(map[int]*exec.Cmd)}
	for range 20 {
		cmd := exec.Command("sh", "-c", "(true &); exit 3") // it leaves a program behind that ends at once
		if err := f.start(cmd); err != nil {
			return err
		}
		if err := f.wait(cmd); cmd.ProcessState.ExitCode() != 3 {
			return fmt.Errorf("a program's end was lost: %w", err)
		}
	}
	left := 0
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		if orphaned(path) {
			left++
		}
	}
	const late = 2 // may have ended since the last was waited for
	if left > late || len(f.own) > 0 {
		return fmt.Errorf("%d are left behind, and %d not waited for", left, len(f.own))
	}
	return nil
}

// What a program leaves behind and has ended is waited for, and no program's end is lost to that.
func TestOrphans(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asFirst+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, strings.TrimSpace(string(out)))
	}
}
