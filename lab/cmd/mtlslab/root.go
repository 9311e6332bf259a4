package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/cmd/workshop"
)

func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return cli.Conclude(ctx, root.ExecuteContext(ctx), stderr)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "mtlslab",
		Short: "Prove that two peers authenticate each other, and that nobody else gets in",
		Long: `mtlslab mints a fresh PKI, starts a server and a client on a network with no
way out, shows that the right client's message arrives with both identities
verified, and that every impostor is refused for the right reason.

Exit codes: 0 all as it must be, 1 a claim failed, 2 usage, 3 the lab broke or
the answer is inconclusive, 4 something was left behind, 130 interrupted.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cli.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetUsageTemplate(
		strings.ReplaceAll(root.UsageTemplate(), "Flags.FlagUsages", fmt.Sprintf("Flags.FlagUsagesWrapped %d", width)),
	)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return cli.UsageError{Err: fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
	})
	root.PersistentFlags().Bool("json", false, "print one JSON document on standard output")
	root.AddCommand(
		newRun(),
		newAudit(),
		newExplain(),
		newScorecard(),
		newAdapter(),
		newImages(),
		newBase(),
		newDoctor(),
		newClean(),
		newDrill(),
		newReport(),
		newPKI(),
		newVersion(),
		workshop.New(),
		workshop.NewBundle(),
	)
	return root
}
