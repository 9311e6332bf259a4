package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/wire"
)

func newAdapter() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "adapter",
		Short: "Write, check and list the files that say how an image is run",
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
			if wantsJSON(cmd) {
				return usageError{errors.New("--json: an adapter is YAML; leave the flag out")}
			}
			role := wire.Server
			if len(args) > 0 {
				role = wire.Role(args[0])
			}
			if out == "" {
				return usageError{errors.New("--out: name a file, or - for standard output")}
			}
			if out == "-" {
				_, err := cmd.OutOrStdout().Write(adapter.Example(role))
				return err
			}
			file, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // there is no secret in it
			if errors.Is(err, fs.ErrExist) {
				return usageError{
					fmt.Errorf("--out %s: it is there already; name another file, or - for standard output", quoted(out)),
				}
			}
			if err != nil {
				return usageError{fmt.Errorf("--out: %w", err)}
			}
			_, err = file.Write(adapter.Example(role))
			if err := errors.Join(err, file.Close()); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "mtlslab: wrote %s; next: mtlslab audit %s --adapter %s\n", out, role, quoted(out))
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
			var all []checked
			var faulty error
			for _, name := range args {
				c := checkFile(name)
				if !c.OK {
					faulty = errFaulty
				}
				all = append(all, c)
			}
			if wantsJSON(cmd) {
				return errors.Join(faulty, printJSON(cmd.OutOrStdout(), struct {
					Format   int       `json:"format"`
					Adapters []checked `json:"adapters"`
				}{1, all}))
			}
			for _, c := range all {
				if c.OK {
					fmt.Fprintf(cmd.OutOrStdout(), "%s: ok, a %s that speaks %s\n", c.File, c.Role, c.Speaks)
				} else {
					fmt.Fprintf(cmd.ErrOrStderr(), "mtlslab: %s\n", c.Fault)
				}
			}
			return faulty
		},
	}
}

func checkFile(name string) checked {
	a, err := readAdapter(name)
	if err == nil {
		err = checkBuild(name, a)
	}
	if err != nil {
		return checked{File: name, Fault: err.Error()}
	}
	return checked{File: name, OK: true, Role: a.Role, Speaks: a.Speaks}
}

func newAdapterList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the peers of the gallery",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := peer.Gallery()
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
				for i, line := range console.Wrap(p.Adapter.About, width-32) {
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

// checkBuild looks at what the image of an adapter is built of, if it is.
func checkBuild(name string, a *adapter.Adapter) error {
	if a.Build == "" {
		return nil
	}
	files := os.DirFS(a.BuildDir())
	if _, err := images.NeedsBase(files); err != nil {
		return fmt.Errorf("%s: build: %s: %w", name, a.BuildDir(), err)
	}
	return a.CheckBuild(files)
}
