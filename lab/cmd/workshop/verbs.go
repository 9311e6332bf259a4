package workshop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/exercises"
	"github.com/mtlslab/mtlslab/lab/learn"
)

func (f *flags) list() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the exercises",
		Args:  cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, err := learn.Open(f.where())
			if err != nil && !errors.Is(err, learn.ErrNoWorkshop) {
				return err
			}
			return printList(cmd, w)
		},
	}
}

func (f *flags) start() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "start [EXERCISE]",
		Short: "Unpack an exercise, and say what there is to read",
		Long: `Unpack an exercise into a directory of yours, and say what there is to read; the
first that is not passed if none is named. One that has begun is taken up again.
EXERCISE is the beginning of an id, such as 02, or the directory of an exercise
of your own.`,
		Args: one,
		RunE: func(cmd *cobra.Command, args []string) error {
			w, err := f.begin()
			if err != nil {
				return cli.UsageError{Err: err}
			}
			e, from, err := meant(w, first(args))
			if err != nil {
				return cli.UsageError{Err: err}
			}
			if err := w.Start(cmd.Context(), e, from); err != nil {
				return err
			}
			return printStart(cmd, w, e)
		},
	}
	cmd.Flags().
		StringVar(&f.name, "name", "", "your name, which is part of the names in your labs (default: your login)")
	return cmd
}

// meant is the exercise that is named: one of ours, or of a directory.
func meant(w *learn.Workshop, named string) (e exercises.Exercise, from string, err error) {
	if named == "" {
		if e, ok := w.Next(""); ok {
			return e, "", nil
		}
		return e, "", errors.New("all exercises are passed; name one to take it up again")
	}
	if _, err := os.Stat(filepath.Join(named, "exercise.yaml")); err == nil {
		if from, err = filepath.Abs(named); err != nil {
			return e, "", err
		}
		e, err = exercises.ReadDir(from)
		return e, from, err
	}
	e, err = exercises.Find(named)
	return e, "", err
}

func (f *flags) check() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [EXERCISE]",
		Short: "Try what you have made of an exercise, by real exchanges",
		Args:  one,
		RunE: func(cmd *cobra.Command, args []string) error {
			w, e, err := f.open(args)
			if err != nil {
				return err
			}
			result, err := f.checked(cmd.Context(), w, e)
			if err != nil {
				return err
			}
			if err := printResult(cmd, w, e, result); err != nil {
				return err
			}
			if !result.Passed {
				return cli.ErrFail
			}
			return nil
		},
	}
	f.containersFlag(cmd)
	return cmd
}

// checked checks an exercise, in a lab that ends with it if it needs one.
func (f *flags) checked(ctx context.Context, w *learn.Workshop, e exercises.Exercise) (result learn.Result, err error) {
	k, end := f.checker()
	defer func() { err = errors.Join(err, end(ctx)) }()
	return w.Check(ctx, k, e)
}

func (f *flags) hint() *cobra.Command {
	return &cobra.Command{
		Use:   "hint [EXERCISE]",
		Short: "Open the next of three hints",
		Long: `Open the next of three hints: the symptom, where to look, the concept. None says
what to type.`,
		Args: one,
		RunE: func(cmd *cobra.Command, args []string) error {
			w, e, err := f.open(args)
			if err != nil {
				return err
			}
			hints, err := w.Hint(e)
			if err != nil {
				return err
			}
			return printHints(cmd, e, hints)
		},
	}
}

func (f *flags) solution() *cobra.Command {
	var giveUp bool
	cmd := &cobra.Command{
		Use:   "solution [EXERCISE]",
		Short: "Show how it is mended, once you have tried",
		Args:  one,
		RunE: func(cmd *cobra.Command, args []string) error {
			w, e, err := f.open(args)
			if err != nil {
				return err
			}
			if w.Mark(e.ID).Checks == 0 && !giveUp {
				return cli.UsageError{
					Err: errors.New("you have not checked anything yet: mtlslab learn check, or --give-up"),
				}
			}
			return printSolution(cmd, e.For(w.Learner()))
		},
	}
	cmd.Flags().BoolVar(&giveUp, "give-up", false, "show it though nothing was tried")
	return cmd
}

