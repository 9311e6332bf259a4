package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/wire"
)

func newAdapter() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "adapter",
		Short: "Write, check and list the files that say how an image is run",
		Args:  cli.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return cli.UsageError{Err: errors.New("say what to do: mtlslab adapter init, check, list or schema")}
		},
	}
	cmd.AddCommand(newAdapterInit(), newAdapterCheck(), newAdapterList(), newAdapterSchema())
	return cmd
}

func newAdapterInit() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:       "init [server|client]",
		Short:     "Write a commented adapter to begin with",
		ValidArgs: []string{string(wire.Server), string(wire.Client)},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 1 && args[0] != string(wire.Server) && args[0] != string(wire.Client) {
				return cli.UsageError{Err: fmt.Errorf("adapter init %q: want server or client", args)}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if cli.WantsJSON(cmd) {
				return cli.UsageError{Err: errors.New("--json: an adapter is YAML; leave the flag out")}
			}
			role := wire.Server
			if len(args) > 0 {
				role = wire.Role(args[0])
			}
			if out == "" {
				return cli.UsageError{Err: errors.New("--out: name a file, or - for standard output")}
			}
			if out == "-" {
				_, err := cmd.OutOrStdout().Write(adapter.Example(role))
				return err
			}
			file, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // there is no secret in it
			if errors.Is(err, fs.ErrExist) {
				return cli.UsageError{
					Err: fmt.Errorf("--out %s: it is there already; name another file, or - for standard output", cli.Quoted(out)),
				}
			}
			if err != nil {
				return cli.UsageError{Err: fmt.Errorf("--out: %w", err)}
			}
			_, err = file.Write(adapter.Example(role))
			if err := errors.Join(err, file.Close()); err != nil {
				return err
			}
			fmt.Fprintf(
				cmd.ErrOrStderr(),
				"mtlslab: wrote %s; next: mtlslab audit %s --adapter %s\n",
				out,
				role,
				cli.Quoted(out),
			)
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "adapter.yaml", "file to write, which must not exist; - is standard output")
	return cmd
}

// checked is what came of one file.
type checked struct {
	File   string           `json:"file"`
	OK     bool             `json:"ok"`
	Role   wire.Role        `json:"role,omitempty"`
	Speaks adapter.Protocol `json:"speaks,omitempty"`
	Fault  string           `json:"fault,omitempty"`
	Notes  []string         `json:"notes,omitempty"` // what may be a mistake
}

func newAdapterCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE...",
		Short: "Say what is wrong with adapters, with file, line and key",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cli.UsageError{Err: errors.New("adapter check: name a file")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var all []checked
			var faulty error
			for _, name := range args {
				c := checkFile(name)
				if !c.OK {
					faulty = cli.ErrFaulty
				}
				all = append(all, c)
			}
			if cli.WantsJSON(cmd) {
				return errors.Join(faulty, cli.PrintJSON(cmd.OutOrStdout(), struct {
					Format   int       `json:"format"`
					Adapters []checked `json:"adapters"`
				}{1, all}))
			}
			for _, c := range all {
				if c.OK {
					fmt.Fprintf(cmd.OutOrStdout(), "%s: ok, a %s that speaks %s\n", c.File, c.Role, c.Speaks)
					for _, note := range c.Notes {
						fmt.Fprintf(cmd.OutOrStdout(), "%s: note: %s\n", c.File, note)
					}
				} else {
					fmt.Fprintf(cmd.ErrOrStderr(), "mtlslab: %s\n", c.Fault)
				}
			}
			return faulty
		},
	}
}

func checkFile(name string) checked {
	a, err := adapter.ReadFile(name)
	if err == nil {
		err = cli.CheckBuild(name, a)
	}
	if err != nil {
		return checked{File: name, Fault: err.Error()}
	}
	return checked{File: name, OK: true, Role: a.Role, Speaks: a.Speaks, Notes: a.Notes()}
}

func newAdapterList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the peers of the gallery",
		Args:  cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := foreign.Gallery()
			if err != nil {
				return err
			}
			if cli.WantsJSON(cmd) {
				type entry struct {
					Peer  string    `json:"peer"`
					Role  wire.Role `json:"role"`
					About string    `json:"about"`
				}
				var entries []entry
				for _, p := range all {
					entries = append(entries, entry{p.Adapter.Name, p.Adapter.Role, p.Adapter.About})
				}
				return cli.PrintJSON(cmd.OutOrStdout(), entries)
			}
			for _, p := range all {
				for i, line := range console.Wrap(p.Adapter.About, width-32) {
					name, role := "", ""
					if i == 0 {
						name, role = p.Adapter.Name, string(p.Adapter.Role)
					}
					fmt.Fprintf(cmd.OutOrStdout(), "%-7s %-23s %s\n", role, name, line)
				}
			}
			return nil
		},
	}
}

func newAdapterSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of adapters, for editors",
		Args:  cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(adapter.Schema())
			return err
		},
	}
}
