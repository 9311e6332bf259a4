package drill_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/drill"
	"github.com/mtlslab/mtlslab/lab/sandbox"
)

var soakFor = flag.Duration("soak", time.Minute, "how long TestSoak takes")

// usage is what programs hold on to.
type usage struct{ resident, descriptors, goroutines int }

// TestSoak has one server and its clients live through rotation after rotation, and revocations and
// broken files between them. In the end they hold on to no more than at the beginning, and neither
// does this process.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("a soak takes a minute at least")
	}
	before := ofSelf(t)
	l, err := lab.Start(t.Context(), lab.Config{Runtime: sandbox.Processes, TTL: *soakFor + 10*time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	d := drill.Soak(*soakFor)
	var early, late usage
	shown, err := l.Drill(t.Context(), d, drill.Run{Rate: 150, Progress: func(step string, done, total int) {
		switch {
		case done == total/4:
			early = ofChildren(t)
		case step != "":
			late = ofChildren(t)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	mustHold(t, d.Name, shown)
	if err := l.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
	after := ofSelf(t)
	t.Logf("server and clients: %+v after a quarter, %+v at the end", early, late)
	t.Logf("this process: %+v, and %+v", before, after)
	const slack, spare = 1.3, 4 // the collector's freedom, and what happens to be open
	if float64(late.resident) > slack*float64(early.resident) {
		t.Errorf("their memory grew from %d KiB to %d KiB", early.resident, late.resident)
	}
	if late.descriptors > early.descriptors+spare {
		t.Errorf("their descriptors grew from %d to %d", early.descriptors, late.descriptors)
	}
	if after.goroutines > before.goroutines || after.descriptors > before.descriptors {
		t.Errorf("this process held %+v, and holds %+v", before, after)
	}
	if left := ofChildren(t); left.resident > 0 {
		t.Errorf("programs are left that hold %+v", left)
	}
}

// ofSelf is what this process holds on to, once those have ended who were about to.
func ofSelf(t *testing.T) usage {
	t.Helper()
	var u usage
	least := time.Now().Add(5 * time.Second)
	for previous := -1; time.Now().Before(least) && previous != u.goroutines; {
		previous = u.goroutines
		runtime.GC()
		<-time.After(100 * time.Millisecond)
		u.goroutines = runtime.NumGoroutine()
	}
	u.descriptors = descriptorsOf(os.Getpid())
	return u
}

// ofChildren is what the programs that this process has started hold on to.
func ofChildren(t *testing.T) (u usage) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		fields := make(map[string]string)
		for line := range strings.Lines(string(text)) {
			key, value, _ := strings.Cut(line, ":")
			fields[key] = strings.TrimSpace(value)
		}
		if fields["PPid"] != strconv.Itoa(os.Getpid()) {
			continue
		}
		resident, _ := strconv.Atoi(strings.TrimSuffix(fields["VmRSS"], " kB"))
		pid, _ := strconv.Atoi(fields["Pid"])
		u.resident += resident
		u.descriptors += descriptorsOf(pid)
	}
	return u
}

func descriptorsOf(pid int) int {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid)) // there are none of what has ended
	return len(files)
}
