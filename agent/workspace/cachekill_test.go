package workspace

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wright-build/wright/agent/workspace/cache"
	"github.com/wright-build/wright/agent/workspace/gittest"
)

// fetchForEver is an agent that does nothing but fetch.
func fetchForEver(url, dir, cached string) {
	for {
		s := Source{URL: url, Branch: "main", Cache: cache.Open(cached, cache.Limits{})}
		if _, err := Fetch(context.Background(), dir, s, nil); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		_ = os.RemoveAll(dir)
	}
}

// Whenever an agent is killed, the next one fetches what there is, and what the
// cache has is whole.
func TestCacheSurvivesKill(t *testing.T) {
	origin := gittest.New(t)
	origin.Commit("one", map[string]string{"a": "1"})
	url := origin.Serve()
	dir := filepath.Join(t.TempDir(), "src")
	cached := filepath.Join(t.TempDir(), "cache")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range 6 {
		cmd := exec.Command(os.Args[0], "test-fetch", url, dir, cached)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		last := origin.Commit("more", map[string]string{"a": fmt.Sprint(i)})
		<-time.After(time.Duration(r.IntN(150)) * time.Millisecond) // any moment will do
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		got, err := Fetch(t.Context(), dir, Source{URL: url, Branch: "main", Cache: cache.Open(cached, cache.Limits{})}, t.Output())
		if err != nil || got.Revision != last {
			t.Fatalf("after kill %d: %+v, %v", i, got, err)
		}
		gittest.Open(t, dir).Git("fsck", "--full")
		all, _ := filepath.Glob(filepath.Join(cached, "*.git"))
		if len(all) != 1 {
			t.Fatalf("the cache has %v", all)
		}
		gittest.Open(t, all[0]).Git("fsck", "--full")
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	awaitNobody(t, filepath.Dir(dir))
}

// awaitNobody waits for what the killed agents started to end.
func awaitNobody(t *testing.T, dir string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.Now().Add(2 * time.Minute); ; <-tick.C {
		busy := 0
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, f := range files {
			if line, _ := os.ReadFile(f); strings.Contains(string(line), dir+"/") {
				busy++
			}
		}
		if busy == 0 {
			return
		}
		if time.Now().After(late) {
			t.Fatalf("%d processes are left", busy)
		}
	}
}
