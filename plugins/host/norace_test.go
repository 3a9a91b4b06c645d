//go:build !race

package host

const hostileAnswers = 100_000
