package sandbox

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/testcontainers/testcontainers-go"
)

// Everything that a sandbox makes in an engine carries these labels, and is found
// again by them alone.
const (
	labelRun     = "mtlslab.run"     // one sandbox
	labelOwner   = "mtlslab.owner"   // who started it, user@host
	labelProcess = "mtlslab.process" // the process that did, as [process] has it
	labelExpires = "mtlslab.expires" // RFC 3339; whoever comes later may remove it
)

// ownedBy is the engine's filter for what a person's labs have made.
func ownedBy(owner string) string { return labelOwner + "=" + owner }

// labels are those of one sandbox, with those by which the reaper of
// testcontainers-go knows what is its own. Asking for those reads that library's
// configuration, once and for all, so it must not come before [Connect].
func labels(run string, expires time.Time) map[string]string {
	all := testcontainers.GenericLabels()
	all[labelRun] = run
	all[labelOwner] = ownerOfLabs()
	all[labelExpires] = expires.UTC().Format(time.RFC3339)
	if self, ok := thisProcess(); ok {
		all[labelProcess] = self.String()
	}
	return all
}

// ownerOfLabs is whose labs these are. MTLSLAB_OWNER sets it, for those who share an
// account and must not clean up after each other.
func ownerOfLabs() string {
	if set := os.Getenv("MTLSLAB_OWNER"); set != "" {
		return set
	}
	name, host := "unknown", "unknown"
	if current, err := user.Current(); err == nil {
		name = current.Username
	}
	if hostname, err := os.Hostname(); err == nil {
		host = hostname
	}
	return name + "@" + host
}

// process tells one process from every other, also from one that is given its number
// later. Its text is "HOST PID START".
type process struct {
	host  string // where its number means anything: a boot of a machine, and a namespace of numbers
	pid   int
	start string // when it began, in clock ticks since the boot (proc_pid_stat(5), field 22)
}

func (p process) String() string { return fmt.Sprintf("%s %d %s", p.host, p.pid, p.start) }

func parseProcess(text string) (process, bool) {
	fields := strings.Fields(text)
	if len(fields) != 3 {
		return process{}, false
	}
	pid, err := strconv.Atoi(fields[1])
	return process{fields[0], pid, fields[2]}, err == nil && pid > 0
}

// lookup says what there is of processes.
type lookup struct {
	host  string               // of whoever asks; "" where processes cannot be told apart
	start func(pid int) string // of a process of that host; "" if there is none
}

// hereAndNow looks at the processes of this machine.
func hereAndNow() lookup { return lookup{thisHost(), startOf} }

// thisProcess is the caller's own, if this system tells.
func thisProcess() (process, bool) {
	self := process{host: thisHost(), pid: os.Getpid()}
	self.start = startOf(self.pid)
	return self, self.host != "" && self.start != ""
}

// thisHost names this boot of this machine and the namespace of process numbers that
// the caller sees; "" on a system without /proc.
func thisHost() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	namespace, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(boot)) + "/" + namespace
}

// startOf is when the process of that number began; "" if there is none, or one that
// has ended and that nobody has asked about yet.
func startOf(pid int) string {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	// The second field is the program's name in parentheses, in which there may be any.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const state, start = 0, 19 // of what follows
	if len(fields) <= start || fields[state] == "Z" || fields[state] == "X" {
		return ""
	}
	return fields[start]
}

// young is how long the things of a run that nobody can ask about are left alone
// though none of its containers runs: it may just be starting.
const young = time.Minute

// dead says whether nobody needs the things of a run any more. On the caller's own host
// its process is asked for. Of a run from elsewhere, or one that does not say, it is
// dead that has expired, or that is a minute old and of which no container runs.
func dead(things []thing, now time.Time, look lookup) bool {
	var newest time.Time
	runs, expired := false, false
	for _, t := range things {
		if p, ok := parseProcess(t.labels[labelProcess]); ok && look.host != "" && p.host == look.host {
			return look.start(p.pid) != p.start
		}
		if t.created.After(newest) {
			newest = t.created
		}
		expires, err := time.Parse(time.RFC3339, t.labels[labelExpires])
		expired = expired || err == nil && now.After(expires)
		runs = runs || t.running
	}
	return expired || !runs && !newest.IsZero() && now.Sub(newest) > young
}

// byRun puts together what is of the same run.
func byRun(things []thing) map[string][]thing {
	runs := make(map[string][]thing)
	for _, t := range things {
		run := cmp.Or(t.labels[labelRun], t.id)
		runs[run] = append(runs[run], t)
	}
	return runs
}
