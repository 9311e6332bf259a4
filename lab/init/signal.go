//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A program is told something by a signal no sooner than it has made ready for it, but for readiness, after
// which it never will: one that listens already may not have, and would be ended.
const (
	readiness = 5 * time.Second
	readyLook = 10 * time.Millisecond
)

func tell(p *os.Process, what syscall.Signal) {
	ticker := time.NewTicker(readyLook)
	defer ticker.Stop()
	for until := time.Now().Add(readiness); !heeds(p.Pid, what) && time.Now().Before(until); {
		<-ticker.C
	}
	_ = p.Signal(what) // it may have ended
}

// heeds says whether a process catches a signal, ignores it, or waits for it with the signal blocked
// (proc_pid_status(5)). Where nobody says so it is taken to.
func heeds(pid int, what syscall.Signal) bool {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return true
	}
	const base, bits = 16, 64
	for line := range strings.Lines(string(status)) {
		name, mask, _ := strings.Cut(line, ":")
		if name != "SigCgt" && name != "SigIgn" && name != "SigBlk" {
			continue
		}
		set, err := strconv.ParseUint(strings.TrimSpace(mask), base, bits)
		if err == nil && set>>(uint(what)-1)&1 == 1 {
			return true
		}
	}
	return false
}
