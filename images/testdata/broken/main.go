// The command broken has more faults than anybody wants to read about at once.
package main

func main() {
	fault1()
	fault2()
	fault3()
	fault4()
	fault5()
}
