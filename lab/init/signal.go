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
// which it never will: one that listens already may not have, and would be ended, or would not hear it, as
// the first process of HAProxy, which ignores the signal until it has read all.
const (
	readiness = 5 * time.Second
	readyLook = 10 * time.Millisecond
)

func tell(p *os.Process, what syscall.Signal) {
	ticker := time.NewTicker(readyLook)
	defer ticker.Stop()
	blocked := 0 // looks in a row
	for until := time.Now().Add(readiness); time.Now().Before(until); {
		masks := masksOf(p.Pid, what)
		if masks == nil || masks["SigCgt"] {
			break
		}
		if blocked++; !masks["SigBlk"] {
			blocked = 0
		}
		if blocked == longBlocked {
			break
		}
		<-ticker.C
	}
	_ = p.Signal(what) // it may have ended
}

// longBlocked are more looks than a shell blocks signals for, as it does about each of its children: who
// does for longer waits for them so (sigwait(3)).
const longBlocked = 20

// masksOf are the masks of a process that have a signal in them (proc_pid_status(5)); nil where nobody
// says.
func masksOf(pid int, what syscall.Signal) map[string]bool {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return nil
	}
	const base, bits = 16, 64
	masks := make(map[string]bool)
	for line := range strings.Lines(string(status)) {
		name, mask, _ := strings.Cut(line, ":")
		set, err := strconv.ParseUint(strings.TrimSpace(mask), base, bits)
		if strings.HasPrefix(name, "Sig") && err == nil {
			masks[name] = set>>(uint(what)-1)&1 == 1
		}
	}
	return masks
}
