package finding_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/strictyaml"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// known are the cases of these tests.
func known(id string) bool { return slices.Contains([]string{"usage/no-eku", "validity/expired"}, id) }

const good = `# What we accept, and until when.
waivers:
  - case: usage/no-eku
    version: "1.2"
    role: server
    reason: legacy clients
    expires: 2027-01-31
  - {case: validity/expired, version: 1.3, expires: "2026-12-31", reason: 'clocks, être réglées'}
  - case: usage/no-eku
    reason: >
      of two
      lines
    expires: 2026-12-31
`

func TestReadWaivers(t *testing.T) {
	t.Parallel()
	got, err := finding.ReadWaivers("waivers.yaml", strings.NewReader(good), known)
	if err != nil {
		t.Fatal(err)
	}
	january, december := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC), time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)
	want := []finding.Waiver{
		{
			Case:    "usage/no-eku",
			Version: "1.2",
			Role:    wire.Server,
			Reason:  "legacy clients",
			Expires: january,
			Where:   "waivers.yaml:3",
		},
		{
			Case:    "validity/expired",
			Version: "1.3",
			Reason:  "clocks, être réglées",
			Expires: december,
			Where:   "waivers.yaml:8",
		},
		{Case: "usage/no-eku", Reason: "of two lines", Expires: december, Where: "waivers.yaml:9"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
	for _, none := range []string{"waivers: []", "waivers: [] # of none\n", "---\nwaivers: []\n"} {
		if got, err := finding.ReadWaivers("waivers.yaml", strings.NewReader(none), known); err != nil ||
			len(got) != 0 {
			t.Errorf("%q: got %v, error %v", none, got, err)
		}
	}
	if _, err := finding.ReadWaivers("waivers.yaml", strings.NewReader(good), nil); err != nil {
		t.Errorf("with any case known: error %v", err)
	}
}

func TestReadWaiversFaults(t *testing.T) {
	t.Parallel()
	with := func(lines ...string) string { return "waivers:\n  - " + strings.Join(lines, "\n    ") + "\n" }
	const id, reason, expires = "case: usage/no-eku", "reason: legacy", "expires: 2027-01-31"
	for _, c := range []struct {
		name, file string
		line       int
		key        string
	}{
		{"nothing", "", 0, ""},
		{"a comment", "# nothing\n", 0, ""},
		{"no YAML", "waivers: [", 0, ""},
		{"a tab", "waivers:\n\t- case: x", 0, ""},
		{"too long", "#" + strings.Repeat(" ", 1<<20), 0, ""},
		{"a list at the top", "- " + id, 1, ""},
		{"a word at the top", "waivers", 1, ""},
		{"no waivers", "{}", 1, "waivers"},
		{"another key at the top", "waivers: []\nwaiver: []", 2, "waiver"},
		{"waivers twice", "waivers: []\nwaivers: []", 2, "waivers"},
		{"waivers of another type", "waivers: usage/no-eku", 1, "waivers"},
		{"a second document", "waivers: []\n---\nwaivers: []", 2, ""},
		{"broken after the document", "waivers: []\n---\n[", 0, ""},
		{"none", "waivers:", 1, "waivers"},
		{"a waiver that is a word", "waivers:\n  - usage/no-eku", 2, "waivers[0]"},
		{"an unknown key", with(id, reason, expires, "until: 2027-01-31"), 5, "waivers[0].until"},
		{"a key in capitals", with(id, "Reason: legacy", expires), 3, "waivers[0].Reason"},
		{"a key that is a list", with(id, reason, expires, "? [a]\n    : b"), 5, "waivers[0]"},
		{"a merge key", "waivers:\n  - &a {" + id + "}\n  - <<: *a", 2, "waivers[0]"},
		{"an alias", "waivers:\n  - &a {" + id + ", " + reason + ", " + expires + "}\n  - *a", 2, "waivers[0]"},
		{"a key twice", with(id, reason, expires, reason), 5, "waivers[0].reason"},
		{"no case", with(reason, expires), 2, "waivers[0].case"},
		{"an empty version", with(id, `version: ""`, reason, expires), 3, "waivers[0].version"},
		{"an empty case", with("case:", reason, expires), 2, "waivers[0].case"},
		{"an unknown case", with("case: usage/no-eky", reason, expires), 2, "waivers[0].case"},
		{"a list of cases", with("case: [usage/no-eku]", reason, expires), 2, "waivers[0].case"},
		{"no reason", with(id, expires), 2, "waivers[0].reason"},
		{"an empty reason", with(id, `reason: ""`, expires), 3, "waivers[0].reason"},
		{"a blank reason", with(id, `reason: " "`, expires), 3, "waivers[0].reason"},
		{"a null reason", with(id, "reason: ~", expires), 3, "waivers[0].reason"},
		{"no expiry", with(id, reason), 2, "waivers[0].expires"},
		{"an empty expiry", with(id, reason, "expires:"), 4, "waivers[0].expires"},
		{"never", with(id, reason, "expires: never"), 4, "waivers[0].expires"},
		{"no such day", with(id, reason, "expires: 2027-02-30"), 4, "waivers[0].expires"},
		{"a time", with(id, reason, "expires: 2027-01-31T00:00:00Z"), 4, "waivers[0].expires"},
		{"another order", with(id, reason, "expires: 31-01-2027"), 4, "waivers[0].expires"},
		{"no such version", with(id, `version: "1.1"`, reason, expires), 3, "waivers[0].version"},
		{"a list of versions", with(id, "version: [1.2, 1.3]", reason, expires), 3, "waivers[0].version"},
		{"no such role", with(id, "role: peer", reason, expires), 3, "waivers[0].role"},
		{
			"the same twice",
			with(id, reason, expires) + "  - {" + strings.Join([]string{id, reason, expires}, ", ") + "}", 5,
			"waivers[1].case",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := finding.ReadWaivers("waivers.yaml", strings.NewReader(c.file), known)
			fault, ok := errors.AsType[*strictyaml.Error](err)
			if !ok || got != nil {
				t.Fatalf("got %v, error %v", got, err)
			}
			if fault.File != "waivers.yaml" || fault.Line != c.line || fault.Key != c.key {
				t.Errorf("the error is at %s:%d, key %q: %v", fault.File, fault.Line, fault.Key, err)
			}
		})
	}
}

func TestReadWaiversFromWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	cause := errors.New("no such disk")
	_, err := finding.ReadWaivers("waivers.yaml", iotest.ErrReader(cause), known)
	if _, ok := errors.AsType[*strictyaml.Error](err); !ok || !errors.Is(err, cause) {
		t.Errorf("error %v", err)
	}
}

// audit is of a server, with findings in the statuses named: of usage/no-eku in
// both versions, of validity/expired in one.
func audit(eku12, eku13, expired finding.Status) finding.Audit {
	control := finding.Finding{Status: finding.Passed, Decision: "delivered"}
	found := func(id, version string, s finding.Status) finding.Finding {
		return finding.Finding{Case: id, Version: version, Role: wire.Server, Status: s}
	}
	return finding.Audit{
		Role: wire.Server, Controls: []finding.Finding{control, control},
		Findings: []finding.Finding{
			found(
				"usage/no-eku",
				"1.2",
				eku12,
			), found("usage/no-eku", "1.3", eku13), found("validity/expired", "1.3", expired),
		},
	}
}

func TestWaive(t *testing.T) {
	t.Parallel()
	const pass, fail, open, waived = finding.Passed, finding.Failed, finding.Inconclusive, finding.Waived
	day := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	waiver := func(id, version string, role wire.Role) finding.Waiver {
		return finding.Waiver{Case: id, Version: version, Role: role, Reason: "legacy", Expires: day}
	}
	for _, c := range []struct {
		name       string
		audit      finding.Audit
		waivers    []finding.Waiver
		now        time.Time
		want       [3]finding.Status
		complaints int
		verdict    finding.Status
	}{
		{"nothing to waive", audit(pass, pass, pass), nil, day, [3]finding.Status{pass, pass, pass}, 0, pass},
		{"nothing waived", audit(fail, pass, pass), nil, day, [3]finding.Status{fail, pass, pass}, 0, fail},
		{
			"one version", audit(fail, fail, pass), []finding.Waiver{waiver("usage/no-eku", "1.2", "")}, day,
			[3]finding.Status{waived, fail, pass}, 0, fail,
		},
		{
			"both versions", audit(fail, fail, pass), []finding.Waiver{waiver("usage/no-eku", "", "")}, day,
			[3]finding.Status{waived, waived, pass}, 0, pass,
		},
		{
			"one failed of both", audit(fail, pass, pass), []finding.Waiver{waiver("usage/no-eku", "", "")},
			day, [3]finding.Status{waived, pass, pass}, 0, pass,
		},
		{
			"of this role", audit(fail, pass, pass),
			[]finding.Waiver{waiver("usage/no-eku", "", wire.Server)}, day,
			[3]finding.Status{waived, pass, pass}, 0, pass,
		},
		{
			"of the other role", audit(fail, pass, pass),
			[]finding.Waiver{waiver("usage/no-eku", "", wire.Client)}, day,
			[3]finding.Status{fail, pass, pass}, 0, fail,
		},
		{
			"of the other role, expired", audit(pass, pass, pass),
			[]finding.Waiver{waiver("usage/no-eku", "", wire.Client)}, day.AddDate(1, 0, 0),
			[3]finding.Status{pass, pass, pass}, 0, pass,
		},
		{
			"two of one", audit(fail, pass, pass),
			[]finding.Waiver{waiver("usage/no-eku", "1.2", ""), waiver("usage/no-eku", "", "")}, day,
			[3]finding.Status{waived, pass, pass}, 0, pass,
		},
		{
			"unused, for it passed", audit(pass, pass, pass),
			[]finding.Waiver{waiver("usage/no-eku", "", "")}, day, [3]finding.Status{pass, pass, pass}, 1,
			fail,
		},
		{
			"unused, for it is inconclusive", audit(open, pass, pass),
			[]finding.Waiver{waiver("usage/no-eku", "1.2", "")}, day, [3]finding.Status{open, pass, pass}, 1,
			fail,
		},
		{
			"unused, of another version", audit(fail, pass, pass),
			[]finding.Waiver{waiver("usage/no-eku", "1.3", "")}, day, [3]finding.Status{fail, pass, pass}, 1,
			fail,
		},
		{
			"unused, of another case", audit(pass, pass, pass),
			[]finding.Waiver{waiver("chain/self-signed", "", "")}, day, [3]finding.Status{pass, pass, pass},
			1, fail,
		},
		{
			"the last moment", audit(fail, pass, pass), []finding.Waiver{waiver("usage/no-eku", "", "")},
			day.Add(24*time.Hour - 1), [3]finding.Status{waived, pass, pass}, 0, pass,
		},
		{
			"expired", audit(fail, pass, pass), []finding.Waiver{waiver("usage/no-eku", "", "")},
			day.Add(24 * time.Hour), [3]finding.Status{fail, pass, pass}, 1, fail,
		},
		{
			"expired and unused", audit(pass, pass, pass), []finding.Waiver{waiver("usage/no-eku", "", "")},
			day.Add(24 * time.Hour), [3]finding.Status{pass, pass, pass}, 1, fail,
		},
		{"still the last day further west", audit(fail, pass, pass), []finding.Waiver{waiver("usage/no-eku", "", "")},
			time.Date(2027, 1, 31, 20, 0, 0, 0, time.FixedZone("", -5*3600)), [3]finding.Status{fail, pass, pass}, 1, fail},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			before := slices.Clone(c.audit.Findings)
			got := c.audit.Waive(c.waivers, c.now)
			for i, f := range got.Findings {
				if f.Status != c.want[i] {
					t.Errorf("finding %d is %s, want %s", i, f.Status, c.want[i])
				}
				if want := "legacy (until 2027-01-31)"; (f.Status == waived) != (f.Waiver == want) {
					t.Errorf("finding %d, %s, has the waiver %q", i, f.Status, f.Waiver)
				}
			}
			if len(got.Complaints) != c.complaints {
				t.Errorf("complaints %q", got.Complaints)
			}
			if got.Verdict() != c.verdict {
				t.Errorf("verdict %s, want %s", got.Verdict(), c.verdict)
			}
			if !reflect.DeepEqual(before, c.audit.Findings) || c.audit.Complaints != nil {
				t.Error("the audit itself has changed")
			}
		})
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	const pass, fail, open, waived = finding.Passed, finding.Failed, finding.Inconclusive, finding.Waived
	for _, c := range []struct {
		name   string
		audit  finding.Audit
		change func(*finding.Audit)
		want   finding.Status
	}{
		{"passed", audit(pass, pass, pass), nil, pass},
		{"passed or waived", audit(pass, waived, pass), nil, pass},
		{"more void than shown", audit(open, open, open), nil, open},
		{"less void than shown", audit(pass, open, waived), nil, pass},
		{"failed", audit(pass, open, fail), nil, fail},
		{"of no status", audit("", "", ""), nil, open},
		{"a complaint", audit(pass, pass, pass), func(a *finding.Audit) { a.Complaints = []string{"unused"} }, fail},
		{"no findings", audit(pass, pass, pass), func(a *finding.Audit) { a.Findings = nil }, open},
		{"no controls", audit(pass, pass, pass), func(a *finding.Audit) { a.Controls = nil }, open},
		{"no control after", audit(pass, pass, pass), func(a *finding.Audit) { a.Controls = a.Controls[:1] }, open},
		{"a control refused", audit(pass, pass, pass), func(a *finding.Audit) { a.Controls[1].Status = fail }, open},
		{
			"a control not delivered", audit(pass, pass, pass),
			func(a *finding.Audit) { a.Controls[0].Decision = "refused" }, open,
		},
		{
			"a control refused, and failed", audit(fail, pass, pass),
			func(a *finding.Audit) { a.Controls[1].Status = open }, fail,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.change != nil {
				c.change(&c.audit)
			}
			if got := c.audit.Verdict(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func ExampleAudit_Waive() {
	control := finding.Finding{Status: finding.Passed, Decision: "delivered"}
	a := finding.Audit{
		Role:     wire.Server,
		Controls: []finding.Finding{control, control},
		Findings: []finding.Finding{{Case: "usage/no-eku", Version: "1.2", Role: wire.Server, Status: finding.Failed}},
	}
	waivers, err := finding.ReadWaivers("waivers.yaml", strings.NewReader(`
waivers:
  - {case: usage/no-eku, version: "1.2", reason: legacy clients, expires: 2027-01-31}
  - {case: usage/no-eku, version: "1.3", reason: legacy clients, expires: 2027-01-31}
`), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	a = a.Waive(waivers, time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC))
	fmt.Println(a.Findings[0].Status, "for", a.Findings[0].Waiver)
	fmt.Println(a.Verdict(), "for", a.Complaints[0])
	// Output:
	// waived for legacy clients (until 2027-01-31)
	// failed for waiver of usage/no-eku [1.3] (waivers.yaml:4) is unused: this audit has no such finding
}

// A file is read whole or refused with the place, and what is read is complete.
func FuzzReadWaivers(f *testing.F) {
	f.Add(good)
	f.Add("waivers: []")
	f.Add("waivers:\n  - &a {case: usage/no-eku}\n  - *a")
	f.Add("waivers:\n  - case: \"usage/no-eku\\e[2J\"\n")
	f.Add("a: &a [*a]")
	f.Add(`"\e[2J": []`)
	f.Fuzz(func(t *testing.T, file string) {
		waivers, err := finding.ReadWaivers("waivers.yaml", strings.NewReader(file), known)
		if err != nil {
			fault, ok := errors.AsType[*strictyaml.Error](err)
			if !ok || fault.File == "" || waivers != nil {
				t.Fatalf("got %v, error %#v", waivers, err)
			}
			if text := err.Error(); text != wire.Printable(text) {
				t.Errorf("the error %q could steer a terminal", text)
			}
			return
		}
		for _, w := range waivers {
			if !known(w.Case) || w.Reason == "" || w.Expires.IsZero() && !strings.Contains(file, "0001-01-01") ||
				w.Where == "" {
				t.Errorf("waiver %+v", w)
			}
		}
	})
}
