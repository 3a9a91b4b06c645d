//go:build race

package detect

// slowdown is how many times longer all takes under the race detector.
const slowdown = 8
