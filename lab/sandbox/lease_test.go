package sandbox

import (
	"os"
	"testing"
	"time"
)

// TestDead goes through what can be known of a run that somebody else began.
func TestDead(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	look := lookup{host: "here", start: func(pid int) string { return map[int]string{7: "700"}[pid] }}
	of := func(process string, made, expires time.Duration, running bool) []thing {
		return []thing{{
			kind: "container", created: now.Add(-made), running: running,
			labels: map[string]string{labelProcess: process, labelExpires: now.Add(expires).Format(time.RFC3339)},
		}}
	}
	for name, test := range map[string]struct {
		things []thing
		look   lookup
		want   bool
	}{
		"its process lives":                 {of("here 7 700", time.Hour, time.Hour, false), look, false},
		"its process lives, and it expired": {of("here 7 700", time.Hour, -time.Hour, false), look, false},
		"its process is gone":               {of("here 8 800", 0, time.Hour, true), look, true},
		"its number is another's":           {of("here 7 600", 0, time.Hour, true), look, true},
		"from elsewhere, running":           {of("there 8 800", time.Hour, time.Hour, true), look, false},
		"from elsewhere, new":               {of("there 8 800", time.Second, time.Hour, false), look, false},
		"from elsewhere, old, nothing runs": {of("there 8 800", 2*time.Minute, time.Hour, false), look, true},
		"from elsewhere, expired":           {of("there 8 800", time.Second, -time.Hour, true), look, true},
		"says nothing, running":             {of("", time.Hour, time.Hour, true), look, false},
		"says nonsense, running":            {of("here seven 700", time.Hour, time.Hour, true), look, false},
		"nobody here can be asked":          {of("here 8 800", time.Hour, time.Hour, true), lookup{}, false},
		"no time, no date, no process":      {[]thing{{kind: "volume"}}, look, false},
		"one of several runs, from elsewhere": {
			append(of("", time.Hour, time.Hour, false), of("", time.Hour, time.Hour, true)...), look, false,
		},
	} {
		if got := dead(test.things, now, test.look); got != test.want {
			t.Errorf("%s: dead is %v, want %v", name, got, test.want)
		}
	}
}

// TestThisProcess knows the test's own process again, and no other for it.
func TestThisProcess(t *testing.T) {
	t.Parallel()
	self, ok := thisProcess()
	if !ok {
		t.Skip("this system does not tell processes apart")
	}
	again, ok := parseProcess(self.String())
	if !ok || again != self || self.pid != os.Getpid() {
		t.Errorf("%q is read as %+v", self, again)
	}
	if look := hereAndNow(); look.host != self.host || look.start(self.pid) != self.start || look.start(1<<22) != "" {
		t.Errorf("it is not found again")
	}
}
