package main

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/mtlslab/mtlslab/lab"
)

// runtimeValue is a flag that holds a runtime.
type runtimeValue lab.Runtime

func runtimeFlag(flags *pflag.FlagSet, runtime *lab.Runtime) {
	flags.Var((*runtimeValue)(runtime), "runtime", "where the peers run: containers or processes (default containers where an engine answers)")
}

func (r *runtimeValue) Set(s string) error {
	switch lab.Runtime(s) {
	case lab.Containers, lab.Processes:
		*r = runtimeValue(s)
		return nil
	default:
		return fmt.Errorf("choose %s or %s", lab.Containers, lab.Processes)
	}
}

func (r *runtimeValue) String() string { return string(*r) }
func (r *runtimeValue) Type() string   { return "runtime" }
