//go:build !unix

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "init: it is the first process of Linux containers, and of no use elsewhere")
	os.Exit(2)
}
