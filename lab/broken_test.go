package lab_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

var update = flag.Bool("update", false, "rewrite golden files")

const brokenGolden = "testdata/broken.golden"

// brokenAtOnce bounds how many audits of broken peers there are at a time. Some
// wait, for a certificate to expire or for somebody who hangs; most keep the
// machine busy.
const brokenAtOnce = 8

// brokenLabs is how many labs they share: each forges its chains once, and makes no
// more than so many trials at a time, of which some wait.
const brokenLabs = 4

// TestBrokenPeers audits peers that are broken on purpose, each in one way, and
// wants each to be caught by exactly the cases that name its fault.
func TestBrokenPeers(t *testing.T) {
	t.Parallel()
	golden := readGolden(t)
	turns := make(chan struct{}, brokenAtOnce)
	found := make(chan [2]string, len(brokenPeers))
	labs := make([]*lab.Lab, brokenLabs)
	for i := range labs {
		labs[i] = start(t, lab.Config{Runtime: sandbox.Processes, Timeout: time.Minute})
	}
	t.Run("faults", func(t *testing.T) {
		for i, b := range brokenPeers {
			if testing.Short() && i%3 != 0 {
				continue
			}
			t.Run(b.name(), func(t *testing.T) {
				t.Parallel()
				turns <- struct{}{}
				defer func() { <-turns }()
				b.cases = b.tried(i)
				audit := b.audit(t, labs[i%brokenLabs])
				b.check(t, audit)
				caught := caughtBy(audit)
				if !*update && caught != golden[b.name()] {
					t.Errorf("caught by\n%swant, as in %s,\n%s", caught, brokenGolden, golden[b.name()])
				}
				found <- [2]string{b.name(), caught}
			})
		}
	})
	close(found)
	for entry := range found {
		golden[entry[0]] = entry[1]
	}
	if *update {
		writeGolden(t, golden)
	}
	for _, name := range slices.Sorted(maps.Keys(golden)) {
		if !slices.ContainsFunc(brokenPeers, func(b brokenPeer) bool { return b.name() == name }) {
			t.Errorf("%s: %q is no broken peer", brokenGolden, name)
		}
	}
}

func (b brokenPeer) name() string { return string(b.role) + " " + b.fault }