func (f *flags) reset() *cobra.Command {
	return &cobra.Command{
		Use:   "reset [EXERCISE]",
		Short: "Bring an exercise back as it was at first",
		Long: `Bring an exercise's files back as they were at first. What you have made is kept
beside them, as FILE.before.`,
		Args: one,
		RunE: func(cmd *cobra.Command, args []string) error {
			w, e, err := f.open(args)
			if err != nil {
				return err
			}
			if err := w.Reset(cmd.Context(), e); err != nil {
				return err
			}
			return printStart(cmd, w, e)
		},
	}
}

func (f *flags) next() *cobra.Command {
	var jump bool
	cmd := &cobra.Command{
		Use:   "next",
		Short: "Go on to the next exercise, if this one is mended",
		Args:  cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, e, err := f.open(nil)
			if err != nil {
				return err
			}
			if !jump {
				result, err := f.checked(cmd.Context(), w, e)
				if err != nil {
					return err
				}
				if !result.Passed {
					return errors.Join(printResult(cmd, w, e, result), cli.ErrFail)
				}
			}
			following, ok := w.Next(e.ID)
			if !ok {
				return printProgress(cmd, w, standing(w))
			}
			if err := w.Start(cmd.Context(), following, ""); err != nil {
				return err
			}
			return printStart(cmd, w, following)
		},
	}
	cmd.Flags().BoolVar(&jump, "jump", false, "whether or not this one is mended: for the instructor")
	return cmd
}

func (f *flags) progress() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "progress",
		Short: "Say what was passed, when, and whether it still does",
		Args:  cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			w, err := learn.Open(f.where())
			if err != nil {
				return cli.UsageError{Err: err}
			}
			k, end := f.checker()
			defer func() { err = errors.Join(err, end(cmd.Context())) }()
			stands := standing(w)
			for i := range stands {
				if err := stands[i].look(cmd.Context(), w, k); err != nil {
					return err
				}
			}
			return printProgress(cmd, w, stands)
		},
	}
	f.containersFlag(cmd)
	return cmd
}

func (f *flags) verify() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify DIRECTORY",
		Short: "Hold an exercise of your own to what holds for every one",
		Long: `Try an exercise as it is given, which must fail; its solution, which must pass;
and each of its wrong fixes and cheats, which must fail at the claim that is
about it, with a sentence that no other has.`,
		Args: exactly("the directory of one exercise"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			e, err := exercises.ReadDir(args[0])
			if err != nil {
				return cli.UsageError{Err: err}
			}
			k, end := f.checker()
			defer func() { err = errors.Join(err, end(cmd.Context())) }()
			faults, err := k.Verify(cmd.Context(), e)
			if err != nil {
				return err
			}
			return printFaults(cmd, e, faults)
		},
	}
	f.containersFlag(cmd)
	return cmd
}

func (f *flags) pack() *cobra.Command {
	var of string
	cmd := &cobra.Command{
		Use:   "pack DIRECTORY",
		Short: "Write an exercise to begin one of your own from",
		Long: `Write an exercise, one of ours, into a directory: its page, what it starts with,
its claims, solution, wrong fixes and cheats. Change it, hold it to the rules by
mtlslab learn verify, and have learners start it by its directory.`,
		Args: exactly("one directory, which is made"),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := exercises.Find(of)
			if err != nil {
				return cli.UsageError{Err: err}
			}
			if entries, err := os.ReadDir(args[0]); err == nil && len(entries) > 0 {
				return cli.UsageError{Err: fmt.Errorf("%s is not empty", args[0])}
			}
			if err := exercises.Pack(e.ID, args[0]); err != nil {
				return err
			}
			p := page(cmd)
			p.Row("packed", indent, "", args[0]+": exercise.yaml, README.md, start/", 0)
			p.Command("next", indent, "mtlslab learn verify "+cli.Quoted(args[0]))
			return flush(cmd, p)
		},
	}
	cmd.Flags().StringVar(&of, "of", "02", "the exercise to begin from")
	return cmd
}

// edited are the files that there are to edit, as they are named from here.
func edited(dir string, e exercises.Exercise) string {
	var names []string
	for _, name := range sorted(e.Start) {
		names = append(names, fromHere(filepath.Join(dir, filepath.FromSlash(name))))
	}
	return strings.Join(names, ", ")
}

// fromHere is a path as it is shortest.
func fromHere(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	whole, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if short, err := filepath.Rel(here, whole); err == nil && len(short) < len(path) {
		return short
	}
	return path
}
