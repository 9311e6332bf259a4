package workshop

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/exercises"
	"github.com/mtlslab/mtlslab/lab/learn"
)

// indent is where texts begin, beside what they are.
const indent = 12

func page(cmd *cobra.Command) *console.Page {
	return &console.Page{Width: console.DefaultWidth, Color: cli.InColor(cmd.OutOrStdout())}
}

func flush(cmd *cobra.Command, p *console.Page) error {
	_, err := p.WriteTo(cmd.OutOrStdout())
	return err
}

func sorted[T any](all map[string]T) []string { return slices.Sorted(maps.Keys(all)) }

// listed is an exercise in the document of a list.
type listed struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Minutes int    `json:"minutes"`
	Needs   string `json:"needs,omitempty"`
	Passed  bool   `json:"passed"`
}

func printList(cmd *cobra.Command, w *learn.Workshop) error {
	var all []listed
	minutes := 0
	for _, e := range exercises.All() {
		one := listed{ID: e.ID, Title: e.Title, Minutes: e.Minutes, Needs: e.Needs}
		if w != nil {
			mark := w.Mark(e.ID)
			one.Passed = mark != nil && mark.Passed != nil
		}
		minutes += e.Minutes
		all = append(all, one)
	}
	if cli.WantsJSON(cmd) {
		return cli.PrintJSON(cmd.OutOrStdout(), struct {
			Format    int      `json:"format"`
			Exercises []listed `json:"exercises"`
		}{1, all})
	}
	p := page(cmd)
	for _, one := range all {
		text := fmt.Sprintf("%s (%d min)", one.Title, one.Minutes)
		if one.Needs != "" {
			text += "; needs " + one.Needs
		}
		mark := "  "
		if one.Passed {
			mark = "x "
		}
		p.Row(mark+one.ID, 28, "", text, 0)
	}
	p.Row("", 28, "", fmt.Sprintf("%d minutes of reading and typing, about", minutes), 0)
	return flush(cmd, p)
}

func printStart(cmd *cobra.Command, w *learn.Workshop, e exercises.Exercise) error {
	dir := w.DirOf(e.ID)
	if cli.WantsJSON(cmd) {
		return cli.PrintJSON(cmd.OutOrStdout(), struct {
			Format   int      `json:"format"`
			Exercise string   `json:"exercise"`
			Learner  string   `json:"learner"`
			Dir      string   `json:"dir"`
			Files    []string `json:"files"`
		}{1, e.ID, w.Learner(), dir, sorted(e.Start)})
	}
	p := page(cmd)
	p.Row("exercise", indent, "", fmt.Sprintf("%s  %s, about %d minutes", e.ID, e.Title, e.Minutes), 0)
	if e.Needs != "" {
		p.Row("needs", indent, "", e.Needs, 0)
	}
	p.Row("read", indent, "", fromHere(filepath.Join(dir, learn.PageFile)), 0)
	p.Row("edit", indent, "", edited(dir, e), 0)
	p.Row("then", indent, "", "mtlslab learn check, or watch in another terminal; hint if you are stuck", 0)
	return flush(cmd, p)
}

func printResult(cmd *cobra.Command, w *learn.Workshop, e exercises.Exercise, r learn.Result) error {
	if cli.WantsJSON(cmd) {
		return cli.PrintJSON(cmd.OutOrStdout(), r)
	}
	p := page(cmd)
	rowsOf(p, e, r)
	if !r.Passed {
		p.Row("next", indent, "", fmt.Sprintf("edit %s, and check again; %s", edited(w.DirOf(e.ID), e), hintsOpen(w, e)), 0)
	}
	return flush(cmd, p)
}

// hintsOpen says how many hints are open.
func hintsOpen(w *learn.Workshop, e exercises.Exercise) string {
	return fmt.Sprintf("%d of %d hints are open: mtlslab learn hint", w.Mark(e.ID).Hints, exercises.Rungs)
}

