package finding_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// peerOf is one peer's audit, with a status for each of some cases.
func peerOf(name, version string, statuses ...finding.Finding) finding.Audit {
	return finding.Audit{
		Role: wire.Server, Product: &finding.Product{Name: name, Version: version}, Findings: statuses,
	}
}

func came(id string, status finding.Status) finding.Finding {
	return finding.Finding{Case: id, Version: "1.3", Role: wire.Server, Attacker: cases.Nobody, Status: status}
}

func TestSinceEarlierScorecard(t *testing.T) {
	t.Parallel()
	old := finding.Scorecard{Audits: []finding.Audit{
		peerOf("same", "1", came("a/b", finding.Passed)),
		peerOf("gone", "1", came("a/b", finding.Passed)),
		peerOf("worse", "1", came("a/b", finding.Passed), came("a/c", finding.Passed)),
		peerOf("better", "1", came("a/b", finding.Failed)),
		peerOf("fewer", "1", came("a/b", finding.Passed), came("a/c", finding.Failed)),
	}}
	is := finding.Scorecard{Audits: []finding.Audit{
		peerOf("same", "1", came("a/b", finding.Passed)),
		peerOf("worse", "2", came("a/b", finding.Failed), came("a/c", finding.Passed)),
		peerOf("better", "1", came("a/b", finding.Passed)),
		peerOf("fewer", "1", came("a/b", finding.Passed)),
		peerOf("young", "1", came("a/b", finding.Failed)),
	}}
	cell := func(id string, was, is finding.Status) []finding.CellChange {
		return []finding.CellChange{{Case: id, Version: "1.3", Attacker: cases.Nobody, Was: was, Is: is}}
	}
	want := finding.Changes{Same: 1, Cells: 5, Peers: []finding.PeerChange{
		{Peer: "better", Role: wire.Server, Cells: cell("a/b", finding.Failed, finding.Passed)},
		{Peer: "fewer", Role: wire.Server, Cells: cell("a/c", finding.Failed, "")},
		{Peer: "gone", Role: wire.Server, Fate: "gone"},
		{Peer: "worse", Role: wire.Server, Was: "1", Is: "2", Cells: cell("a/b", finding.Passed, finding.Failed)},
		{Peer: "young", Role: wire.Server, Fate: "new"},
	}}
	got := is.Since(old)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !got.Worse() || old.Since(old).Worse() || len(old.Since(old).Peers) > 0 {
		t.Error("what is worse, or the same, is not told from what is not")
	}
}
