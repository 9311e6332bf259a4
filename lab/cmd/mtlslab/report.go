package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/finding"
)

func newReport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Put documents together that were made apart",
		Args:  cli.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return cli.UsageError{Err: errors.New("say what to do: mtlslab report merge, and the files")}
		},
	}
	cmd.AddCommand(newReportMerge())
	return cmd
}

func newReportMerge() *cobra.Command {
	f := scorecardFlags{}
	cmd := &cobra.Command{
		Use:   "merge FILE...",
		Short: "Put the shards of a scorecard together",
		Long: `Put the shards of a scorecard together, each the scorecard.json of a
mtlslab scorecard --shard I/N --out DIRECTORY. Shards that are missing, there
twice, or of another scorecard are named, and nothing is written then.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			card, err := mergeFiles(args)
			if err != nil {
				return cli.UsageError{Err: err}
			}
			return f.writing(func(files []*cli.Output) error {
				return (&round{scorecardFlags: &f, card: card}).write(cmd, files)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.out, "out", "", "directory to write the scorecard to")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "list what failed, too")
	return cmd
}

func mergeFiles(names []string) (finding.Scorecard, error) {
	if len(names) == 0 {
		return finding.Scorecard{}, errors.New("name the shards' files")
	}
	shards := make([]finding.Scorecard, len(names))
	for i, name := range names {
		var err error
		if shards[i], err = readCard(name); err != nil {
			return finding.Scorecard{}, err
		}
	}
	return finding.Merge(shards)
}
