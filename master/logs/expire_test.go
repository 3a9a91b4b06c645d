package logs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/master/logs"
)

func TestExpire(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	write := func(build string) {
		t.Helper()
		if _, err := l.Append(logs.Attempt{Instance: "shop", Build: build, Attempt: 1}, 1, "test", 0, []byte("text"), true); err != nil {
			t.Fatal(err)
		}
	}
	for _, build := range []string{"shop-000001", "shop-000002", "shop-000003", "shop-000004"} {
		write(build)
	}
	if at, err := l.Written("shop", "shop-000002"); err != nil || time.Since(at) > time.Hour || time.Since(at) < -time.Hour {
		t.Errorf("it was written at %s, %v", at, err)
	}
	if n, err := l.Size("shop", "shop-000002"); err != nil || n != 4 {
		t.Errorf("it has %d bytes, %v", n, err)
	}
	for _, build := range []string{"shop-000003", "shop-000001", "shop-000001"} { // in whatever order, and again
		if err := l.Expire("shop", build); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range []*logs.Logs{l, open(t, dir)} { // also after a restart
		for build, want := range map[string]bool{
			"shop-000001": true, "shop-000002": false, "shop-000003": true, "shop-000004": false, "shop-000005": false,
			"other-000001": false, "../x": false, "shop-x": false,
		} {
			if got := l.Expired(strings.SplitN(build, "-", 2)[0], build); got != want {
				t.Errorf("%s: expired %v", build, got)
			}
		}
	}
	if all, err := l.Instances(); err != nil || len(all) != 1 || all[0] != "shop" {
		t.Errorf("instances %v, %v", all, err)
	}
	if all, err := l.Builds("shop"); err != nil || len(all) != 2 {
		t.Errorf("builds %v, %v", all, err)
	}
	if n, err := l.Size("shop", "shop-000001"); err != nil || n != 0 {
		t.Errorf("what is removed has %d bytes, %v", n, err)
	}
	if err := l.RemoveAll("shop"); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 || l.Expired("shop", "shop-000001") {
		t.Errorf("of a deleted instance are left %v", left)
	}
	if err := l.Expire("..", "..-1"); err == nil {
		t.Error("an instance that leads out is taken")
	}
}

// What a power cut made of the number is taken for none.
func TestExpiredIsNoNumber(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "shop"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "shop", ".expired"), []byte("\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := open(t, dir)
	if l.Expired("shop", "shop-000001") {
		t.Error("it is taken for one")
	}
	if err := l.Expire("shop", "shop-000002"); err != nil || !l.Expired("shop", "shop-000001") {
		t.Errorf("after the next: %v", err)
	}
}
