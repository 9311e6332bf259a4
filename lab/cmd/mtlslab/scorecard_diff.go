package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/lab/card"
	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/report"
)

func newScorecardDiff() *cobra.Command {
	return &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Say what a scorecard shows otherwise than an earlier one",
		Long: `Say what a scorecard shows otherwise than an earlier one: peers that are new
or gone, other versions, and every finding that came out otherwise. OLD and NEW
are files that mtlslab scorecard --out wrote, scorecard.json.

Exit codes: 0 nobody gets in who did not; 1 somebody does.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			const two = 2
			if len(args) != two {
				return cli.UsageError{
					Err: fmt.Errorf("want two files, an earlier scorecard.json and a later; got %d", len(args)),
				}
			}
			var cards [two]finding.Scorecard
			for i, name := range args {
				var err error
				if cards[i], err = readCard(name); err != nil {
					return cli.UsageError{Err: err}
				}
			}
			if cards[0].Profile != cards[1].Profile {
				return cli.UsageError{Err: fmt.Errorf(
					"%s is by the profile %s, and %s by %s: they cannot be compared",
					args[0], cards[0].Profile, args[1], cards[1].Profile,
				)}
			}
			return printChanges(cmd, cards[1].Since(cards[0]))
		},
	}
}

func printChanges(cmd *cobra.Command, changes finding.Changes) error {
	var err error
	if cli.WantsJSON(cmd) {
		err = cli.PrintJSON(cmd.OutOrStdout(), changes)
	} else {
		columns, _ := console.Size(cmd.OutOrStdout())
		err = card.Changes(
			cmd.OutOrStdout(), changes, report.Options{Color: cli.InColor(cmd.OutOrStdout()), Width: min(columns, width)},
		)
	}
	if err == nil && changes.Worse() {
		err = cli.ErrFail
	}
	return err
}

func readCard(name string) (finding.Scorecard, error) {
	file, err := os.Open(name)
	if err != nil {
		return finding.Scorecard{}, err
	}
	card, err := card.Read(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return finding.Scorecard{}, fmt.Errorf("%s: %w", name, err)
	}
	return card, nil
}
