package report_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/mtlslab/mtlslab/lab/card"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/report"
)

// written is the scorecard in that format.
func written(t testing.TB, format string, sc finding.Scorecard) string {
	t.Helper()
	var out strings.Builder
	for _, f := range formats {
		if f.name == format {
			if err := f.write(&out, sc); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out.String()
}

// turned is the same scorecard with everything in another order.
func turned(sc finding.Scorecard) finding.Scorecard {
	sc.Audits = slices.Clone(sc.Audits)
	for i := range sc.Audits {
		sc.Audits[i].Findings = slices.Clone(sc.Audits[i].Findings)
		slices.Reverse(sc.Audits[i].Findings)
	}
	sc.Interop, sc.Sent = slices.Clone(sc.Interop), slices.Clone(sc.Sent)
	slices.Reverse(sc.Audits)
	slices.Reverse(sc.Interop)
	slices.Reverse(sc.Sent)
	return sc
}

func TestScorecard(t *testing.T) {
	t.Parallel()
	for _, f := range formats {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			got, empty := written(t, f.name, few()), written(t, f.name, finding.Scorecard{})
			checkPrintable(t, got)
			checkPrintable(t, empty)
			if written(t, f.name, turned(few())) != got {
				t.Error("the order of what is in it shows")
			}
			if f.name != "scorecard.html" { // which is read by a browser, and not by people
				golden(t, f.name, []byte(got))
				golden(t, "empty-"+f.name, []byte(empty))
			}
		})
	}
}

// Writing a scorecard leaves it as it was.
func TestScorecardIsNotChanged(t *testing.T) {
	t.Parallel()
	sc, again := turned(few()), turned(few())
	for _, f := range formats {
		written(t, f.name, sc)
		if got, want := written(t, "scorecard.json", sc), written(t, "scorecard.json", again); got != want {
			t.Errorf("%s changes the scorecard", f.name)
		}
	}
	for i := range sc.Audits {
		if sc.Audits[i].Subject != again.Audits[i].Subject || sc.Audits[i].Format != 0 ||
			!reflect.DeepEqual(sc.Audits[i].Findings, again.Audits[i].Findings) {
			t.Errorf("audit %d is changed", i)
		}
	}
	for i := range sc.Sent {
		if (sc.Sent[i].Chain == nil) != (again.Sent[i].Chain == nil) {
			t.Errorf("chain %d is changed", i)
		}
	}
}

// checkScorecardText holds it against what Options promises.
func checkScorecardText(t *testing.T, got string, o report.Options) {
	t.Helper()
	for line := range strings.Lines(got) {
		line = strings.TrimSuffix(line, "\n")
		if width := max(80, cmp.Or(o.Width, 80)); columns(line) > width {
			t.Errorf("%d columns, want at most %d: %q", columns(line), width, line)
		}
		for _, r := range line {
			if r != ' ' && !unicode.IsGraphic(r) || r == unicode.ReplacementChar ||
				unicode.In(r, unicode.Zl, unicode.Zp) {
				t.Errorf("%U in %q", r, line)
			}
		}
	}
	last := got[strings.LastIndexByte(strings.TrimSuffix(got, "\n"), '\n')+1:]
	if !regexp.MustCompile(
		`^(PASS|FAIL|INCONCLUSIVE): \d+ passed.* of \d+ peers? in [0-9.]+ (m?s|min \d+ s)\n$`,
	).MatchString(
		last,
	) {
		t.Errorf("the last line is %q", last)
	}
}

func TestScorecardTextFits(t *testing.T) {
	t.Parallel()
	for _, o := range []report.Options{{}, {Width: 60}, {Width: 120, Verbose: true}} {
		got := written(t, "scorecard.txt", synthetic(t))
		checkScorecardText(t, got, o)
		if lines := strings.Count(got, "\n"); !o.Verbose && lines > 100 {
			t.Errorf("%d lines", lines)
		}
	}
	var plain, coloured bytes.Buffer
	if card.Text(&plain, synthetic(t), report.Options{}) != nil || card.Text(
		&coloured, synthetic(t), report.Options{Color: true},
	) != nil ||
		plain.String() == coloured.String() ||
		plain.String() != sgr.ReplaceAllString(coloured.String(), "") {
		t.Error("colour changes the text, or there is none")
	}
}

func TestScorecardVerdict(t *testing.T) {
	t.Parallel()
	of := func(audits ...finding.Audit) finding.Scorecard {
		return finding.Scorecard{Audits: audits, Took: 3 * time.Hour}
	}
	for want, sc := range map[string]finding.Scorecard{
		"INCONCLUSIVE: 0 passed of 0 peers in 180 min 0 s\n":                   of(),
		"PASS: 1 passed of 1 peer in 180 min 0 s\n":                            of(clean()),
		"INCONCLUSIVE: 1 passed, 1 inconclusive of 2 peers in 180 min 0 s\n":   of(clean(), uncontrolled()),
		"FAIL: 1 passed, 1 failed, 1 inconclusive of 3 peers in 180 min 0 s\n": of(clean(), uncontrolled(), everything()),
		"FAIL: 0 passed, 1 failed of 1 peer in 180 min 0 s\n":                  of(ofProduct()),
	} {
		if got := written(t, "scorecard.txt", sc); !strings.HasSuffix(got, "\n"+want) {
			t.Errorf("want %q at the end of\n%s", want, got)
		}
	}
}

func TestScorecardIsReadAgain(t *testing.T) {
	t.Parallel()
	for name, sc := range map[string]finding.Scorecard{"few": few(), "empty": {}, "synthetic": synthetic(t)} {
		document := written(t, "scorecard.json", sc)
		read, err := card.Read(strings.NewReader(document))
		if err != nil {
			t.Fatal(err)
		}
		if written(t, "scorecard.json", read) != document {
			t.Errorf("%s is another when it was read", name)
		}
	}
}

