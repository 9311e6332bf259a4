package timeline_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mtlslab/mtlslab/lab/timeline"
	"github.com/mtlslab/mtlslab/lab/wire"
)

var update = flag.Bool("update", false, "write the golden files anew")

const every = 50 * time.Millisecond

// good is a drill in which all is as it must be: the server's certificate is renewed after a
// second, and a thief is revoked a second and a half later.
func good() *timeline.Timeline {
	t := &timeline.Timeline{
		Format: timeline.Format, Drill: "made-up", Summary: "a certificate is renewed, and a thief revoked",
		Server: "server", Runtime: "processes", Began: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Took: 5 * time.Second,
		Steps: []timeline.Step{
			{
				Name: "the server is renewed", Began: time.Second, Done: time.Second + 5*time.Millisecond, Within: time.Second,
				Tells: true, InUse: true, Server: "2",
			},
			{
				Name: "the thief is revoked", Began: 2500 * time.Millisecond, Done: 2505 * time.Millisecond,
				Within: time.Second, Tells: true, InUse: true,
			},
		},
	}
	for _, holder := range []string{"client", "thief"} {
		for _, how := range []string{"keep", "new", "resume"} {
			t.Streams = append(t.Streams, messages(holder, how))
		}
	}
	return t
}

func messages(holder, how string) timeline.Stream {
	s := timeline.Stream{
		Name: holder + ", " + how, Holder: holder, Connections: how,
		Course: []timeline.Span{{From: -1, Fate: timeline.Delivered}},
	}
	if holder == "thief" {
		s.Course = append(s.Course, timeline.Span{
			From: 1, Fate: timeline.Refused, By: wire.Server, Reasons: []wire.Reason{wire.Revoked},
		})
	}
	for i := range 100 {
		began := time.Duration(i) * every
		m := timeline.Message{
			Number: i + 1, Began: began, Ended: began + time.Millisecond, Attempts: 1, Connection: 1, Server: "1",
			Client: "7", Fate: timeline.Delivered, Taken: 1,
		}
		if how != "keep" {
			m.Connection = i + 1
		}
		if began >= time.Second && how != "keep" {
			m.Server = "2"
		}
		m.TakenAt = m.Ended
		m.Resumed = how == "resume" && i > 0
		if holder == "thief" && began >= 2500*time.Millisecond {
			m.Fate, m.By, m.Reason, m.Client, m.Taken = timeline.Refused, wire.Server, wire.Revoked, "", 0
		}
		s.Messages = append(s.Messages, m)
	}
	return s
}

// at are the messages of a stream that began between two times.
func at(t *timeline.Timeline, name string, from, to time.Duration, change func(*timeline.Message)) {
	for i := range t.Streams {
		if t.Streams[i].Name != name {
			continue
		}
		for k := range t.Streams[i].Messages {
			if m := &t.Streams[i].Messages[k]; m.Began >= from && m.Began < to {
				change(m)
			}
		}
	}
}

