// Package greeting greets.
package greeting

// Welcome is the first line of the page.
func Welcome() string { return "Good tools, fair prices" }
