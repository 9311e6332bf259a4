package report_test

import (
	"regexp"
	"strings"
	"testing"
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

// checkMarkdown checks that nothing outside of code can be markup but what the
// report puts there, and that every row of a table has as many cells as its head.
func checkMarkdown(t *testing.T, got string) {
	t.Helper()
	pipes := 0
	for line := range strings.Lines(got) {
		line = withoutCode(strings.TrimSuffix(line, "\n"))
		bare := strings.ReplaceAll(line, "**", "")
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
