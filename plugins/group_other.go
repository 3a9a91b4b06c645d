//go:build !unix

package plugins

// killGroup does nothing where there are no process groups.
func killGroup() {}
