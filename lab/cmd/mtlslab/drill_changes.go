package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/change"
	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// changesFlags are those of measuring how long a change takes.
type changesFlags struct {
	lab      lab.Config
	adapter  string
	clients  bool
	markdown string
	atOnce   int
}

func newDrillChanges() *cobra.Command {
	f := &changesFlags{}
	cmd := &cobra.Command{
		Use:   "changes [PEER...]",
		Short: "Measure how products take up what is changed while they run",
		Long: `Measure how servers take up what is changed while they run: their certificate,
an authority that they are to trust, or to trust no more, a revocation list,
files that do not fit together. It says what each takes (nothing but the files,
a reload, a restart), how long that is, what becomes of the good client's
messages meanwhile, and whether connections and sessions from before notice.
With --clients it measures clients that stay up, and keep what they can.

Without names it measures those servers of the gallery that can be told to read
their files again, or all clients that stay up. mtlslab adapter list shows the
gallery.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			peers, err := f.peers(args)
			if err != nil {
				return cli.UsageError{Err: err}
			}
			return f.measure(cmd, peers)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.clients, "clients", false, "measure clients that stay up, in place of servers")
	flags.StringVar(&f.adapter, "adapter", "", "file that says how to run an image, in place of names")
	flags.StringVar(&f.markdown, "markdown", "", "file to write the table to, as Markdown")
	flags.IntVar(&f.atOnce, "at-once", 1, "how many are measured at once; more make times longer")
	return cmd
}

// peers are the servers that are meant.
func (f *changesFlags) peers(names []string) ([]foreign.Image, error) {
	if f.atOnce < 1 {
		return nil, fmt.Errorf("--at-once %d: want at least 1", f.atOnce)
	}
	if f.adapter != "" {
		if len(names) > 0 {
			return nil, errors.New("give names, or --adapter")
		}
		image, err := cli.FromFile(f.adapter, f.role())
		if err == nil && f.clients && image.Adapter.Again == "" {
			err = fmt.Errorf("--adapter %s: it is of no client that stays up: it says nothing of again", f.adapter)
		}
		return []foreign.Image{image}, err
	}
	gallery, err := f.gallery()
	if err != nil || len(names) == 0 && f.clients {
		return gallery, err
	}
	if len(names) == 0 {
		return slices.DeleteFunc(gallery, func(p foreign.Image) bool {
			return p.Adapter.Reload.Signal == "" && len(p.Adapter.Reload.Command) == 0 || p.Adapter.Like != ""
		}), nil
	}
	var all []foreign.Image
	for _, name := range names {
		i := slices.IndexFunc(gallery, func(p foreign.Image) bool { return p.Name() == name })
		if i < 0 {
			return nil, fmt.Errorf("%s %q: there is none of that name%s", f.role(), name, f.others(gallery))
		}
		all = append(all, gallery[i])
	}
	return all, nil
}

func (f *changesFlags) role() wire.Role {
	if f.clients {
		return wire.Client
	}
	return wire.Server
}

// gallery are the peers that come with mtlslab of which some are meant.
func (f *changesFlags) gallery() ([]foreign.Image, error) {
	if f.clients {
		return foreign.StayingClients()
	}
	all, err := foreign.Gallery()
	return slices.DeleteFunc(all, func(p foreign.Image) bool { return p.Adapter.Role != wire.Server }), err
}

// others says where those are to be found that there are, as the end of an error.
func (f *changesFlags) others(all []foreign.Image) string {
	if !f.clients {
		return "; mtlslab adapter list shows the gallery"
	}
	var names []string
	for _, p := range all {
		names = append(names, p.Name())
	}
	return "; there are: " + strings.Join(names, ", ")
}

func (f *changesFlags) measure(cmd *cobra.Command, peers []foreign.Image) (err error) {
	var out *cli.Output
	if f.markdown != "" {
		if out, err = cli.OpenOutput(f.markdown); err != nil {
			return cli.UsageError{Err: fmt.Errorf("--markdown: %w", err)}
		}
		defer out.Discard()
	}
	show := newNarrator(cmd)
	f.lab.Runtime, f.lab.Progress, f.lab.TTL = sandbox.Containers, show.progress, longTTL
	ctx := cmd.Context()
	l, err := lab.Start(ctx, f.lab)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close(context.WithoutCancel(ctx))) }()
	table := change.Table{Format: 1, Role: f.role(), Began: time.Now(), Products: make([]change.Product, len(peers))}
	var done sync.Mutex
	group, limited := errgroup.WithContext(ctx)
	group.SetLimit(f.atOnce)
	for i, p := range peers {
		group.Go(func() (err error) {
			if f.clients {
				table.Products[i], err = l.MeasureClient(limited, p)
			} else {
				table.Products[i], err = l.Measure(limited, p)
			}
			if err != nil {
				return err
			}
			done.Lock()
			defer done.Unlock()
			fmt.Fprintf(cmd.ErrOrStderr(), "mtlslab: %s is measured\n", p.Name())
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	show.settle()
	if cli.WantsJSON(cmd) {
		err = cli.PrintJSON(cmd.OutOrStdout(), table)
	} else {
		err = table.Text(cmd.OutOrStdout(), cli.InColor(cmd.OutOrStdout()))
	}
	if err == nil && out != nil {
		err = out.Write(table.Markdown)
	}
	return err
}
