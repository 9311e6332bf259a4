package wire

import (
	"flag"
	"fmt"
	"strings"
)

// VersionFlag is a command rather than a setting, and so has no variable.
const VersionFlag = "version"

// Variable is the environment variable that stands in for a flag of either
// binary: MTLSLAB_MIN_VERSION for -min-version.
func Variable(flagName string) string {
	return "MTLSLAB_" + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

// SetFromEnvironment sets the flags that were not given, from their variables.
// An empty variable counts as unset, because Compose passes those on.
func SetFromEnvironment(fs *flag.FlagSet, lookup func(string) (string, bool)) (err error) {
	given := map[string]bool{VersionFlag: true}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	fs.VisitAll(func(f *flag.Flag) {
		value, ok := lookup(Variable(f.Name))
		if err != nil || given[f.Name] || !ok || value == "" {
			return
		}
		if setErr := fs.Set(f.Name, value); setErr != nil {
			err = fmt.Errorf("invalid value %q for %s: %w", value, Variable(f.Name), setErr)
		}
	})
	return err
}

// DescribeFlags is the part of a help text that lists the flags.
func DescribeFlags(fs *flag.FlagSet) string {
	var b strings.Builder
	fs.VisitAll(func(f *flag.Flag) {
		argument, usage := flag.UnquoteUsage(f)
		fmt.Fprintf(&b, "  -%s\n", strings.TrimSpace(f.Name+" "+argument))
		if f.DefValue != "" && f.DefValue != "false" {
			usage += fmt.Sprintf(" (default %s)", f.DefValue)
		}
		if f.Name != VersionFlag {
			usage += " [" + Variable(f.Name) + "]"
		}
		fmt.Fprintf(&b, "        %s\n", usage)
	})
	return b.String()
}
