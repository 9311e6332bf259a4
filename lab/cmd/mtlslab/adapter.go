package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/report"
	"github.com/mtlslab/mtlslab/lab/wire"
)

func newAdapter() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "adapter",
		Short: "Write, check and list the files that say how an image is run as a peer",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			return usageError{errors.New("say what to do: mtlslab adapter init, check, list or schema")}
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
				return usageError{fmt.Errorf("adapter init %q: want server or client", args)}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			role := wire.Server
			if len(args) > 0 {
				role = wire.Role(args[0])
			}
			if out == "-" {
				_, err := cmd.OutOrStdout().Write(adapter.Example(role))
				return err
			}
			file, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // there is no secret in it
			if err != nil {
				return usageError{fmt.Errorf("--out: %w", err)}
			}
			_, err = file.Write(adapter.Example(role))
			if err := errors.Join(err, file.Close()); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "mtlslab: wrote %s; next: mtlslab audit %s --adapter %[1]s\n", out, role)
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "adapter.yaml", "file to write, which must not exist; - is standard output")
	return cmd
}

func newAdapterCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE...",
		Short: "Say what is wrong with adapters, with file, line and key",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("adapter check: name a file")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range args {
				a, err := readAdapter(name)
				if err != nil {
					return usageError{err}
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: ok, a %s that speaks %s\n", name, a.Role, a.Speaks)
			}
			return nil
		},
	}
}

func newAdapterList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the peers of the gallery",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := lab.Gallery()
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				type entry struct {
					Peer  string    `json:"peer"`
					Role  wire.Role `json:"role"`
					Name  string    `json:"name"`
					About string    `json:"about"`
				}
				var entries []entry
				for _, p := range all {
					entries = append(entries, entry{p.Adapter.BuildName(), p.Adapter.Role, p.Adapter.Name, p.Adapter.About})
				}
				return printJSON(cmd.OutOrStdout(), entries)
			}
			for _, p := range all {
				for i, line := range report.Wrap(p.Adapter.About, width-32) {
					name, role := "", ""
					if i == 0 {
						name, role = p.Adapter.BuildName(), string(p.Adapter.Role)
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
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(adapter.Schema())
			return err
		},
	}
}

func readAdapter(name string) (*adapter.Adapter, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // read-only
	return adapter.Read(name, file)
}

var howMade = map[string]string{
	images.MadeCached: "there already", images.MadePulled: "pulled", images.MadeDebootstrap: "made of Debian's packages",
}

func newBase() *cobra.Command {
	return &cobra.Command{
		Use:   "base",
		Short: "Bring debian:bookworm-slim into the engine, pulled or made of Debian's packages",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			made, err := lab.MakeBase(cmd.Context(), func(text string) { fmt.Fprintf(cmd.ErrOrStderr(), "mtlslab: %s\n", text) })
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				return printJSON(cmd.OutOrStdout(), made)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %.1f MB, %.19s\n", made.Ref, howMade[made.Made], float64(made.Size)/1e6, made.Digest)
			return err
		},
	}
}
