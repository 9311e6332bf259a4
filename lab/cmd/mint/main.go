// Command mint makes the material of one server and one client, and leaves each
// its own in a directory.
//
// It exists for compose.yaml, whose peers cannot be given their material by
// standard input as the lab's are: it runs before them, writes into a volume a
// role, and exits. The authority's keys are never written, and neither role's
// key reaches the other's directory.
//
// It is not for services: the authority is thrown away with the process, so
// nothing can be revoked, and renewal means another authority. The lab itself
// has no use for it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Exit codes.
const (
	exitMade   = 0 // both directories hold material that fits
	exitFailed = 1
	exitUsage  = 2
)

func main() { os.Exit(run(os.Args[1:], time.Now(), os.Stdout, os.Stderr)) }

// run is the whole program but for the process around it and its clock.
func run(args []string, now time.Time, stdout, stderr io.Writer) int {
	p, flags, err := parseFlags(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		printHelp(stdout, flags)
		return exitMade
	case err != nil:
		fmt.Fprintf(stderr, "mint: %v (see mint -help)\n", err)
		return exitUsage
	}
	said, err := p.provide(now)
	var input *pki.InputError
	switch {
	case errors.As(err, &input):
		fmt.Fprintf(stderr, "mint: %v (see mint -help)\n", err)
		return exitUsage
	case err != nil:
		fmt.Fprintf(stderr, "mint: %s\n", wire.Printable(err.Error()))
		return exitFailed
	}
	fmt.Fprintln(stdout, said)
	return exitMade
}