// Each change of what was seen fails the claims that speak of it, and no others.
func TestJudge(t *testing.T) {
	t.Parallel()
	const late, end = 4 * time.Second, 5 * time.Second
	delivered := func(m *timeline.Message) {
		m.Fate, m.By, m.Reason, m.Taken = timeline.Delivered, "", "", 1
	}
	refused := func(m *timeline.Message) {
		m.Fate, m.By, m.Reason, m.Taken = timeline.Refused, wire.Client, wire.UnknownAuthority, 0
	}
	for name, c := range map[string]struct {
		change func(*timeline.Timeline)
		fails  []string
		means  string // a part of what the first of them is said to mean
	}{
		"all is well": {func(*timeline.Timeline) {}, nil, ""},
		"one is lost": {func(t *timeline.Timeline) {
			at(t, "client, new", late, late+every, func(m *timeline.Message) { m.Fate, m.Taken = timeline.Lost, 0 })
		}, []string{"lost/client, new"}, "nobody learns"},
		"a good one is refused": {func(t *timeline.Timeline) {
			at(t, "client, new", time.Second, time.Second+every, refused)
		}, []string{"course/client, new/1"}, "not prepared"},
		"a bad signature": {func(t *timeline.Timeline) {
			at(t, "client, new", time.Second, time.Second+every, func(m *timeline.Message) {
				refused(m)
				m.Reason = wire.BadSignature
			})
		}, []string{"course/client, new/1"}, "key of another"},
		"the thief goes on everywhere": {func(t *timeline.Timeline) {
			for _, how := range []string{"keep", "new", "resume"} {
				at(t, "thief, "+how, 0, end, delivered)
			}
		}, []string{
			"step 2/effect", "course/thief, keep/2", "course/thief, new/2", "course/thief, resume/2",
		}, "never taken up"},
		"the thief goes on where he is": {func(t *timeline.Timeline) {
			at(t, "thief, keep", 0, end, delivered)
		}, []string{"step 2/effect", "course/thief, keep/2"}, "still counts"},
		"the thief resumes": {func(t *timeline.Timeline) {
			at(t, "thief, resume", 0, end, delivered)
		}, []string{"step 2/effect", "course/thief, resume/2"}, "still counts"},
		"the thief is refused for another reason": {func(t *timeline.Timeline) {
			at(t, "thief, new", 0, end, func(m *timeline.Message) {
				if m.Fate == timeline.Refused {
					m.Reason = wire.Expired
				}
			})
		}, []string{"course/thief, new/2"}, "another reason"},
		"he is refused by the wrong side": {func(t *timeline.Timeline) {
			at(t, "thief, new", 0, end, func(m *timeline.Message) {
				if m.Fate == timeline.Refused {
					m.By = wire.Client
				}
			})
		}, []string{"course/thief, new/2"}, "another reason"},
		"nobody has seen the next certificate": {func(t *timeline.Timeline) {
			for i := range t.Streams {
				for k := range t.Streams[i].Messages {
					t.Streams[i].Messages[k].Server = "1"
				}
			}
		}, []string{"step 1/effect"}, "never taken up"},
		"the old certificate is seen late": {func(t *timeline.Timeline) {
			at(t, "client, new", 2200*time.Millisecond, 2300*time.Millisecond, func(m *timeline.Message) { m.Server = "1" })
		}, []string{"step 1/effect"}, "still counts"},
		"it was not told as done": {func(t *timeline.Timeline) {
			t.Steps[0].InUse = false
		}, []string{"step 1/used"}, "not taken up"},
		"bad material is taken": {func(t *timeline.Timeline) {
			t.Steps[0].Bad, t.Steps[0].Server, t.Steps[0].InUse = true, "", true
		}, []string{"step 1/kept"}, "without a word"},
		"bad material is told": {func(t *timeline.Timeline) {
			t.Steps[0].Bad, t.Steps[0].Server, t.Steps[0].Kept = true, "", true
		}, nil, ""},
		"a connection ends": {func(t *timeline.Timeline) {
			at(t, "client, keep", time.Second, end, func(m *timeline.Message) { m.Connection = 2 })
		}, []string{"connections/client, keep"}, "does not concern"},
		"a connection ends as its server's certificate does": {func(t *timeline.Timeline) {
			t.Over = map[string]time.Duration{"1": 3 * time.Second}
			at(t, "client, keep", 3*time.Second, end, func(m *timeline.Message) { m.Connection = 2 })
		}, nil, ""},
		"it ends before that": {func(t *timeline.Timeline) {
			t.Over = map[string]time.Duration{"1": late, "2": time.Second}
			at(t, "client, keep", 1500*time.Millisecond, end, func(m *timeline.Message) { m.Connection = 2 })
		}, []string{"connections/client, keep"}, "does not concern"},
		"a connection ends with reason": {func(t *timeline.Timeline) {
			t.Steps[0].Breaks = true
			at(t, "client, keep", time.Second, end, func(m *timeline.Message) { m.Connection = 2 })
		}, nil, ""},
		"a connection ends on a rough network": {func(t *timeline.Timeline) {
			t.Steps[1].Rough = true
			at(t, "client, keep", 4*time.Second, end, func(m *timeline.Message) { m.Connection = 2 })
		}, nil, ""},
		"its own client is renewed": {func(t *timeline.Timeline) {
			t.Steps[0].Renews = []string{"client"}
			at(t, "client, keep", time.Second, end, func(m *timeline.Message) { m.Connection = 2 })
		}, nil, ""},
		"one is sent again": {func(t *timeline.Timeline) {
			at(t, "client, new", time.Second, time.Second+every, func(m *timeline.Message) { m.Attempts = 2 })
		}, []string{"again/client, new"}, "For a moment"},
		"a receipt lies": {func(t *timeline.Timeline) {
			at(t, "client, new", late, late+every, func(m *timeline.Message) { m.Taken = 0 })
		}, []string{"receipts/taken"}, "believes otherwise"},
		"one is taken twice": {func(t *timeline.Timeline) {
			at(t, "client, new", late, late+every, func(m *timeline.Message) { m.Taken = 2 })
		}, []string{"receipts/once"}, "sent once"},
		"what was refused is taken": {func(t *timeline.Timeline) {
			at(t, "thief, new", late, late+every, func(m *timeline.Message) { m.Taken = 1 })
		}, []string{"receipts/refused"}, "all the same"},
		"what was refused was taken first": {func(t *timeline.Timeline) {
			at(t, "thief, keep", 2550*time.Millisecond, 2600*time.Millisecond, func(m *timeline.Message) {
				m.Taken, m.TakenAt, m.Unsure, m.Attempts = 1, m.Began, true, 2
			})
		}, []string{"taken/thief, keep/2"}, "once it is taken"},
		"a stray": {func(t *timeline.Timeline) { t.Stray = 1 }, []string{"receipts/stray"}, "no client"},
		"the server ends": {func(t *timeline.Timeline) {
			t.Steps, t.Ended, t.Took = t.Steps[:1], 1, 2*time.Second
			for i := range t.Streams {
				t.Streams[i].Messages = t.Streams[i].Messages[:40]
			}
		}, []string{"step 1/lives"}, "ends the service"},
		"nothing fell into the time": {func(t *timeline.Timeline) {
			for i := range t.Streams {
				if t.Streams[i].Name == "thief, new" {
					t.Streams[i].Messages = t.Streams[i].Messages[:30]
				}
			}
		}, []string{"course/thief, new/2"}, "Nothing was shown"},
		"a server that does not say what it took": {func(t *timeline.Timeline) {
			for i := range t.Streams {
				for k := range t.Streams[i].Messages {
					t.Streams[i].Messages[k].Taken = 0
				}
			}
		}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line := good()
			c.change(line)
			line.Judge()
			var fails []string
			var first timeline.Claim
			for _, claim := range line.Claims {
				if !claim.Held {
					fails = append(fails, claim.ID)
					if first.ID == "" {
						first = claim
					}
				}
			}
			if diff := cmp.Diff(c.fails, fails); diff != "" {
				t.Errorf("what fails (-want +got):\n%s", diff)
			}
			if !strings.Contains(first.Mean, c.means) {
				t.Errorf("%s: it is said to mean %q", first.ID, first.Mean)
			}
			want := timeline.Passed
			if c.fails != nil {
				want = timeline.Failed
			}
			if line.Verdict() != want {
				t.Errorf("the verdict is %s, want %s", line.Verdict(), want)
			}
		})
	}
}

