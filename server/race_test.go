//go:build race

package main

// memoryBound is the most that the server may grow when abused, in KiB. The
// race detector's own memory is most of it.
const memoryBound = 256 << 10
