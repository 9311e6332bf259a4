// The command fails says much and ends with 3. All goes to one stream, for the order of two is anybody's.
package main

import (
	"fmt"
	"os"
)

func main() {
	for i := range 100 {
		fmt.Fprintln(os.Stderr, "line", i)
	}
	fmt.Fprintln(os.Stderr, "what went wrong")
	os.Exit(3)
}
