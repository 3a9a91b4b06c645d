package workspace

import (
	"os"
	"testing"

	"github.com/wright-build/wright/agent/workspace/access"
)

// TestMain makes the test binary what git and ssh ask, as the real program is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == access.LoginVerb || os.Args[1] == access.SSHVerb) {
		os.Exit(access.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	if len(os.Args) == 5 && os.Args[1] == "test-fetch" {
		fetchForEver(os.Args[2], os.Args[3], os.Args[4])
	}
	os.Exit(m.Run())
}
