//go:build unix

package main

import (
	"bufio"
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mtlslab/mtlslab/lab/command"
)

// look says what lives in the container, but for this process.
func look(id string) command.Result {
	life := command.Life{Listening: make(map[int][]string), Processes: make(map[int]string)}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if err := readListening(table, life.Listening); err != nil && !os.IsNotExist(err) {
			return command.Result{ID: id, Fault: err.Error()}
		}
	}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return command.Result{ID: id, Fault: err.Error()}
	}
	for _, stat := range stats {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
		if began := startOf(stat); err == nil && pid != os.Getpid() && began != "" {
			life.Processes[pid] = began
		}
	}
	return command.Result{ID: id, Life: &life}
}

// readListening adds the sockets of a table that listen (proc_pid_net(5)), but for those that
// only this container itself can reach.
func readListening(table string, listening map[int][]string) error {
	file, err := os.Open(table)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // read-only
	const local, state, inode, least = 1, 3, 9, 10
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < least || fields[state] != "0A" { // TCP_LISTEN
			continue
		}
		address, port, _ := strings.Cut(fields[local], ":")
		if n, err := strconv.ParseInt(port, 16, 32); err == nil && !loopback(address) {
			listening[int(n)] = append(listening[int(n)], fields[inode])
		}
	}
	return nil
}

// loopback says whether an address of a table is one: hexadecimal digits, each four bytes of
// it as the machine reads a number.
func loopback(digits string) bool {
	var address []byte
	for word := range slices.Chunk([]byte(digits), 8) {
		n, err := strconv.ParseUint(string(word), 16, 32)
		if err != nil {
			return false
		}
		address = binary.NativeEndian.AppendUint32(address, uint32(n))
	}
	at, ok := netip.AddrFromSlice(address)
	return ok && at.Unmap().IsLoopback()
}

// startOf is when a process began; "" if it has ended.
func startOf(path string) string {
	fields := statOf(path)
	const state, start = 0, 19
	if len(fields) <= start || fields[state] == "Z" || fields[state] == "X" {
		return ""
	}
	return fields[start]
}
