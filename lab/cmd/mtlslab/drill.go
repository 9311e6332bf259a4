package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/drill"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/timeline"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// drillFlags are those of a drill.
type drillFlags struct {
	lab     lab.Config
	run     drill.Run
	peer    string
	adapter string
	html    string
	verbose bool
}

func newDrill() *cobra.Command {
	f := &drillFlags{}
	cmd := &cobra.Command{
		Use:   "drill NAME",
		Short: "Change certificates, authorities and lists under live traffic",
		Long: `Change certificates, authorities and revocation lists, or kill the server, while
several clients send numbered messages; and tell what became of every message,
and when every change took effect. mtlslab drill list says which drills there
are. With --peer or --adapter the server is somebody else's image, and has to
stand the same.

Exit codes: 0 all that must hold does, 1 something does not, 3 the lab broke, or
the machine was too busy for any time to be told.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := f.named(args)
			if err != nil {
				return cli.UsageError{Err: err}
			}
			return f.carryOut(cmd, d)
		},
	}
	flags := cmd.Flags()
	cli.RuntimeFlag(flags, &f.lab.Runtime)
	flags.Float64Var(&f.run.Rate, "rate", drill.DefaultRate, "messages per second, of all streams together")
	flags.DurationVar(&f.run.For, "for", 0, "how long it is to take, in about; no shorter than its steps need, "+
		"and its own time where something expires")
	flags.StringVar(&f.peer, "peer", "", "server of the gallery in place of ours: nginx, haproxy and so on")
	flags.StringVar(&f.adapter, "adapter", "", "file that says how to run a server's image, likewise")
	flags.StringVar(&f.html, "html", "", "file to write the time line to, as a page with a picture")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "list what holds, too")
	cmd.AddCommand(newDrillList(), newDrillChanges())
	return cmd
}

func newDrillList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Say which drills there are",
		Args:  cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cli.WantsJSON(cmd) {
				return cli.PrintJSON(cmd.OutOrStdout(), listed())
			}
			const indent = 26
			p := &console.Page{Width: width, Color: cli.InColor(cmd.OutOrStdout())}
			for _, d := range drill.All() {
				summary := d.Summary
				if d.Isolated {
					summary += "; needs an engine"
				}
				p.Row(d.Name, indent, "", summary, 0)
			}
			_, err := cmd.OutOrStdout().Write(p.Bytes())
			return err
		},
	}
}

// listedDrill is one of the list in JSON.
type listedDrill struct {
	Name    string   `json:"name"`
	Summary string   `json:"summary"`
	Why     string   `json:"why"`
	Engine  bool     `json:"needs_engine,omitempty"`
	Steps   []string `json:"steps"`
}

func listed() (all []listedDrill) {
	for _, d := range drill.All() {
		one := listedDrill{Name: d.Name, Summary: d.Summary, Why: d.Why, Engine: d.Isolated}
		for _, s := range d.Steps {
			one.Steps = append(one.Steps, s.Name)
		}
		all = append(all, one)
	}
	return all
}

// named is the drill that is asked for. What else is asked for is checked before anything starts.
func (f *drillFlags) named(args []string) (drill.Drill, error) {
	switch {
	case len(args) != 1:
		return drill.Drill{}, errors.New("name one drill; mtlslab drill list says which there are")
	case f.run.Rate <= 0 || f.run.Rate > drill.MaxRate:
		return drill.Drill{}, fmt.Errorf("--rate %v: want more than none, and at most %v", f.run.Rate, drill.MaxRate)
	case f.run.For < 0 || f.run.For > drill.MaxFor:
		return drill.Drill{}, fmt.Errorf("--for %v: want at most %v", f.run.For, drill.MaxFor)
	}
	if err := f.server(); err != nil {
		return drill.Drill{}, err
	}
	return drill.Named(args[0])
}

// server finds the server that is meant, if it is not ours.
func (f *drillFlags) server() (err error) {
	var image foreign.Image
	switch {
	case f.peer != "" && f.adapter != "":
		return errors.New("give --peer or --adapter")
	case f.peer != "":
		image, err = foreign.FromGallery(f.peer, wire.Server)
	case f.adapter != "":
		image, err = cli.FromFile(f.adapter, wire.Server)
	default:
		return nil
	}
	f.run.Server = image
	return err
}

func (f *drillFlags) carryOut(cmd *cobra.Command, d drill.Drill) (err error) {
	out, err := f.output()
	if err != nil {
		return cli.UsageError{Err: fmt.Errorf("--html: %w", err)}
	}
	if out != nil {
		defer out.Discard()
	}
	show := newNarrator(cmd)
	f.lab.Progress, f.lab.TTL = show.progress, longTTL
	f.run.Progress = func(step string, done, total int) {
		if step != "" {
			fmt.Fprintf(cmd.ErrOrStderr(), "mtlslab: step %d of %d: %s\n", done+1, total, step)
		}
	}
	shown, err := f.inLab(cmd.Context(), d)
	show.settle()
	if _, unsuited := errors.AsType[*drill.UnsuitedError](err); unsuited {
		return cli.UsageError{Err: err}
	}
	if err != nil {
		return err
	}
	if err := f.print(cmd, shown); err != nil {
		return err
	}
	if out != nil {
		if err := out.Write(shown.HTML); err != nil {
			return err
		}
	}
	switch shown.Verdict() {
	case timeline.Passed:
		return nil
	case timeline.Failed:
		return cli.ErrFail
	default:
		return cli.ErrInconclusive
	}
}

// inLab carries the drill out in a lab of its own.
func (f *drillFlags) inLab(ctx context.Context, d drill.Drill) (shown *timeline.Timeline, err error) {
	l, err := lab.Start(ctx, f.lab)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close(ctx)) }()
	return l.Drill(ctx, d, f.run)
}

func (f *drillFlags) output() (*cli.Output, error) {
	if f.html == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	return cli.OpenOutput(f.html)
}

func (f *drillFlags) print(cmd *cobra.Command, shown *timeline.Timeline) error {
	if cli.WantsJSON(cmd) {
		return cli.PrintJSON(cmd.OutOrStdout(), shown)
	}
	columns, _ := console.Size(cmd.OutOrStdout())
	return shown.Text(cmd.OutOrStdout(), timeline.Options{
		Width: columns, Color: cli.InColor(cmd.OutOrStdout()), Verbose: f.verbose,
	})
}
