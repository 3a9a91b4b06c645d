package build

import (
	"bytes"
	"testing"

	agentv1 "github.com/wright-build/wright/proto/agent/v1"
)

// What the wire does not take would be sent for ever: of a file that is too
// large as much goes on as the master needs to refuse it.
func TestLargeWatchFilesAreCut(t *testing.T) {
	r := &reports{news: make(chan struct{}, 1)}
	huge := bytes.Repeat([]byte("#"), 100<<20)
	r.put(&agentv1.WatchReport{File: huge})
	if n := len(r.pending().GetFile()); n != maxWatchFile {
		t.Errorf("%d bytes are sent", n)
	}
	r.put(&agentv1.WatchReport{File: []byte("# small")})
	if got := string(r.pending().GetFile()); got != "# small" {
		t.Errorf("%q is sent", got)
	}
}
