package workshop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/exercises"
	"github.com/mtlslab/mtlslab/lab/learn"
)

// each is how often files are looked at. They are read and compared, and not watched: editors
// replace files, and directories may be of another machine.
const each = 250 * time.Millisecond

func (f *flags) watch() *cobra.Command {
	var plain bool
	cmd := &cobra.Command{
		Use:   "watch [EXERCISE]",
		Short: "Check on every save, on one screen",
		Long: `Check whenever a file of the exercise is saved, and show what came of it on one
screen. With --plain, or where the output is no terminal, each check is printed
below the one before, for a screen reader. Control-C ends it.`,
		Args: one,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			w, e, err := f.open(args)
			if err != nil {
				return err
			}
			k, end := f.checker()
			defer func() { err = errors.Join(err, end(context.WithoutCancel(cmd.Context()))) }()
			s := &screen{out: cmd.OutOrStdout(), redraw: !plain && console.IsTerminal(cmd.OutOrStdout())}
			s.color = s.redraw && cli.InColor(s.out)
			err = s.watch(cmd.Context(), w, e, k)
			if errors.Is(err, context.Canceled) {
				return nil // as it is meant to end
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&plain, "plain", false, "print each check below the one before")
	f.containersFlag(cmd)
	return cmd
}

// screen shows one check after the other.
type screen struct {
	out    io.Writer
	redraw bool // in the place of the one before
	color  bool
}

// watch checks whenever the files or the hints are others, until the context ends.
func (s *screen) watch(ctx context.Context, w *learn.Workshop, e exercises.Exercise, k learn.Checker) error {
	ticker := time.NewTicker(each)
	defer ticker.Stop()
	var shown map[string]string
	hints := 0
	var last *learn.Result
	for {
		files, err := w.Files(e)
		if err != nil {
			return err
		}
		now, err := learn.Open(w.Dir) // another terminal may have opened a hint
		if err != nil {
			return err
		}
		changed := last == nil || !maps.Equal(files, shown)
		if changed {
			result, err := now.Check(ctx, k, e)
			if err != nil {
				return err
			}
			shown, last = files, &result
		}
		if mark := now.Mark(e.ID); changed || mark != nil && mark.Hints != hints {
			hints = now.Mark(e.ID).Hints
			if err := s.show(now, e, *last); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// show prints one screen: what there is to do, what was seen, which hints are open, and how far
// the learner is.
func (s *screen) show(w *learn.Workshop, e exercises.Exercise, r learn.Result) error {
	width, height := console.Size(s.out)
	if width == 0 || width > console.DefaultWidth {
		width = console.DefaultWidth
	}
	p := &console.Page{Width: width, Color: s.color}
	rowsOf(p, e, r)
	if !r.Passed {
		p.Row("next", indent, "", "edit "+edited(w.DirOf(e.ID), e)+", and save", 0)
	}
	p.Row("hints", indent, "", hintsOpen(w, e), 0)
	for i, hint := range e.For(w.Learner()).Hints[:w.Mark(e.ID).Hints] {
		p.Row(rungs[i], indent, "", hint, 0)
	}
	passed := 0
	for _, stand := range standing(w) {
		if stand.Passed != nil {
			passed++
		}
	}
	bar := strings.Repeat("#", passed) + strings.Repeat(".", max(0, count()-passed))
	p.Row("workshop", indent, "", fmt.Sprintf("%s %d of %d; %s, checked at %s",
		bar, passed, count(), w.Learner(), time.Now().Format(time.TimeOnly)), 0)
	if !s.redraw {
		_, err := fmt.Fprintf(s.out, "%s\n", p.String())
		return err
	}
	return s.draw(p.String(), height)
}

// draw puts lines in the place of those before, each cleared to its end, so that nothing flickers.
func (s *screen) draw(text string, height int) error {
	all := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if height > 0 && len(all) > height-1 {
		all = append(all[:height-2], "...")
	}
	var b strings.Builder
	b.WriteString("\x1b[H")
	for _, line := range all {
		b.WriteString(line + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	_, err := io.WriteString(s.out, b.String())
	return err
}
