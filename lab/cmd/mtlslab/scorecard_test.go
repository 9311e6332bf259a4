package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/card"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// TestTakeUp looks at what a scorecard takes up of an interrupted one: the audits of
// peers that are the same still, with what was sent in them.
func TestTakeUp(t *testing.T) {
	t.Parallel()
	product := func(digest, adapted string) *finding.Product {
		return &finding.Product{Name: "nginx", Image: "nginx:1", Digest: digest, Adapter: adapted}
	}
	control := finding.Finding{Case: "control", Status: finding.Passed, Decision: "delivered"}
	audited := func(subject string, p *finding.Product) finding.Audit {
		return finding.Audit{
			Format: finding.Format, Role: wire.Server, Profile: cases.RFC5280, Subject: subject, Product: p, Run: "before",
			Controls: []finding.Finding{control, control},
			Findings: []finding.Finding{
				{Case: "validity/expired", Version: "1.3", Role: wire.Server, Status: finding.Passed},
			},
		}
	}
	sent := []finding.Sent{{Run: "before", Case: "validity/expired", Role: wire.Client, Chain: [][]byte{{1}}}}
	const command, built = "mtlslab scorecard", "this build"
	whole := finding.Scorecard{
		Profile: cases.RFC5280, Command: command, Built: built, Took: 1, Sent: sent,
		Audits: []finding.Audit{audited("mtlslab server", nil), audited("nginx", product("one", "as it is"))},
	}
	with := func(change func(*finding.Scorecard)) finding.Scorecard {
		sc := whole
		sc.Audits = append([]finding.Audit{}, whole.Audits...)
		change(&sc)
		return sc
	}
	for _, test := range []struct {
		name   string
		before finding.Scorecard
		fresh  bool
		taken  int
		says   string
	}{
		{"the same", whole, false, 2, "2 of 2 audits are taken up"},
		{"fresh", whole, true, 0, ""},
		{
			"another command", with(func(sc *finding.Scorecard) { sc.Command += " --thorough" }), false, 0,
			"another command or build",
		},
		{
			"another build", with(func(sc *finding.Scorecard) { sc.Built = "that build" }), false, 0,
			"another command or build",
		},
		{
			"another image",
			with(func(sc *finding.Scorecard) { sc.Audits[1].Product = product("two", "as it is") }), false,
			1, "1 of 2",
		},
		{
			"another adapter",
			with(func(sc *finding.Scorecard) { sc.Audits[1].Product = product("one", "otherwise") }), false,
			1, "1 of 2",
		},
		{"another role", with(func(sc *finding.Scorecard) { sc.Audits[1].Role = wire.Client }), false, 1, "1 of 2"},
		{"never begun", with(func(sc *finding.Scorecard) { sc.Audits[1].Findings = nil }), false, 1, "1 of 2"},
		{
			"of another name",
			with(func(sc *finding.Scorecard) { sc.Audits = sc.Audits[:1]; sc.Audits[0].Subject = "a server" }),
			false, 0, "0 of 2",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			part := filepath.Join(t.TempDir(), partFile)
			var file bytes.Buffer
			if err := card.JSON(&file, test.before); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(part, file.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			nginx := foreign.Image{Adapter: &adapter.Adapter{Name: "nginx", Role: wire.Server}}
			r := &round{
				scorecardFlags: &scorecardFlags{fresh: test.fresh}, part: part,
				card: finding.Scorecard{Command: command, Built: built, Audits: make([]finding.Audit, 2)},
				contenders: []contender{
					{Peer: peer.Own{}, audit: audit.Audit{Role: wire.Server}},
					{
						Peer:    nginx,
						audit:   audit.Audit{Role: wire.Server, Peer: nginx},
						product: product("one", "as it is"),
					},
				},
			}
			var says bytes.Buffer
			r.takeUp(&says)
			taken := 0
			for i, c := range r.contenders {
				if c.known != nil {
					taken++
				}
				if (c.known != nil) != (len(r.card.Audits[i].Findings) > 0) {
					t.Errorf("audit %d is not on the card as it is known", i)
				}
			}
			if taken != test.taken || !strings.Contains(says.String(), test.says) {
				t.Errorf("%d taken up, want %d; it says %q", taken, test.taken, says.String())
			}
			if (taken > 0) != (len(r.card.Sent) > 0) {
				t.Errorf("%d taken up, and what was sent: %v", taken, r.card.Sent)
			}
		})
	}
	t.Run("of no use", func(t *testing.T) {
		t.Parallel()
		part := filepath.Join(t.TempDir(), partFile)
		if err := os.WriteFile(part, []byte("half a docu"), 0o600); err != nil {
			t.Fatal(err)
		}
		var says bytes.Buffer
		(&round{scorecardFlags: &scorecardFlags{}, part: part}).takeUp(&says)
		if !strings.Contains(says.String(), "of no use") {
			t.Errorf("it says %q", says.String())
		}
	})
}
