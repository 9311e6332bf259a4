//go:build unix

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/command"
)

// breath is how long a program does nothing that has hung.
const breath = time.Second

// outlast ends a context once a program, the first of its group, has had its time. One that
// hangs does nothing by then. One that is slow, on a machine that is busy with others, has a
// processor or waits for one: it goes on until it rests, but for [command.Slack] times its limit
// at most.
func outlast(ctx context.Context, limit time.Duration, group int, end context.CancelFunc) {
	defer end()
	last, short := time.Now().Add(command.Slack*limit), min(breath, limit/2)
	timer := time.NewTimer(limit - short)
	defer timer.Stop()
	for before := -1; ; {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		spent, wants := work(group)
		if spent == before && !wants || !time.Now().Before(last) {
			return
		}
		before = spent
		timer.Reset(min(short, time.Until(last)))
	}
}

// work is how long the processes of a group have had a processor, in clock ticks, and whether one
// wants one now, or waits for a disk (proc_pid_stat(5)).
func work(group int) (spent int, wants bool) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // where there is no such thing, nothing is found
	for _, path := range stats {
		const state, parentGroup, user, system = 0, 2, 11, 12
		fields := statOf(path)
		if len(fields) <= system || fields[parentGroup] != strconv.Itoa(group) {
			continue
		}
		wants = wants || fields[state] == "R" || fields[state] == "D"
		for _, field := range []int{user, system} {
			n, _ := strconv.Atoi(fields[field]) // the kernel's own
			spent += n
		}
	}
	return spent, wants
}

// statOf is what the kernel says of a process, after its number and its name; nil if it has ended.
func statOf(path string) []string {
	stat, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	// The name is in parentheses, in which there may be any.
	return strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
}
