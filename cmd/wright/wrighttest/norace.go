//go:build !race

package wrighttest

// Race says that the programs are built with the race detector, as the tests
// are: they are slower then, and bigger.
const Race = false
