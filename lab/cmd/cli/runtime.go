package cli

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/mtlslab/mtlslab/lab/sandbox"
)

// runtimeValue is a flag that holds a runtime.
type runtimeValue sandbox.Runtime

// RuntimeFlag adds the flag that says where peers run.
func RuntimeFlag(flags *pflag.FlagSet, runtime *sandbox.Runtime) {
	flags.Var(
		(*runtimeValue)(runtime),
		"runtime",
		"where the peers run: containers or processes (default containers where an engine answers)",
	)
}

func (r *runtimeValue) Set(s string) error {
	switch sandbox.Runtime(s) {
	case sandbox.Containers, sandbox.Processes:
		*r = runtimeValue(s)
		return nil
	default:
		return fmt.Errorf("choose %s or %s", sandbox.Containers, sandbox.Processes)
	}
}

func (r *runtimeValue) String() string { return string(*r) }
func (r *runtimeValue) Type() string   { return "runtime" }
