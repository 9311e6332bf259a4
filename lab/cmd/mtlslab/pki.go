package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/deployment"
)

func newPKI() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pki",
		Short: "A test authority for a deployment that mtlslab does not start",
		Args:  cli.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return cli.UsageError{Err: errors.New("say what to do: mtlslab pki export DIRECTORY --dns NAME")}
		},
	}
	cmd.AddCommand(newPKIExport())
	return cmd
}

// exportedDocument says what was exported.
type exportedDocument struct {
	Format  int       `json:"format"`
	Dir     string    `json:"dir"`
	DNS     []string  `json:"dns"`
	Expires time.Time `json:"expires"`
}

// mostLife is how long what is exported may live: some of it is not to be valid before.
const mostLife = 24 * time.Hour

func newPKIExport() *cobra.Command {
	var names []string
	var life time.Duration
	cmd := &cobra.Command{
		Use:   "export DIRECTORY --dns NAME...",
		Short: "Write material for a server and a client that somebody else starts",
		Long: `Make a test authority, and write what a server and a client of it are given:
for Kubernetes, a virtual machine, staging. What forges lies apart, in
` + deployment.Apart + `, and stays where you are; mtlslab audit endpoint uses it. Files
have mode 0600, and expire.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return cli.UsageError{Err: fmt.Errorf("%s takes one directory, which is made", cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(names) == 0:
				return cli.UsageError{Err: errors.New("--dns: name the server as its clients call it")}
			case life <= 0 || life > mostLife:
				return cli.UsageError{Err: fmt.Errorf("--expires %v: want up to %v", life, mostLife)}
			}
			d, err := deployment.New(names, life)
			if err != nil {
				return cli.UsageError{Err: err}
			}
			if err := d.Write(args[0]); err != nil {
				return err
			}
			if cli.WantsJSON(cmd) {
				return cli.PrintJSON(cmd.OutOrStdout(), exportedDocument{1, args[0], names, d.Expires()})
			}
			show := newNarrator(cmd)
			show.line("deploy", filepath.Join(args[0], "server")+": ca.crt, tls.crt, tls.key, crl.pem; or client", 0)
			show.line("keep", filepath.Join(args[0], deployment.Apart)+" forges: never deploy it", 0)
			show.line("expires", d.Expires().Local().Format(time.DateTime), 0)
			show.line("next", "mtlslab audit endpoint HOST:PORT --pki "+cli.Quoted(args[0]), 0)
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&names, "dns", nil, "DNS name of the server; several with commas, or repeated")
	flags.DurationVar(&life, "expires", mostLife, "how long it is good for")
	return cmd
}
