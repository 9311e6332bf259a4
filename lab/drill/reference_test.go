package drill_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/drill"
)

var update = flag.Bool("update-reference", false, "write docs/reference/drills.md anew")

const reference = "../../docs/reference/drills.md"

// The page of all drills is made of them.
func TestReference(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# Drills\n\nMade of the code by `go test ./lab/drill -update-reference`. " +
		"How to run one: [drill a rotation](../how-to/drill.md).\n\n" +
		wrapped("Clients send over a kept connection, over new ones "+
			"and over resumed sessions. Where nothing is said of a client, all its messages must be delivered."))
	for _, d := range drill.All() {
		fmt.Fprintf(&b, "\n## %s\n\n", d.Name)
		b.WriteString(wrapped(strings.ToUpper(d.Summary[:1]) + d.Summary[1:] + ". " + d.Why))
		if d.Isolated {
			b.WriteString("\nIt needs containers.\n")
		}
		b.WriteString("\n")
		for i, s := range d.Steps {
			fmt.Fprintf(&b, "%d. %s%s\n", i+1, s.Name, aside(s))
		}
		for _, c := range d.Clients {
			if len(c.Course) > 0 {
				b.WriteString("\n" + wrapped(course(c)))
			}
		}
	}
	if *update {
		if err := os.WriteFile(reference, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("run go test ./lab/drill -update-reference (-page +code):\n%s", diff)
	}
}

// wrapped is a paragraph of the page.
func wrapped(text string) string {
	const columns = 130
	return strings.Join(console.Wrap(text, columns), "\n") + "\n"
}

func aside(s drill.Step) string {
	switch {
	case s.Bad && s.Server == nil:
		return " (step-ca refuses, and who asked goes on with what he had)"
	case s.Bad:
		return " (the server goes on with what it had, and says so)"
	case s.Expires != "" || s.Matures != "":
		return " (waited for)"
	default:
		return ""
	}
}

func course(c drill.Client) string {
	parts := make([]string, len(c.Course))
	for i, s := range c.Course {
		parts[i] = string(s.Fate)
		if s.By != "" {
			parts[i] += " by the " + string(s.By)
		}
		for k, reason := range s.Reasons {
			parts[i] += []string{" for `", " or `"}[min(k, 1)] + string(reason) + "`"
		}
		if s.From != "" {
			parts[i] = "from “" + s.From + "” on " + parts[i]
		}
	}
	return "Messages of *" + c.Holder + "* are " + strings.Join(parts, ", ") + "."
}

// Names are each a drill's alone, and steps are named once in each, because courses name them.
func TestNames(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, d := range drill.All() {
		if seen[d.Name] || d.Summary == "" || d.Why == "" || len(d.Steps) == 0 || len(d.Clients) == 0 {
			t.Errorf("%s is there twice, or lacks something", d.Name)
		}
		seen[d.Name] = true
		steps := map[string]bool{"": true}
		for _, s := range d.Steps {
			if steps[s.Name] {
				t.Errorf("%s: a step %q is there twice, or has no name", d.Name, s.Name)
			}
			steps[s.Name] = true
		}
		for _, c := range d.Clients {
			for _, s := range c.Course {
				if !steps[s.From] {
					t.Errorf("%s: the course of %s names a step %q that there is not", d.Name, c.Holder, s.From)
				}
			}
		}
	}
	if _, err := drill.Named("none"); err == nil {
		t.Error("there is a drill of no name")
	}
}
