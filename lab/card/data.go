package card

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/report"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// htmlData is what the page's script makes details of. Dozens of peers with hundreds
// of findings each say mostly the same, so every text is there once and is meant by
// its place in Texts, of which the first is empty.
type htmlData struct {
	Texts        []string         `json:"texts"`
	Statuses     []finding.Status `json:"statuses"`
	Columns      []string         `json:"columns"`
	Cases        [][4]int         `json:"cases"` // id, summary, expectation, citation
	Peers        []htmlPeerData   `json:"peers"`
	Certificates []certificate    `json:"certificates"`
	Sent         map[string][]int `json:"sent"`  // certificates by the run, the audited role and the case's id
	Pairs        [][]interopData  `json:"pairs"` // of the interop

	texts map[string]int
	cases map[[4]int]int
	certs map[string]int
}

type (
	htmlPeerData struct {
		Name           int            `json:"name"`
		Run            int            `json:"run"`
		Role           wire.Role      `json:"role"`
		Verdict        finding.Status `json:"verdict"`
		Facts          [][2]int       `json:"facts"` // label, text
		Authentication []int          `json:"authentication,omitempty"`
		Adjusted       []int          `json:"adjusted,omitempty"`
		Hint           int            `json:"hint,omitempty"`
		Complaints     []int          `json:"complaints,omitempty"`
		Controls       []findingData  `json:"controls"`
		Findings       []findingData  `json:"findings"`
	}
	// findingData is column, case, version, status, outcome, client, server, means,
	// waiver, repeat and microseconds. In repeat the case's id stands as \x01 and the
	// version as \x02, so that a peer has one such text.
	findingData [11]int
	// interopData is client, server, version, status, saw and microseconds.
	interopData [6]int
	// certificate is one that was sent.
	certificate struct {
		Facts  [][2]int `json:"facts"`           // label, text
		Fault  int      `json:"fault,omitempty"` // why it cannot be parsed
		Base64 string   `json:"base64"`          // DER
	}
)

var statuses = []finding.Status{finding.Failed, finding.Inconclusive, finding.Waived, finding.Passed, finding.Untried}

func dataOf(sc finding.Scorecard, columns []string) *htmlData {
	d := &htmlData{
		Statuses: statuses, Columns: columns, Sent: map[string][]int{},
		Cases: [][4]int{}, Peers: []htmlPeerData{}, Certificates: []certificate{}, Pairs: [][]interopData{},
		texts: map[string]int{}, cases: map[[4]int]int{}, certs: map[string]int{},
	}
	d.text("")
	place := map[string]int{}
	for i, name := range columns {
		place[name] = i
	}
	for _, a := range sc.Audits {
		d.Peers = append(d.Peers, d.peer(a, place))
	}
	for _, s := range sc.Sent {
		var chain []int
		for _, der := range s.Chain {
			chain = append(chain, d.certificate(der))
		}
		d.Sent[wire.Printable(s.Run)+" "+string(s.Role.Other())+" "+wire.Printable(s.Case)] = chain
	}
	return d
}

// text is the place of the text, made printable.
func (d *htmlData) text(text string) int { return d.raw(wire.Printable(text)) }

func (d *htmlData) raw(text string) int {
	i, ok := d.texts[text]
	if !ok {
		i = len(d.Texts)
		d.texts[text] = i
		d.Texts = append(d.Texts, text)
	}
	return i
}

// fact is one of a peer or a case.
func fact(label, text string) finding.Part { return finding.Part{Label: label, Text: text} }

// facts are labels and texts, but for the empty ones.
func (d *htmlData) facts(pairs ...finding.Part) [][2]int {
	facts := [][2]int{}
	for _, p := range pairs {
		if p.Text != "" {
			facts = append(facts, [2]int{d.text(p.Label), d.text(p.Text)})
		}
	}
	return facts
}

