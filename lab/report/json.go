package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/mtlslab/mtlslab/lab/finding"
)

// Document is an audit as JSON, with what a program would else have to work out.
// Its schema is audit.schema.json, beside this file.
type Document struct {
	finding.Audit

	Verdict   finding.Status `json:"verdict"` // passed, failed or inconclusive
	WhoGetsIn []finding.Line `json:"who_gets_in"`
	Counts    Counts         `json:"counts"`
}

// Counts is how many findings have each status.
type Counts struct {
	Passed       int `json:"passed"`
	Failed       int `json:"failed"`
	Inconclusive int `json:"inconclusive"`
	Waived       int `json:"waived"`
	Untried      int `json:"untried"`
}

// JSON writes the audit as a [Document]. The error is the writer's.
func JSON(w io.Writer, a finding.Audit) error {
	a.Format = finding.Format
	a.Controls = append([]finding.Finding{}, a.Controls...) // an empty list, not null
	a.Findings = append([]finding.Finding{}, finding.Ordered(a.Findings)...)
	a.Began = a.Began.UTC()
	return Encode(
		w,
		Document{Audit: a, Verdict: a.Verdict(), WhoGetsIn: append([]finding.Line{}, a.WhoGetsIn()...), Counts: Counts{
			Passed: a.Count(finding.Passed), Failed: a.Count(finding.Failed),
			Inconclusive: a.Count(
				finding.Inconclusive,
			), Waived: a.Count(finding.Waived), Untried: a.Count(finding.Untried),
		}},
	)
}

// Encode writes JSON for people to read, with what could steer a terminal escaped
// so that a program still reads it as it was.
func Encode(w io.Writer, document any) error {
	var plain bytes.Buffer
	encoder := json.NewEncoder(&plain)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("encoding the report: %w", err)
	}
	var safe bytes.Buffer
	for _, r := range plain.String() {
		switch {
		case r == '\n' || strconv.IsPrint(r) && r != utf8.RuneError:
			safe.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&safe, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&safe, `\u%04x`, r)
		}
	}
	_, err := w.Write(safe.Bytes())
	return err
}
