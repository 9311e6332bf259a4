// Fails says much and ends with 3.
package main

import (
	"fmt"
	"os"
)

func main() {
	for i := range 100 {
		fmt.Println("line", i)
	}
	fmt.Fprintln(os.Stderr, "what went wrong")
	os.Exit(3)
}
