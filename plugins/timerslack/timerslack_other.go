//go:build !linux

package timerslack

// Widen does nothing: only Linux has a slack to set.
func Widen() error { return nil }

// Keep calls start.
func Keep(start func() error) error { return start() }
