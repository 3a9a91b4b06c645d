// Package price formats prices.
package price

import "fmt"

// Format writes cents as units and cents.
func Format(cents int) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }
