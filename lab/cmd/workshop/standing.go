package workshop

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/learn"
)

// stand is how far a learner is with an exercise.
type stand struct {
	Exercise string     `json:"exercise"`
	Begun    time.Time  `json:"begun"`
	Checks   int        `json:"checks"`
	Hints    int        `json:"hints"`
	Passed   *time.Time `json:"passed,omitempty"` // as it is claimed
	Still    *bool      `json:"still,omitempty"`  // whether it does now; absent if nobody looked
	Why      string     `json:"why,omitempty"`    // if it does not
}

// standing is how far the learner is with all exercises that were begun.
func standing(w *learn.Workshop) (all []stand) {
	for _, id := range sorted(w.Exercises) {
		m := w.Exercises[id]
		all = append(all, stand{Exercise: id, Begun: m.Begun, Checks: m.Checks, Hints: m.Hints, Passed: m.Passed})
	}
	return all
}

// look finds out whether what was passed still does.
func (s *stand) look(ctx context.Context, w *learn.Workshop, k learn.Checker) error {
	if s.Passed == nil {
		return nil
	}
	e, err := w.Exercise(s.Exercise)
	if err != nil {
		s.Why = "it cannot be checked here: " + err.Error()
		return nil //nolint:nilerr // it is one of somebody's own, which is not here
	}
	result, err := w.Look(ctx, k, e)
	switch missing, is := errors.AsType[*learn.MissingError](err); {
	case is:
		s.Why = "it cannot be checked here: " + missing.Error()
		return nil
	case err != nil:
		return err
	}
	s.Still, s.Why = &result.Passed, result.First().Means
	return nil
}

// word is how far it is, in a few words.
func (s *stand) word() string {
	switch {
	case s.Passed == nil:
		return "begun"
	case s.Still == nil:
		return "passed, it is said"
	case *s.Still:
		return "passed"
	default:
		return "passed once, and does not any more"
	}
}

func printProgress(cmd *cobra.Command, w *learn.Workshop, all []stand) error {
	if cli.WantsJSON(cmd) {
		return cli.PrintJSON(cmd.OutOrStdout(), struct {
			Format  int     `json:"format"`
			Learner string  `json:"learner"`
			Stands  []stand `json:"exercises"`
		}{1, w.Learner(), all})
	}
	p := page(cmd)
	const column = 28
	passed := 0
	for i := range all {
		s := &all[i]
		text := s.word()
		if s.Passed != nil && (s.Still == nil || *s.Still) {
			passed++
			text += ", " + s.Passed.Local().Format(time.DateTime)
		}
		text += fmt.Sprintf("; %s, %s", console.Plural(s.Checks, "check"), console.Plural(s.Hints, "hint"))
		p.Row(s.Exercise, column, "", text, 0)
		if s.Why != "" {
			p.Row("", column, "", s.Why, 0)
		}
	}
	p.Row("", column, "", fmt.Sprintf("%d of %d passed; %s", passed, count(), w.Learner()), 0)
	return flush(cmd, p)
}