// On a busy machine no time is told: what failed by a time alone shows nothing.
func TestBusy(t *testing.T) {
	t.Parallel()
	line := good()
	at(line, "client, new", 2100*time.Millisecond, 2300*time.Millisecond, func(m *timeline.Message) { m.Server = "1" })
	at(line, "client, keep", 1500*time.Millisecond, 1600*time.Millisecond, func(m *timeline.Message) {
		m.Ended = m.Began + 300*time.Millisecond
	})
	line.Judge()
	i := slices.IndexFunc(line.Claims, func(c timeline.Claim) bool { return c.ID == "step 1/effect" })
	if i < 0 || line.Claims[i].Held || line.Claims[i].Void == "" || line.Verdict() != timeline.Inconclusive {
		t.Errorf("the verdict is %s: %+v", line.Verdict(), line.Claims)
	}
	if empty := (&timeline.Timeline{}); empty.Verdict() != timeline.Inconclusive {
		t.Errorf("of nothing the verdict is %s", empty.Verdict())
	}
}

// bad is a drill in which much goes wrong.
func bad() *timeline.Timeline {
	t := good()
	at(t, "thief, keep", 0, 5*time.Second, func(m *timeline.Message) {
		m.Fate, m.By, m.Reason, m.Taken = timeline.Delivered, "", "", 1
	})
	at(t, "client, new", 4*time.Second, 4*time.Second+every, func(m *timeline.Message) {
		m.Fate, m.Taken, m.Attempts, m.Reason = timeline.Lost, 0, 5, wire.Timeout
	})
	t.Steps[0].Says = "\x1b[31mred\x1b[0m <script>alert(1)</script>"
	t.Steps[0].InUse = false
	t.Judge()
	return t
}

func TestText(t *testing.T) {
	t.Parallel()
	var all bytes.Buffer
	fine := good()
	fine.Judge()
	for _, err := range []error{
		fine.Text(&all, timeline.Options{}), fine.Text(&all, timeline.Options{Verbose: true}),
		bad().Text(&all, timeline.Options{}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for line := range strings.Lines(all.String()) {
		if len([]rune(strings.TrimRight(line, "\n"))) > 80 || strings.ContainsRune(line, '\x1b') {
			t.Errorf("a line of %d columns: %q", len([]rune(line)), line)
		}
	}
	golden(t, "testdata/timeline.txt", all.Bytes())
}

func TestHTML(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	if err := bad().HTML(&page); err != nil {
		t.Fatal(err)
	}
	for _, never := range []string{"<script", "http://", "https://", "\x1b"} {
		if strings.Contains(page.String(), never) {
			t.Errorf("it holds %q", never)
		}
	}
	for _, must := range []string{
		`class="lost"`, `class="refused"`, "Open connections are not looked at again", "the thief is revoked",
	} {
		if !strings.Contains(page.String(), must) {
			t.Errorf("it lacks %q", must)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	text, err := bad().JSON()
	if err != nil {
		t.Fatal(err)
	}
	var back timeline.Timeline
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(bad(), &back); diff != "" {
		t.Errorf("it does not come back whole (-want +got):\n%s", diff)
	}
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
