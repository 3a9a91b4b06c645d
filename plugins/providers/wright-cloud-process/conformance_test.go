package main

import (
	"net"
	"testing"

	"github.com/wright-build/wright/plugins/conformance"
)

func TestConformance(t *testing.T) {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	conformance.Cloud(t, conformance.Subject{
		Binary: conformance.Build(t, "."),
		// A port that is taken on every address.
		FullConfig: map[string]any{"port": l.Addr().(*net.TCPAddr).Port},
		// It puts a program on the server that shows the environment it was given.
		Probe: `cd "$WRIGHT_APPSERVER_DIR" || exit 1
			[ -e run ] || { printf '#!/bin/sh\nenv > env.new; mv env.new env; exec sleep 1000\n' > run.new; chmod 700 run.new; mv run.new run; }
			cat env`,
	})
}
