package report_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/mtlslab/mtlslab/lab/card"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/report"
	"github.com/mtlslab/mtlslab/lab/wire"
)

func text(t testing.TB, a finding.Audit, o report.Options) string {
	t.Helper()
	var out bytes.Buffer
	if err := report.Text(&out, a, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file    string
		audit   finding.Audit
		options report.Options
	}{
		{"everything.txt", everything(), report.Options{}},
		{"everything-verbose.txt", everything(), report.Options{Verbose: true, Width: 100}},
		{"everything-color.txt", everything(), report.Options{Color: true, Width: 60}},
		{"clean.txt", clean(), report.Options{}},
		{"uncontrolled.txt", uncontrolled(), report.Options{}},
		{"product.txt", ofProduct(), report.Options{}},
		{"product-verbose.txt", ofProduct(), report.Options{Verbose: true}},
		{"hundreds.txt", hundreds(), report.Options{}},
		{"empty.txt", finding.Audit{}, report.Options{Verbose: true}},
	} {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			got := text(t, c.audit, c.options)
			checkText(t, got, c.options)
			golden(t, c.file, []byte(got))
		})
	}
}

// Whoever asks for all cases gets them: each is named, and each finding has a line.
func TestTextVerboseShowsAll(t *testing.T) {
	t.Parallel()
	got := text(t, hundreds(), report.Options{Verbose: true})
	checkText(t, got, report.Options{})
	for _, f := range hundreds().Findings {
		if !strings.Contains(got, "\n"+fmt.Sprintf("%-14s", f.Status)+f.Case+" [1.3]: ") {
			t.Errorf("no line of %s", f.Case)
		}
		if f.Status == finding.Failed && strings.Count(got, f.Case) < 2 {
			t.Errorf("%s is named by no fault", f.Case)
		}
	}
}