// rowsOf are what came of a check: each claim, the first that failed with what either side saw and
// what it means.
func rowsOf(p *console.Page, e exercises.Exercise, r learn.Result) {
	p.Row("exercise", indent, "", e.ID+"  "+e.Title, 0)
	failed := 0
	for _, f := range r.Claims {
		if f.Passed {
			p.Rows("ok", indent, console.Green, console.Wrap(f.Is, p.Width-indent))
			continue
		}
		p.Rows("not yet", indent, console.Red, console.Wrap(f.Is, p.Width-indent))
		if failed++; failed > 1 {
			continue // one thing at a time
		}
		for _, saw := range []struct{ who, what string }{{"client saw", f.ClientSaw}, {"server saw", f.ServerSaw}} {
			if saw.what != "" {
				p.Row("  "+saw.who, indent+2, "", saw.what, 0)
			}
		}
		p.Row("  it means", indent+2, "", f.Means, 0)
	}
	if r.Passed {
		p.Rows("passed", indent, console.Green, []string{"all of it; go on: mtlslab learn next"})
	}
}

// rungs are what the hints are about.
var rungs = [exercises.Rungs]string{"symptom", "look at", "concept"}

func printHints(cmd *cobra.Command, e exercises.Exercise, hints []string) error {
	if cli.WantsJSON(cmd) {
		return cli.PrintJSON(cmd.OutOrStdout(), struct {
			Format   int      `json:"format"`
			Exercise string   `json:"exercise"`
			Hints    []string `json:"hints"`
		}{1, e.ID, hints})
	}
	p := page(cmd)
	for i, hint := range hints {
		p.Row(rungs[i], indent, "", hint, 0)
	}
	if left := exercises.Rungs - len(hints); left > 0 {
		p.Row("", indent, "", console.Plural(left, "more hint"), 0)
	}
	return flush(cmd, p)
}

func printSolution(cmd *cobra.Command, e exercises.Exercise) error {
	if cli.WantsJSON(cmd) {
		return cli.PrintJSON(cmd.OutOrStdout(), struct {
			Format   int              `json:"format"`
			Exercise string           `json:"exercise"`
			Edits    []exercises.Edit `json:"edits"`
		}{1, e.ID, e.Solution})
	}
	p := page(cmd)
	for _, edit := range e.Solution {
		file := edit.File
		if file == "" {
			file = exercises.LabFile
		}
		p.WriteString(file + "\n")
		for _, line := range lines(edit.Replace) {
			p.WriteString(p.Paint(console.Red, "- "+line) + "\n")
		}
		for _, line := range lines(edit.By) {
			p.WriteString(p.Paint(console.Green, "+ "+line) + "\n")
		}
	}
	p.Row("because", indent, "", e.Hints[exercises.Rungs-1], 0)
	return flush(cmd, p)
}

func lines(text string) []string {
	if text = strings.TrimSuffix(text, "\n"); text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

func printFaults(cmd *cobra.Command, e exercises.Exercise, faults []string) error {
	if cli.WantsJSON(cmd) {
		err := cli.PrintJSON(cmd.OutOrStdout(), struct {
			Format   int      `json:"format"`
			Exercise string   `json:"exercise"`
			Faults   []string `json:"faults"`
		}{1, e.ID, faults})
		if err != nil || len(faults) == 0 {
			return err
		}
		return cli.ErrFail
	}
	p := page(cmd)
	for _, fault := range faults {
		p.Rows("fault", indent, console.Red, console.Wrap(fault, p.Width-indent))
	}
	if len(faults) > 0 {
		if err := flush(cmd, p); err != nil {
			return err
		}
		return cli.ErrFail
	}
	p.Row(
		"ok",
		indent,
		"",
		fmt.Sprintf("%s fails as it is given, its solution passes, and %s and %s fail for their reasons",
			e.ID, console.Plural(len(e.Wrong), "wrong fix"), console.Plural(len(e.Cheats), "cheat")),
		0,
	)
	return flush(cmd, p)
}