func (b brokenPeer) audit(t *testing.T, l *lab.Lab) finding.Audit {
	t.Helper()
	name := "broken-" + string(b.role)
	source := images.Source{Name: name, Package: "./lab/testdata/broken" + string(b.role), Like: string(b.role)}
	audit, err := l.Audit(t.Context(), audit.Audit{
		Role: b.role, Cases: b.cases, Versions: b.versions,
		Peer: peer.Own{Source: source, Args: []string{"-fault", b.fault}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d findings in %v", len(audit.Findings), audit.Took)
	return audit
}

// brokenSample is how many peers share the cases that do not name their faults.
const brokenSample = 4

// tried are all cases that name the fault, and of the others those whose turn it
// is: that nothing else is caught is tried with every case, but not with every
// case of every peer, which would take minutes.
func (b brokenPeer) tried(turn int) []string {
	if b.cases != nil {
		return b.cases
	}
	var ids []string
	i := -1
	for _, c := range cases.All() {
		if slices.Contains(c.Needs, cases.SystemStore) {
			continue
		}
		if i++; beyondOwn(c) {
			continue
		}
		group, _, _ := strings.Cut(c.ID, "/")
		if b.named(finding.Finding{Case: c.ID, Group: group}) || i%brokenSample == turn%brokenSample {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func (b brokenPeer) named(f finding.Finding) bool {
	return slices.ContainsFunc(slices.Concat(b.caught, b.also), func(id string) bool { return names(id, f) })
}

// check holds an audit to what its peer is known to get wrong.
func (b brokenPeer) check(t *testing.T, audit finding.Audit) {
	t.Helper()
	verdict := b.verdict
	if verdict == "" {
		verdict = finding.Failed
	}
	if got := audit.Verdict(); got != verdict {
		t.Errorf("the verdict is %s, want %s", got, verdict)
	}
	if audit.Controlled() == b.useless {
		t.Errorf("the controls were delivered: %v", audit.Controlled())
		report(t, audit.Controls)
	}
	if verdict == finding.Inconclusive && audit.Count(finding.Failed) > 0 {
		t.Error("it failed a case that it was not put to")
	}
	for _, want := range b.caught {
		if !slices.ContainsFunc(
			audit.Findings,
			func(f finding.Finding) bool { return f.Status != finding.Passed && names(want, f) },
		) {
			t.Errorf("it passed %s", want)
		}
	}
	for _, f := range audit.Findings {
		if f.Status != finding.Passed && !b.named(f) {
			t.Errorf("%s does not name its fault", f.Case)
			report(t, []finding.Finding{f})
		}
		if f.Status == finding.Inconclusive && verdict == finding.Failed && !b.unclear {
			t.Errorf("%s is inconclusive", f.Case)
			report(t, []finding.Finding{f})
		}
	}
}

// names tells whether id, of a case or a group, is the finding's.
func names(id string, f finding.Finding) bool { return id == f.Case || id == f.Group+"/" }

func report(t *testing.T, findings []finding.Finding) {
	t.Helper()
	for _, f := range findings {
		t.Logf("%s [%s] %s: %s %s %s\n  client: %s\n  server: %s\n  %s",
			f.Case, f.Version, f.Status, f.Decision, f.By, f.Reason, f.Client, f.Server, f.Means)
	}
}

// TestHonestPeers audits the same two programs with nothing broken.
func TestHonestPeers(t *testing.T) {
	t.Parallel()
	for _, role := range []wire.Role{wire.Server, wire.Client} {
		t.Run(string(role), func(t *testing.T) {
			t.Parallel()
			audit := brokenPeer{role: role}.audit(t, start(t, lab.Config{Runtime: sandbox.Processes, Timeout: time.Minute}))
			if audit.Verdict() != finding.Passed {
				t.Errorf("the verdict is %s", audit.Verdict())
			}
			report(
				t,
				slices.DeleteFunc(
					slices.Concat(audit.Controls, audit.Findings),
					func(f finding.Finding) bool { return f.Status == finding.Passed },
				),
			)
		})
	}
}

// caughtBy lists what did not pass, a line each. The version is named where the
// other one came out otherwise.
func caughtBy(audit finding.Audit) string {
	statuses := make(map[string]map[string]finding.Status)
	for _, f := range audit.Findings {
		if statuses[f.Case] == nil {
			statuses[f.Case] = make(map[string]finding.Status)
		}
		statuses[f.Case][f.Version] = f.Status
	}
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(statuses)) {
		versions := slices.Sorted(maps.Keys(statuses[id]))
		alike := len(slices.Compact(slices.Collect(maps.Values(statuses[id])))) == 1
		for i, version := range versions {
			status := statuses[id][version]
			switch {
			case status == finding.Passed || alike && i > 0:
			case alike:
				fmt.Fprintf(&b, "  %s %s\n", status, id)
			default:
				fmt.Fprintf(&b, "  %s %s [%s]\n", status, id, version)
			}
		}
	}
	return b.String()
}

// readGolden reads a header line for each broken peer, and what caught it
// indented below.
func readGolden(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(brokenGolden)
	if err != nil && !*update {
		t.Fatal(err)
	}
	golden := make(map[string]string)
	var name string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "  ") {
			golden[name] += line
		} else if name = strings.TrimSpace(line); name != "" {
			golden[name] = ""
		}
	}
	return golden
}

func writeGolden(t *testing.T, golden map[string]string) {
	t.Helper()
	var b bytes.Buffer
	for _, peer := range brokenPeers {
		fmt.Fprintf(&b, "%s\n%s\n", peer.name(), golden[peer.name()])
	}
	if err := os.WriteFile(brokenGolden, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