// What a shell makes of the lines of a command is the command.
func TestTextCommandCanBePasted(t *testing.T) {
	t.Parallel()
	image := "localhost:5000/shop/checkout@sha256:" + strings.Repeat("0123456789abcdef", 4)
	for name, command := range map[string]string{
		"short":      "mtlslab audit server --case usage/no-eku -v",
		"two lines":  "mtlslab audit server --case usage/extended-usage-of-the-intermediate --version 1.3 -v",
		"quoted":     "mtlslab audit server --case usage/no-eku --version 1.3 --program '/opt/our  server' -v",
		"long":       "mtlslab audit server " + image + " --case usage/no-eku --version 1.3 -v",
		"very long":  "mtlslab audit server " + long + long + " --case usage/no-eku --version 1.3 -v",
		"long first": long + " --case usage/no-eku",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := clean()
			a.Findings[0].Status, a.Findings[0].Attacker, a.Findings[0].Repeat = finding.Failed, cases.Nobody, command
			got := text(t, a, report.Options{})
			checkText(t, got, report.Options{})
			_, got, _ = strings.Cut(got, "  repeat")
			got, _, _ = strings.Cut(got, "\n\n")
			script := "set -- " + strings.TrimSpace(got) + "\nprintf '%s\\n' \"$@\""
			want := "set -- " + command + "\nprintf '%s\\n' \"$@\""
			if got, want := shell(t, script), shell(t, want); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func shell(t *testing.T, script string) string {
	t.Helper()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell: ", err)
	}
	out, err := exec.CommandContext(t.Context(), sh, "-c", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

func TestTextWriteFails(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(io.Writer) error{
		"text":  func(w io.Writer) error { return report.Text(w, everything(), report.Options{}) },
		"JSON":  func(w io.Writer) error { return report.JSON(w, everything()) },
		"JUnit": func(w io.Writer) error { return report.JUnit(w, everything()) },
		"SARIF": func(w io.Writer) error { return report.SARIF(w, everything()) },

		"scorecard":             func(w io.Writer) error { return card.Text(w, few(), report.Options{}) },
		"scorecard as JSON":     func(w io.Writer) error { return card.JSON(w, few()) },
		"scorecard as Markdown": func(w io.Writer) error { return card.Markdown(w, few()) },
		"scorecard as HTML":     func(w io.Writer) error { return card.HTML(w, few()) },
	} {
		reader, writer := io.Pipe()
		_ = reader.CloseWithError(os.ErrPermission)
		if err := write(writer); !errors.Is(err, os.ErrPermission) {
			t.Errorf("%s: error %v, want that of the writer", name, err)
		}
	}
}

var sgr = regexp.MustCompile("\x1b\\[[0-9]+m")

// checkText holds text against what Options promises.
func checkText(t *testing.T, got string, o report.Options) {
	t.Helper()
	if o.Color {
		got = sgr.ReplaceAllString(got, "")
	}
	width := max(60, cmp.Or(o.Width, 80))
	for line := range strings.Lines(got) {
		line = strings.TrimSuffix(line, "\n")
		if columns(line) > width {
			t.Errorf("%d columns, want at most %d: %q", columns(line), width, line)
		}
		for _, r := range line {
			if r != ' ' && !unicode.IsGraphic(r) || r == unicode.ReplacementChar ||
				unicode.In(r, unicode.Zl, unicode.Zp) {
				t.Errorf("%U in %q", r, line)
			}
		}
		if strings.TrimRight(line, " ") != line {
			t.Errorf("a space ends %q", line)
		}
	}
	last := got[strings.LastIndexByte(strings.TrimSuffix(got, "\n"), '\n')+1:]
	if !regexp.MustCompile(`^(PASS|FAIL|INCONCLUSIVE): .* in [0-9.]+ m?s\n$`).MatchString(last) {
		t.Errorf("the last line is %q", last)
	}
}

// columns counts by script, which is another way than the package's own.
func columns(line string) (n int) {
	for _, r := range line {
		n++
		half := r >= 0xff61 && r <= 0xffdc
		if !half && r > 0x11ff && unicode.In(
			r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana, unicode.Yi, unicode.Bopomofo,
		) ||
			r >= 0xff01 && r <= 0xff60 ||
			r >= 0x1f300 && r <= 0x1faff {
			n++
		}
	}
	return n
}

func FuzzText(f *testing.F) {
	f.Add(hostile, long, "usage", byte(80), true)
	f.Add("証明書", "имя", strings.Repeat("グループ", 20), byte(61), false)
	f.Add("a 'b c", strings.Repeat("x ", 200), "", byte(0), false)
	f.Add("\\", strings.Repeat("\u200d🙂e\u0301", 40), "\n", byte(255), true)
	f.Fuzz(func(t *testing.T, one, two, three string, width byte, flag bool) {
		a := finding.Audit{Subject: one, Runtime: two, Profile: cases.Profile(three), Role: wire.Role(two)}
		a.Complaints = []string{one, two}
		a.Controls = []finding.Finding{{Case: one, Client: two}}
		a.Findings = append(
			a.Findings,
			finding.Finding{
				Case:    one,
				Group:   three,
				Version: two,
				Summary: three,
				Status:  finding.Failed,
				Client:  one,
				Server:  two,
				Means:   three,
				Cite:    one,
				Repeat:  two,
			},
			finding.Finding{
				Case:     two,
				Group:    one,
				Status:   finding.Waived,
				Waiver:   three,
				Decision: one,
				By:       wire.Role(two),
				Reason:   wire.Reason(three),
				Took:     1,
			},
			finding.Finding{Case: three, Group: two, Status: finding.Status(one), Repeat: three, Took: 1 << 62},
			finding.Finding{Case: two, Group: three, Status: finding.Untried, Means: one},
		)
		a.Product = &finding.Product{Name: three, Version: one, Digest: two, Hint: three}
		o := report.Options{Verbose: flag, Color: !flag, Width: int(width)}
		if o.Color { // the escape sequences that a peer sends would be taken for ours
			o.Color = false
			plain := text(t, a, o)
			o.Color = true
			if sgr.ReplaceAllString(text(t, a, o), "") != plain {
				t.Error("colour changes the text")
			}
		}
		checkText(t, text(t, a, o), o)
	})
}