func TestReadScorecardRefuses(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		"":                       "reading the scorecard: EOF",
		"{":                      "reading the scorecard: unexpected EOF",
		"[]":                     "cannot unmarshal array",
		"{}":                     "it is of format 0, and not 2",
		`{"format": 1}`:          "it is of format 1, and not 2",
		`{"format": 2} {}`:       "something follows the document",
		`{"format": 2} nonsense`: "something follows the document",
		`{"format": 2, "sent": [{"chain": ["?"]}]}`: "illegal base64",
	} {
		if _, err := card.Read(strings.NewReader(document)); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", document, err, want)
		}
	}
	if _, err := card.Read(strings.NewReader(`{"format": 2, "later": true}`)); err != nil {
		t.Errorf("a field of a later program: %v", err)
	}
}

// FuzzReadScorecard holds every format against whatever can be read.
func FuzzReadScorecard(f *testing.F) {
	f.Add(written(f, "scorecard.json", few()))
	f.Add(`{"format": 2, "audits": [{"role": "x", "findings": [{"status": "failed", "case": "-"}]}], "interop": [{}]}`)
	f.Add(`{"format": 2, "sent": [{"chain": [null, "MAA="]}, {}], "took_ns": 9223372036854775807}`)
	f.Fuzz(func(t *testing.T, document string) {
		sc, err := card.Read(strings.NewReader(document))
		if err != nil {
			return
		}
		for _, format := range formats {
			got := written(t, format.name, sc)
			checkPrintable(t, got)
			switch format.name {
			case "scorecard.txt":
				sc.Took = max(0, sc.Took)
				checkScorecardText(t, written(t, format.name, sc), report.Options{})
			case "scorecard.md":
				checkMarkdown(t, got)
			case "scorecard.html":
				pageData(t, got)
			}
		}
	})
}

// data is what the page's script reads, as far as tests do.
type data struct {
	Texts        []string
	Peers        []struct{ Findings [][]int }
	Cases        [][]int
	Certificates []struct {
		Facts  [][2]int
		Fault  int
		Base64 []byte
	}
	Sent map[string][]int
}

func pageData(t *testing.T, page string) (d data) {
	t.Helper()
	_, rest, ok := strings.Cut(page, `<script type="application/json" id="data">`)
	text, _, end := strings.Cut(rest, "</script>")
	if !ok || !end || strings.ContainsAny(text, "<>&") {
		t.Fatal("the page has no data, or some that could end it")
	}
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// What a peer said is nowhere markup, and the page is as large as it need be.
func TestPageIsSafeAndSmall(t *testing.T) {
	t.Parallel()
	page := written(t, "scorecard.html", few())
	for _, raw := range []string{"<b>&amp;]]>", "<script>alert", `evil"`} {
		if strings.Contains(page, raw) {
			t.Errorf("%s is there as it was said", raw)
		}
	}
	if n := strings.Count(page, "<script"); n != 2 {
		t.Errorf("%d scripts", n)
	}
	for _, from := range []string{"http:", "https://", " src=", " href=", "url(", "@import"} {
		inData, _, _ := strings.Cut(page, `id="data"`)
		if strings.Contains(strings.ReplaceAll(inData, "(https://example.com)", ""), from) {
			t.Errorf("there is %q", from)
		}
	}
	sc := synthetic(t)
	if size := len(written(t, "scorecard.html", sc)); size > 4<<20 {
		t.Errorf("%d bytes", size)
	}
	sc.Sent = nil
	if size := len(written(t, "scorecard.html", sc)); size > 1200<<10 {
		t.Errorf("%d bytes with no certificates", size)
	}
}

// What was sent is decoded where it can be, and is there in any case.
func TestPageShowsWhatWasSent(t *testing.T) {
	t.Parallel()
	sc := synthetic(t)
	d := pageData(t, written(t, "scorecard.html", sc))
	parsed, broken := 0, 0
	for _, s := range sc.Sent {
		places := d.Sent[s.Run+" "+string(s.Role.Other())+" "+s.Case]
		if len(places) != len(s.Chain) {
			t.Fatalf("%s: %d of %d certificates", s.Case, len(places), len(s.Chain))
		}
		for i, place := range places {
			c := d.Certificates[place]
			if !bytes.Equal(c.Base64, s.Chain[i]) || (c.Fault != 0) == (len(c.Facts) > 0) {
				t.Errorf("%s, certificate %d: fault %q, facts %d", s.Case, i, d.Texts[c.Fault], len(c.Facts))
			}
			if c.Fault == 0 {
				parsed++
			} else if broken++; !strings.HasPrefix(d.Texts[c.Fault], "cannot be parsed: ") {
				t.Errorf("%s: %q", s.Case, d.Texts[c.Fault])
			}
		}
	}
	if parsed == 0 || broken == 0 {
		t.Errorf("%d certificates are parsed and %d are not", parsed, broken)
	}
	facts := map[string]string{}
	for _, fact := range d.Certificates[d.Sent[syntheticRun+" server control"][0]].Facts {
		facts[d.Texts[fact[0]]] = d.Texts[fact[1]]
	}
	for label, want := range map[string]string{
		"subject": "OU=client,O=mtlslab", "names": "URI:spiffe://lab/client", "key": "ECDSA, P-256",
		"key usage":      "digital signature",
		"extended usage": "client", "constraints": "authority: false", "signature": "ECDSA-SHA256",
	} {
		if facts[label] != want {
			t.Errorf("%s is %q, want %q", label, facts[label], want)
		}
	}
}
