package main

import (
	"testing"

	"github.com/wright-build/wright/plugins/conformance"
)

func TestConformance(t *testing.T) {
	conformance.Runner(t, conformance.Subject{Binary: conformance.Build(t, ".")})
}
