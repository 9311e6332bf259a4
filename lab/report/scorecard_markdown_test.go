package report_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/mtlslab/mtlslab/lab/finding"
)

// withoutCode is the line without its code spans (CommonMark 0.31.2, 6.1), which end
// at as many backticks as they begin with.
func withoutCode(line string) string {
	runs := regexp.MustCompile("`+").FindAllStringIndex(line, -1)
	var out strings.Builder
	from := 0
	for i := 0; i < len(runs); i++ {
		for j := i + 1; j < len(runs); j++ {
			if runs[j][1]-runs[j][0] == runs[i][1]-runs[i][0] {
				out.WriteString(line[from:runs[i][0]])
				from, i = runs[j][1], j
				break
			}
		}
	}
	return out.String() + line[from:]
}

// ours are addresses of adapters, which lead somewhere.
var ours = regexp.MustCompile(`^- (Remedy|Reported): .*`)

// checkMarkdown checks that nothing outside of code can be markup but what the
// report puts there, and that every row of a table has as many cells as its head.
func checkMarkdown(t *testing.T, got string) {
	t.Helper()
	pipes := 0
	for line := range strings.Lines(got) {
		line = withoutCode(strings.TrimSuffix(line, "\n"))
		bare := strings.ReplaceAll(line, "**", "")
		if ours.MatchString(line) {
			bare = regexp.MustCompile(`<https://[^\s<>]+>`).ReplaceAllString(bare, "")
		}
		if strings.ContainsAny(bare, "<>[]{}~@`\\*_!$") || strings.Contains(bare, "://") || strings.Contains(bare, "www.") {
			t.Errorf("markup in %q", line)
		}
		n := strings.Count(line, "|")
		if pipes > 0 && n > 0 && n != pipes {
			t.Errorf("%d pipes, and %d in the head: %q", n, pipes, line)
		}
		if n > 0 != strings.HasPrefix(line, "|") {
			t.Errorf("a pipe in %q", line)
		}
		pipes = n
	}
}

func TestScorecardMarkdown(t *testing.T) {
	t.Parallel()
	checkMarkdown(t, written(t, "scorecard.md", few()))
	checkMarkdown(t, written(t, "scorecard.md", synthetic(t)))
}

// advised is few, one of which has remedies and is reported on.
func advised() finding.Scorecard {
	sc := few()
	a := &sc.Audits[2]
	a.Product = &finding.Product{
		Name: "evil", Version: "https://peer.example/",
		Reports: []finding.Report{{
			At: "https://reported.example/1", Says: "It <b>is</b> so.", Fails: []string{"chain/none"},
			Found: "(https://found.example).",
		}},
	}
	a.Remedies = []finding.Remedy{
		{Setting: "verify *on*", Source: "https://remedy.example/a_b?c=d#e", Mends: []string{"chain/x"}},
		{Setting: "verify off", Wrong: "it said: see https://peer.example/"},
	}
	return sc
}

// Where a remedy is written, and a report, is a link; what a peer says is none.
func TestAddressesOfAdapters(t *testing.T) {
	t.Parallel()
	got := written(t, "scorecard.md", advised())
	checkMarkdown(t, got)
	for _, want := range []string{
		"verify &#42;on&#42;; seen to mend 1 case: <https://remedy.example/a_b?c=d#e>\n",
		"It &lt;b&gt;is&lt;/b&gt; so. <https://reported.example/1> (", "(<https://found.example>).",
		"https&#58;//peer.example/",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}
