package main

import (
	"os"
	"testing"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
)

func TestMain(m *testing.M) { os.Exit(wrighttest.Main(m)) }
