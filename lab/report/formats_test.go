package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/report"
)

// audits are those that every format is tried with.
var audits = []struct {
	name  string
	audit func() finding.Audit
}{
	{"everything", everything},
	{"clean", clean},
	{"uncontrolled", uncontrolled},
	{"product", ofProduct},
	{"empty", func() finding.Audit { return finding.Audit{} }},
}

func TestFormats(t *testing.T) {
	t.Parallel()
	for _, format := range []struct {
		ending string
		write  func(io.Writer, finding.Audit) error
		check  func(*testing.T, []byte, finding.Audit)
	}{
		{".json", report.JSON, checkJSON},
		{".xml", report.JUnit, checkJUnit},
		{".sarif", report.SARIF, checkSARIF},
		{".html", report.HTML, checkHTML},
	} {
		for _, c := range audits {
			t.Run(c.name+format.ending, func(t *testing.T) {
				t.Parallel()
				var out, turned bytes.Buffer
				a := c.audit()
				if err := format.write(&out, a); err != nil {
					t.Fatal(err)
				}
				checkPrintable(t, out.String())
				format.check(t, out.Bytes(), a)
				golden(t, c.name+format.ending, out.Bytes())
				slices.Reverse(a.Findings)
				if err := format.write(&turned, a); err != nil || !bytes.Equal(out.Bytes(), turned.Bytes()) {
					t.Errorf("the order of the findings shows; error %v", err)
				}
			})
		}
	}
}

func checkPrintable(t *testing.T, got string) {
	t.Helper()
	for _, r := range got {
		if r != '\n' && (r == utf8.RuneError || !strconv.IsPrint(r)) {
			t.Errorf("%U is raw", r)
		}
	}
}

func checkJSON(t *testing.T, got []byte, a finding.Audit) {
	t.Helper()
	var document report.Document
	decoder := json.NewDecoder(bytes.NewReader(got))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&document); err != nil {
		t.Fatal(err)
	}
	if document.Format != finding.Format || document.Verdict != a.Verdict() {
		t.Errorf("format %d, verdict %s", document.Format, document.Verdict)
	}
	var again bytes.Buffer
	if err := report.JSON(&again, document.Audit); err != nil || !bytes.Equal(again.Bytes(), got) {
		t.Errorf("read and written again, it is (error %v)\n%s", err, again.Bytes())
	}
}

// What a peer said is in the JSON as it said it, but for what is not UTF-8.
func TestJSONIsLossless(t *testing.T) {
	t.Parallel()
	a := clean()
	a.Findings[0].Client = hostile + "\U000e0001\u007f\u2028\ufffe"
	var out bytes.Buffer
	var document report.Document
	if err := errors.Join(report.JSON(&out, a), json.Unmarshal(out.Bytes(), &document)); err != nil {
		t.Fatal(err)
	}
	if got, want := document.Findings[0].Client, strings.ToValidUTF8(a.Findings[0].Client, "\ufffd"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

type junit struct {
	XMLName  xml.Name `xml:"testsuites"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Suites   []struct {
		Name     string `xml:"name,attr"`
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
		Skipped  int    `xml:"skipped,attr"`
		Cases    []struct {
			Name    string    `xml:"name,attr"`
			Class   string    `xml:"classname,attr"`
			Failure []message `xml:"failure"`
			Error   []message `xml:"error"`
			Skipped []message `xml:"skipped"`
			Out     string    `xml:"system-out"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

type message struct {
	Message string `xml:"message,attr"`
}

func checkJUnit(t *testing.T, got []byte, a finding.Audit) {
	t.Helper()
	var document junit
	decoder := xml.NewDecoder(bytes.NewReader(got))
	if err := decoder.Decode(&document); err != nil {
		t.Fatal(err)
	}
	if rest := bytes.TrimSpace(got[decoder.InputOffset():]); len(rest) > 0 {
		t.Errorf("%q after the root", rest)
	}
	var tests, failures, failed int
	names := map[string]bool{}
	for _, suite := range document.Suites {
		var inSuite [4]int
		for _, c := range suite.Cases {
			if full := c.Class + " " + c.Name; names[full] {
				t.Errorf("%q is there twice", full)
			} else {
				names[full] = true
			}
			inSuite[0]++
			inSuite[1] += len(c.Failure)
			inSuite[2] += len(c.Error)
			inSuite[3] += len(c.Skipped)
			if suite.Name != "audit" &&
				(!strings.Contains(c.Out, "client saw: ") || !strings.Contains(c.Out, "server saw: ")) {
				t.Errorf("%s: system-out is %q", c.Name, c.Out)
			}
		}
		if inSuite != [4]int{suite.Tests, suite.Failures, suite.Errors, suite.Skipped} {
			t.Errorf("suite %s counts other than %v", suite.Name, inSuite)
		}
		tests += inSuite[0]
		failures += inSuite[1] + inSuite[2]
		failed += inSuite[1]
	}
	if document.Tests != tests || document.Failures+document.Errors != failures {
		t.Error("the counts of the whole are wrong")
	}
	if (failures == 0) != (a.Verdict() == finding.Passed) || (failed > 0) != (a.Verdict() == finding.Failed) {
		t.Errorf("%d failures in an audit that %s", failures, a.Verdict())
	}
}
