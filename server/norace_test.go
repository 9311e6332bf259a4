//go:build !race

package main

// memoryBound is the most that the server may grow when abused, in KiB: 64 for
// each of the connections that it takes at once, and it needs about a third.
const memoryBound = 64 << 10
