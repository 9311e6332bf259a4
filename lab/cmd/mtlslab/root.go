package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/sandbox"
)

// Exit codes, the same for every command.
const (
	exitPass        = 0   // all as it must be
	exitFail        = 1   // a claim failed
	exitUsage       = 2   // the command line is wrong
	exitBroken      = 3   // the lab broke, or the answer is inconclusive
	exitLeftover    = 4   // something was left behind, or nobody knows
	exitInterrupted = 130 // interrupted, and cleaned up
)

// What a command returns once it has been printed: that a claim failed, that the
// answer is inconclusive, and that what it was given is faulty.
var (
	errFail         = errors.New("a claim failed")
	errInconclusive = errors.New("inconclusive")
	errFaulty       = errors.New("faulty")
)

// usageError is a command line that cannot be used.
type usageError struct{ error }

// unfinishedError is a clean-up that did not come to its end.
type unfinishedError struct{ error }

func (e unfinishedError) Error() string {
	return e.error.Error() + "\nthe rest is still there: mtlslab clean"
}

func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return conclude(ctx, root.ExecuteContext(ctx), stderr)
}

// conclude says what has not been said yet, and returns the exit code.
func conclude(ctx context.Context, err error, stderr io.Writer) int {
	code := exitCode(ctx, err)
	said := errors.Is(err, errFail) || errors.Is(err, errInconclusive) || errors.Is(err, errFaulty)
	left := leftBehind(err)
	switch {
	case err == nil:
	case left != nil && ctx.Err() != nil:
		fmt.Fprintf(stderr, "mtlslab: interrupted; %v\n", left)
	case left != nil && said:
		fmt.Fprintf(stderr, "mtlslab: %v\n", left)
	case said:
	case code == exitInterrupted:
		fmt.Fprintln(stderr, "mtlslab: interrupted; nothing was left behind")
	default:
		fmt.Fprintf(stderr, "mtlslab: %v\n", err)
	}
	return code
}

// leftBehind is the part of an error that says so, or that nobody knows; or nil.
func leftBehind(err error) error {
	if left, ok := errors.AsType[*sandbox.LeftoverError](err); ok {
		return left
	}
	if open, ok := errors.AsType[*lab.CloseError](err); ok {
		return open
	}
	if rest, ok := errors.AsType[unfinishedError](err); ok {
		return rest
	}
	return nil
}

func exitCode(ctx context.Context, err error) int {
	var usage usageError
	switch {
	case leftBehind(err) != nil:
		return exitLeftover
	case ctx.Err() != nil:
		return exitInterrupted
	case err == nil:
		return exitPass
	case errors.As(err, &usage) || errors.Is(err, errFaulty):
		return exitUsage
	case errors.Is(err, errFail):
		return exitFail
	default:
		return exitBroken
	}
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
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetUsageTemplate(
		strings.ReplaceAll(root.UsageTemplate(), "Flags.FlagUsages", fmt.Sprintf("Flags.FlagUsagesWrapped %d", width)),
	)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
	})
	root.PersistentFlags().Bool("json", false, "print one JSON document on standard output")
	root.AddCommand(newRun(), newAudit(), newScorecard(), newAdapter(), newImages(), newBase(), newDoctor(), newClean())
	return root
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if cmd.HasSubCommands() {
		return usageError{fmt.Errorf("unknown command %q; see %s --help", args[0], cmd.CommandPath())}
	}
	return usageError{
		fmt.Errorf("%s takes no argument, got %q; see %s --help", cmd.CommandPath(), args[0], cmd.CommandPath()),
	}
}

// wantsJSON reports whether --json was given.
func wantsJSON(cmd *cobra.Command) bool {
	set, _ := cmd.Flags().GetBool("json") // defined on the root
	return set
}

func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
