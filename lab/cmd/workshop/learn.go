package workshop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/drill"
	"github.com/mtlslab/mtlslab/lab/exercises"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/learn"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/timeline"
)

// flags are those of all verbs.
type flags struct {
	dir        string
	name       string
	containers bool
}

// DefaultDir is where a workshop is if nobody says otherwise.
const DefaultDir = "workshop"

// New is the command learn.
func New() *cobra.Command {
	f := new(flags)
	cmd := &cobra.Command{
		Use:   "learn",
		Short: "Mend labs that are broken, and have real handshakes check it",
		Long: `Exercises about mutual TLS. Each unpacks into a directory of yours, with a page
to read and a lab that is broken; you mend it with your editor, and a check
makes real exchanges between what you have made and those who must not get in.

  mtlslab learn start          begin, or go on; it says where to look
  mtlslab learn check          is it mended?
  mtlslab learn hint           the symptom, where to look, the concept
  mtlslab learn next           the next one, once this one is green

Exit codes: 0 passed, 1 not yet, 2 usage, 3 the lab broke, which is not your
fault.`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&f.dir, "workshop", "", "the workshop's directory "+
		"(default: that which you are in, or "+DefaultDir+")")
	cmd.AddCommand(
		f.list(),
		f.start(),
		f.check(),
		f.watch(),
		f.hint(),
		f.solution(),
		f.reset(),
		f.next(),
		f.progress(),
		f.board(),
		f.verify(),
		f.pack(),
	)
	return cmd
}

// one takes at most the beginning of an exercise's id.
func one(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return cli.UsageError{Err: fmt.Errorf("%s takes one exercise, such as 02; got %q", cmd.CommandPath(), args)}
	}
	return nil
}

// exactly takes one argument, and says what it wants.
func exactly(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return cli.UsageError{Err: fmt.Errorf("%s takes %s", cmd.CommandPath(), what)}
		}
		return nil
	}
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// where is the workshop's directory: that which is named, or in which, or in one of whose
// exercises, we are.
func (f *flags) where() string {
	if f.dir != "" {
		return f.dir
	}
	for _, dir := range []string{".", ".."} {
		if _, err := os.Stat(filepath.Join(dir, learn.StateFile)); err == nil {
			return dir
		}
	}
	return DefaultDir
}

// open is the workshop, and the exercise that is meant: the one whose directory we are in, if none
// is named.
func (f *flags) open(args []string) (*learn.Workshop, exercises.Exercise, error) {
	w, err := learn.Open(f.where())
	if err != nil {
		return nil, exercises.Exercise{}, cli.UsageError{Err: err}
	}
	begins := first(args)
	if here, err := os.Getwd(); begins == "" && f.where() == ".." && err == nil &&
		w.Mark(filepath.Base(here)) != nil {
		begins = filepath.Base(here)
	}
	e, err := w.Exercise(begins)
	if err != nil {
		return nil, e, cli.UsageError{Err: err}
	}
	if w.Mark(e.ID) == nil {
		return nil, e, cli.UsageError{Err: fmt.Errorf("%s has not begun: mtlslab learn start %s", e.ID, e.ID)}
	}
	return w, e, nil
}

// begin opens the workshop, or makes one.
func (f *flags) begin() (*learn.Workshop, error) {
	w, err := learn.Open(f.where())
	if !errors.Is(err, learn.ErrNoWorkshop) {
		return w, err
	}
	name := f.name
	if who, err := user.Current(); name == "" && err == nil {
		name = who.Username
	}
	return learn.Create(f.where(), name)
}

// checker starts a lab when a check first needs one; it ends with what is returned.
func (f *flags) checker() (learn.Checker, func(context.Context) error) {
	var l *lab.Lab
	started := func(ctx context.Context, isolated bool) (err error) {
		if l != nil {
			return nil
		}
		runtime := sandbox.Processes
		if f.containers || isolated {
			runtime = sandbox.Containers
		}
		l, err = lab.Start(ctx, lab.Config{Runtime: runtime, TTL: time.Hour})
		if isolated && errors.Is(err, sandbox.ErrNoEngine) {
			return &learn.MissingError{What: "a container engine: " + err.Error()}
		}
		return err
	}
	k := learn.Checker{
		Containers: f.containers,
		Audit: func(ctx context.Context, what audit.Audit) (finding.Audit, error) {
			if err := started(ctx, false); err != nil {
				return finding.Audit{}, err
			}
			return l.Audit(ctx, what)
		},
		Drill: func(ctx context.Context, what drill.Drill, how drill.Run) (*timeline.Timeline, error) {
			if err := started(ctx, what.Isolated); err != nil {
				return nil, err
			}
			return l.Drill(ctx, what, how)
		},
	}
	return k, func(ctx context.Context) error {
		if l == nil {
			return nil
		}
		return l.Close(ctx)
	}
}

func (f *flags) containersFlag(cmd *cobra.Command) {
	cmd.Flags().
		BoolVar(&f.containers, "containers", false, "check an exercise's image, where it has one, in containers")
}
