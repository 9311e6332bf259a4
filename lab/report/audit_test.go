package report_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with the file of that name in testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; -update writes it anew. Got:\n%s", path, got)
	}
}

// hostile is what a peer may say to whoever reads the report: a colour and a
// cleared screen, an end of line, C1 and bidirectional controls, markup of each
// format, a word that fits no line, and what is not UTF-8.
const hostile = "\x1b[31mred\x1b[2J\r\nPASS: all\t\u009b1A \u202eevil\u2066 <b>&amp;]]> {0} " +
	"[text](https://example.com) \x00\xff "

var long = strings.Repeat("aVeryLongWord", 12)

// attackerOf is who carries out the cases of a group, in these tests.
var attackerOf = map[string]cases.Attacker{
	"identity": cases.Insider, "chain": cases.Nobody, "validity": cases.Former, "revocation": cases.Former,
	"usage": cases.Authority, "operational": cases.Honest, "control": cases.Good, "none": cases.Nobody,
}

func found(id, version string, status finding.Status) finding.Finding {
	group, _, _ := strings.Cut(id, "/")
	f := finding.Finding{
		Case: id, Group: group, Summary: "the adversary does what " + id + " says", Role: wire.Server, Version: version,
		Attacker: attackerOf[group], Expect: cases.MustRefuse, Cite: "RFC 5280, 4.2.1.12", Status: status,
		Client: "refused: alert bad_certificate", Server: "refused: wrong_usage",
		Repeat: "mtlslab audit server --case " + id + " --version " + version + " -v",
		Took:   3200 * time.Microsecond,
	}
	switch status {
	case finding.Passed:
		f.Decision, f.By, f.Reason = "refused", wire.Server, wire.WrongUsage
	case finding.Inconclusive:
		f.Decision, f.Client, f.Server = "inconclusive", "timeout: no answer within 2 s", ""
	default:
		f.Decision, f.Client, f.Server = "delivered", "delivered: a receipt of the message came "+
			"back", "verified spiffe://lab/client"
		f.Means = "anybody who holds a certificate for another purpose can pass for a client"
	}
	return f
}

func control() finding.Finding {
	f := found("control/good", "1.3", finding.Passed)
	f.Expect, f.Decision, f.By, f.Reason, f.Cite = cases.MustAccept, "delivered", "", "", ""
	return f
}

// everything is an audit with every status and what makes each format sweat.
func everything() finding.Audit {
	odd := found("identity/wrong-name", "1.3", finding.Failed)
	odd.Client, odd.Server = hostile+long, "имя не совпало: "+
		"証明書の名前が一致しません。サーバーは接続を拒否しませんでした 🙂🙂🙂"
	odd.Repeat += " 'localhost:5000/shop/checkout server:2.1@sha256:" + strings.Repeat("0123456789abcdef", 4) + "'"
	silent := found("chain/no-intermediate", "1.2", finding.Failed)
	silent.Client, silent.Server, silent.Means, silent.Cite, silent.Repeat, silent.Took = "", "", "", "", "", 0
	waived := found("usage/no-eku", "1.2", finding.Waived)
	waived.Waiver = "legacy clients, to be replaced (until 2027-01-31)"
	undelivered := control()
	undelivered.Status, undelivered.Decision, undelivered.Client = finding.Inconclusive, "inconclusive", "reset "+hostile
	return finding.Audit{
		Subject: "localhost:5000/shop/checkout:2.1@sha256:" + strings.Repeat("0123456789abcdef", 4),
		Role:    wire.Server, Profile: cases.Strict, Runtime: "processes",
		Began:    time.Date(2026, 11, 2, 9, 30, 0, 0, time.FixedZone("CET", 3600)),
		Controls: []finding.Finding{control(), undelivered},
		Findings: []finding.Finding{ // in no order
			waived,
			found("usage/no-eku", "1.3", finding.Passed),
			odd,
			found("validity/expired", "1.3", finding.Inconclusive),
			found("validity/expired", "1.2", finding.Passed),
			silent,
		},
		Incidents: []finding.Incident{
			{
				Kind: finding.Crash, Says: "this ends the server, each time that a fresh one is asked", Case: "validity/expired",
				Version: "1.3", Attacker: cases.Former, Differs: "valid: then instead of now " + hostile,
				Repeat: "mtlslab audit server --case validity/expired --version 1.3 -v",
			},
			{Kind: finding.LockOut, Says: "after 5 refusals it turns everybody away " + hostile},
		},
		Complaints: []string{
			"waiver of chain/self-signed (waivers.yaml:7) expired on 2026-01-31",
			"waiver of " + hostile,
		},
		Took: 4200 * time.Millisecond,
	}
}

// clean is an audit that passed.
func clean() finding.Audit {
	a := everything()
	a.Isolated, a.Runtime, a.Complaints, a.Incidents = true, "containers", nil, nil
	a.Controls = []finding.Finding{control(), control()}
	a.Findings = []finding.Finding{
		found("usage/no-eku", "1.2", finding.Passed),
		found("usage/no-eku", "1.3", finding.Passed),
	}
	return a
}

// uncontrolled is an audit that passed but for its controls.
func uncontrolled() finding.Audit {
	a := clean()
	a.Controls = a.Controls[:1]
	return a
}

// ofProduct is an audit of somebody else's image, which fails and leaves something
// untried.
func ofProduct() finding.Audit {
	a := clean()
	a.Product = &finding.Product{
		Name: "nginx", About: "nginx as it is shipped", Version: "nginx version: nginx/1.29.6",
		Image:  "docker.io/library/nginx:1.29",
		Digest: "sha256:" + strings.Repeat("fedcba9876543210", 4), Authentication: []string{"ssl_verify_client on;"},
		Hint: "look at $ssl_client_s_dn in the configuration " + hostile,
	}
	revoked, missing := found(
		"revocation/revoked-leaf",
		"1.3",
		finding.Untried,
	), found(
		"revocation/no-list",
		"1.3",
		finding.Untried,
	)
	for _, f := range []*finding.Finding{&revoked, &missing} {
		f.Decision, f.Client, f.Server, f.Means = "", "", "", "it has no setting for a revocation list"
	}
	silent := found("operational/no-key", "1.2", finding.Untried)
	silent.Means = ""
	a.Findings = append(a.Findings, revoked, missing, silent, found("identity/wrong-name", "1.3", finding.Failed))
	return a
}

// hundreds is an audit in which nearly all of three groups failed.
func hundreds() finding.Audit {
	a := clean()
	for i := range 120 {
		for _, group := range []string{"identity", "chain", "usage"} {
			status := finding.Failed
			if group == "chain" && i%2 == 0 {
				status = finding.Inconclusive
			}
			a.Findings = append(a.Findings, found(fmt.Sprintf("%s/case-%03d", group, i), "1.3", status))
		}
	}
	return a
}
