package workshop

import (
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/exercises"
	"github.com/mtlslab/mtlslab/lab/learn"
)

// row is a learner on the board.
type row struct {
	Learner string  `json:"learner"`
	Dir     string  `json:"dir"`
	Fault   string  `json:"fault,omitempty"` // of a directory that cannot be read
	Stands  []stand `json:"exercises"`
}

func count() int { return len(exercises.All()) }

func (f *flags) board() *cobra.Command {
	var check, asCSV bool
	cmd := &cobra.Command{
		Use:   "board DIRECTORY...",
		Short: "Show who stands where: for the instructor",
		Long: `Show who stands where, from the directories of workshops, such as copies of them
or a shared file system. What is shown is what the directories claim; with
--check it is what is so.

A mark for each exercise: x passed, ! claimed and not so, o begun, . not begun.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cli.UsageError{Err: fmt.Errorf("%s takes the learners' directories", cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if asCSV && cli.WantsJSON(cmd) {
				return cli.UsageError{Err: errors.New("--csv and --json: choose one")}
			}
			k, end := f.checker()
			defer func() { err = errors.Join(err, end(cmd.Context())) }()
			var rows []row
			for _, dir := range args {
				r := row{Dir: dir}
				w, err := learn.Open(dir)
				if err != nil {
					r.Fault = err.Error()
					rows = append(rows, r)
					continue
				}
				r.Learner, r.Stands = w.Learner(), standing(w)
				for i := range r.Stands {
					if !check {
						continue
					}
					if err := r.Stands[i].look(cmd.Context(), w, k); err != nil {
						return err
					}
				}
				rows = append(rows, r)
			}
			switch {
			case cli.WantsJSON(cmd):
				return cli.PrintJSON(cmd.OutOrStdout(), struct {
					Format  int   `json:"format"`
					Checked bool  `json:"checked"`
					Rows    []row `json:"learners"`
				}{1, check, rows})
			case asCSV:
				return printCSV(cmd, rows)
			default:
				return printBoard(cmd, rows, check)
			}
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "check what the learners have made, in place of what is claimed")
	cmd.Flags().BoolVar(&asCSV, "csv", false, "print comma-separated values")
	return cmd
}

// mark is how far a learner is with an exercise, as one character.
func (r row) mark(id string) string {
	for i := range r.Stands {
		s := &r.Stands[i]
		switch {
		case s.Exercise != id:
		case s.Passed == nil:
			return "o"
		case s.Still != nil && !*s.Still:
			return "!"
		default:
			return "x"
		}
	}
	return "."
}

// passed is how many a learner has passed, of ours.
func (r row) passed() (n int) {
	for _, e := range exercises.All() {
		if r.mark(e.ID) == "x" {
			n++
		}
	}
	return n
}

func printBoard(cmd *cobra.Command, rows []row, checked bool) error {
	p := page(cmd)
	const column = 34
	var head []string
	for _, e := range exercises.All() {
		number, _, _ := strings.Cut(e.ID, "-")
		head = append(head, number)
	}
	p.Rows("learner", column, "", []string{strings.Join(head, " ")})
	for _, r := range rows {
		if r.Fault != "" {
			p.Row(r.Dir, column, "", r.Fault, 0)
			continue
		}
		var marks []string
		for _, e := range exercises.All() {
			marks = append(marks, " "+r.mark(e.ID))
		}
		p.Rows(r.Learner, column, "", []string{strings.Join(marks, " ") + "  " + strconv.Itoa(r.passed())})
	}
	note := "as the directories claim; --check tells what is so"
	if checked {
		note = "as it is now"
	}
	p.Row("", column, "", note, 0)
	return flush(cmd, p)
}

func printCSV(cmd *cobra.Command, rows []row) error {
	out := csv.NewWriter(cmd.OutOrStdout())
	head := []string{"learner", "directory", "passed"}
	for _, e := range exercises.All() {
		head = append(head, e.ID)
	}
	records := [][]string{append(head, "fault")}
	for _, r := range rows {
		record := []string{r.Learner, r.Dir, strconv.Itoa(r.passed())}
		for _, e := range exercises.All() {
			record = append(
				record,
				map[string]string{"x": "passed", "!": "claimed", "o": "begun", ".": ""}[r.mark(e.ID)],
			)
		}
		records = append(records, append(record, r.Fault))
	}
	return out.WriteAll(records)
}
