package main

import (
	"testing"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
)

// TestFailpoints: every comment of gofail is one that gofail understands as it is
// meant, and there are some.
func TestFailpoints(t *testing.T) {
	all, wrong, err := wrighttest.Failpoints("../..")
	if err != nil || len(all) == 0 {
		t.Fatalf("%d failpoints, %v", len(all), err)
	}
	for _, w := range wrong {
		t.Error(w)
	}
}