func (d *htmlData) peer(a finding.Audit, place map[string]int) htmlPeerData {
	product := finding.Product{}
	if a.Product != nil {
		product = *a.Product
	}
	isolated := "not proven"
	if a.Isolated {
		isolated = "proven"
	}
	p := htmlPeerData{
		Name: d.raw(peerName(a)), Run: d.text(a.Run), Role: a.Role, Verdict: a.Verdict(), Hint: d.text(product.Hint),
		Facts: d.facts(append([]finding.Part{
			fact("about", product.About), fact("version", product.Version), fact("image", product.Image),
			fact("digest", product.Digest), fact("size", sizeOf(product)), fact("protocol", product.Speaks),
			fact("TLS library", product.Library), fact("subject", a.Subject), fact("profile", string(a.Profile)),
			fact("runtime", a.Runtime), fact("isolation", isolated),
			fact("began", a.Began.UTC().Format("2006-01-02 15:04:05 UTC")), fact("took", console.Duration(a.Took)),
			fact("findings", words(finding.Group{Findings: a.Findings})), fact("broke", a.Broke),
		}, append(report.Remedies(a), report.Reports(a)...)...)...),
		Controls: []findingData{}, Findings: []findingData{},
	}
	for _, line := range product.Authentication {
		p.Authentication = append(p.Authentication, d.text(line))
	}
	for _, line := range product.Adjusted {
		p.Adjusted = append(p.Adjusted, d.text(line))
	}
	for _, complaint := range a.Complaints {
		p.Complaints = append(p.Complaints, d.text(complaint))
	}
	for i := range a.Controls {
		p.Controls = append(p.Controls, d.finding(a.Control(i), 0))
	}
	for _, f := range a.Findings {
		p.Findings = append(p.Findings, d.finding(f, place[column(f)]))
	}
	return p
}

// sizeOf is that of a product's image; empty if nobody knows.
func sizeOf(p finding.Product) string {
	if p.Size <= 0 {
		return ""
	}
	return fmt.Sprintf("%.0f MB", float64(p.Size)/1e6)
}

func (d *htmlData) finding(f finding.Finding, column int) findingData {
	id, version := wire.Printable(f.Case), wire.Printable(f.Version)
	means := wire.Printable(f.Means)
	if s := f.Shown(); means == "" && (s == finding.Inconclusive || s == finding.Untried) {
		means = f.Parts()[2].Text
	}
	repeat := wire.Printable(f.Repeat)
	if id != "" {
		repeat = strings.ReplaceAll(repeat, "--case "+id, "--case \x01")
	}
	if version != "" {
		repeat = strings.ReplaceAll(repeat, "--version "+version, "--version \x02")
	}
	return findingData{
		column, d.caseOf(f), d.raw(version), rank(f.Shown()), d.raw(f.Outcome()), d.text(f.Client), d.text(f.Server),
		d.raw(means), d.text(f.Waiver), d.raw(repeat), micros(f.Took),
	}
}

// caseOf is the place of what the finding says of its case.
func (d *htmlData) caseOf(f finding.Finding) int {
	key := [4]int{d.text(f.Case), d.text(f.Summary), d.text(finding.Expected(f.Expect)), d.text(f.Cite)}
	i, ok := d.cases[key]
	if !ok {
		i = len(d.Cases)
		d.cases[key] = i
		d.Cases = append(d.Cases, key)
	}
	return i
}

func rank(s finding.Status) int {
	for i, one := range statuses {
		if one == s {
			return i
		}
	}
	return 1 // inconclusive
}

func micros(d time.Duration) int { return int(d / time.Microsecond) }

// addPair adds the interop of a client and a server, and returns their place.
func (d *htmlData) addPair(interop []finding.Interop) int {
	pair := []interopData{}
	for _, c := range interop {
		pair = append(pair, interopData{
			d.raw(
				finding.Or(c.Client, "unnamed"),
			), d.raw(finding.Or(c.Server, "unnamed")), d.text(c.Version), rank(interopStatus(c)), d.text(c.Saw), micros(c.Took),
		})
	}
	d.Pairs = append(d.Pairs, pair)
	return len(d.Pairs) - 1
}

// certificate is the place of one that was sent.
func (d *htmlData) certificate(der []byte) int {
	if i, ok := d.certs[string(der)]; ok {
		return i
	}
	one := certificate{Facts: [][2]int{}, Base64: base64.StdEncoding.EncodeToString(der)}
	facts, err := finding.Decode(der)
	if err != nil {
		one.Fault = d.text(fmt.Sprintf("cannot be parsed: %v", err))
	} else {
		one.Facts = d.facts(facts...)
	}
	d.Certificates = append(d.Certificates, one)
	d.certs[string(der)] = len(d.Certificates) - 1
	return len(d.Certificates) - 1
}
