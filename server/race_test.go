//go:build race

package main

// memoryBound is the most that the server may grow when abused, in KiB. It holds nothing but a
// server that runs away: most is the race detector's own, which keeps shadows of the stacks of
// some 4,000 goroutines, two for each connection, for longer the busier the machine is. It was
// seen to be 150 to 260 MiB where the server itself needs a tenth; norace_test.go holds that.
const memoryBound = 512 << 10
