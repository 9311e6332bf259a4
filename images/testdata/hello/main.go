// The command hello is a peer that says hello and ends: something small to build and to run.
package main

import (
	"fmt"
	_ "net" // with cgo the resolver in it would make the binary a dynamic one
)

func main() { fmt.Println("hello") }
