//go:build race

package host

// hostileAnswers are fewer where each takes twenty times as long.
const hostileAnswers = 5_000
