package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/lab/console"
)

// NoArgs refuses any argument.
func NoArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if cmd.HasSubCommands() {
		return UsageError{Err: fmt.Errorf("unknown command %q; see %s --help", args[0], cmd.CommandPath())}
	}
	return UsageError{
		fmt.Errorf("%s takes no argument, got %q; see %s --help", cmd.CommandPath(), args[0], cmd.CommandPath()),
	}
}

// WantsJSON reports whether --json was given.
func WantsJSON(cmd *cobra.Command) bool {
	set, _ := cmd.Flags().GetBool("json") // defined on the root
	return set
}

// PrintJSON prints a document for people to read. The error is the writer's.
func PrintJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// InColor says whether what is printed there may have colors.
func InColor(out io.Writer) bool { return console.IsTerminal(out) && os.Getenv("NO_COLOR") == "" }
