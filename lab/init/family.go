//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

// family are the processes that this one has started and waits for. Whatever these leave behind
// becomes its child as well, as it is the first process of a container: a program that puts itself
// into the background leaves one each time that it is run, and each counts until somebody waits
// for it.
type family struct {
	mu  sync.Mutex
	own map[int]*exec.Cmd
}

// start starts a program, so that it is known to be waited for.
func (f *family) start(cmd *exec.Cmd) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	f.own[cmd.Process.Pid] = cmd
	return nil
}

// wait waits for a program to end, and for what others have left that has ended, too.
func (f *family) wait(cmd *exec.Cmd) error {
	err := cmd.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.own[cmd.Process.Pid] == cmd { // its number may be another's by now
		delete(f.own, cmd.Process.Pid)
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // where there is no such thing, nothing is found
	for _, path := range stats {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil && f.own[pid] == nil && orphaned(path) {
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		}
	}
	return err
}

// orphaned says whether a process has ended, and is this one's to wait for (proc_pid_stat(5)).
func orphaned(path string) bool {
	fields := statOf(path)
	const state, parent = 0, 1
	return len(fields) > parent && fields[state] == "Z" && fields[parent] == strconv.Itoa(os.Getpid())
}
