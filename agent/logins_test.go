package agent

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLoginsOfNoAttempt: an agent that was killed before it had written down
// what it took on leaves no credentials to stay.
func TestLoginsOfNoAttempt(t *testing.T) {
	m := newMaster(t)
	w := newWorker(t, m)
	m.session()
	if err := w.halt(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(w.cfg.Data, "builds", "shop-000001.1", "logins")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "key-0"), []byte("key"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.start()
	m.session()
	if left := w.builds(); len(left) != 0 {
		t.Errorf("left are %q", left)
	}
}
