package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/agent/workspace/gittest"
	"github.com/wright-build/wright/cmd/wright/wrighttest"
)

const (
	hookedPushes = 100         // to each server, in each form of delivery
	polledPushes = 10          // to each server
	pollInterval = time.Second // of those that no hook tells of
)

// BenchmarkPush is how long it takes from a push to each of the servers that
// people use until the build of it runs. "told" is by a delivery that holds
// the commit's message, as those of forges do; of "bare" ones, with revisions
// only, the master looks at the message itself; "polled" is without hooks.
func BenchmarkPush(b *testing.B) {
	for _, server := range []struct {
		name  string
		start func(*testing.B) pushed
	}{{"local", localPath}, {"git-daemon", gitDaemon}, {"nginx", nginx}, {"openssh", openSSH}, {"hg-serve", hgServe}} {
		for _, way := range []struct {
			name    string
			measure func(*testing.B, pushed) []time.Duration
		}{{"told", told}, {"bare", bare}, {"polled", polled}} {
			b.Run("server="+server.name+"/by="+way.name, func(b *testing.B) {
				for b.Loop() {
					took := way.measure(b, server.start(b))
					slices.Sort(took)
					for unit, at := range map[string]int{"p50-ms": len(took) / 2, "p95-ms": len(took) * 95 / 100, "max-ms": len(took) - 1} {
						b.ReportMetric(took[at].Seconds()*1000, unit)
					}
				}
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// pushed is a repository behind a server.
type pushed struct {
	vcs, url, branch string
	config           string // for the master, so that it may come in
	commit           func(message string) (revision string)
}

func ofGit(b *testing.B, at func(dir string) string) pushed {
	repo := gittest.New(b)
	commit := func(message string) string { return repo.Commit(message, map[string]string{"version": message}) }
	commit("first")
	return pushed{vcs: "git", url: at(repo.Dir), branch: "main", commit: commit}
}

func localPath(b *testing.B) pushed {
	return ofGit(b, func(dir string) string { return "file://" + dir })
}

func gitDaemon(b *testing.B) pushed {
	return ofGit(b, func(dir string) string { return wrighttest.GitDaemon(b, dir) + "/.git" })
}

func nginx(b *testing.B) pushed {
	return ofGit(b, func(dir string) string { return wrighttest.Nginx(b, dir) + "/.git" })
}

func openSSH(b *testing.B) pushed {
	ssh := wrighttest.OpenSSH(b)
	p := ofGit(b, func(dir string) string { return ssh.URL + dir })
	p.config = fmt.Sprintf("[[credential]]\nurl = \"ssh://*\"\nkey = \"file:%s\"\nknown-hosts = %q\ninstances = [\"shop\"]\n", ssh.Key, ssh.KnownHosts)
	return p
}

func hgServe(b *testing.B) pushed {
	dir := b.TempDir()
	commit := func(message string) string { return hgCommit(b, dir, message, map[string]string{"version": message}) }
	commit("first")
	return pushed{vcs: "hg", url: wrighttest.HgServe(b, dir), branch: "default", commit: commit}
}

// house is one with a build of p, which was made once.
func (p pushed) house(b *testing.B, interval time.Duration) *wrighttest.House {
	h := wrighttest.New(b)
	file := hooked(b, h, "generic")
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, append(text, p.config...), 0o600)
	}
	if err != nil {
		b.Fatal(err)
	}
	h.Master("--poll", interval.String(), "--config", file)
	h.Agent("a")
	h.Manifest("shop", fmt.Sprintf("[source]\n%s = %q\nbranch = %q\n[[step]]\nrun = \"true\"\n", p.vcs, p.url, p.branch))
	h.AwaitState(h.Start("shop").ID, "succeeded")
	h.Await("the remote to be asked", func() bool { return h.Watches("shop")[p.url].Revision != "" })
	return h
}

// await waits for the build of a push and returns when it ran.
func (p pushed) await(b *testing.B, h *wrighttest.House, number int, revision string) time.Time {
	id := fmt.Sprintf("shop-%06d", number)
	h.Await(id, func() bool { r, err := h.Build(id); return err == nil && r.Ended() })
	r := h.AwaitState(id, "succeeded")
	if r.Revisions[p.url] != revision {
		b.Fatalf("%s is of %v, want %s", id, r.Revisions, revision)
	}
	return r.StartedAt
}

func told(b *testing.B, p pushed) []time.Duration {
	return p.hooked(b, func(change map[string]any, text string) { change["message"] = text })
}

func bare(b *testing.B, p pushed) []time.Duration {
	return p.hooked(b, func(map[string]any, string) {})
}

// hooked pushes again and again and tells the master of it.
func (p pushed) hooked(b *testing.B, message func(change map[string]any, text string)) (took []time.Duration) {
	h := p.house(b, time.Hour)
	before := h.Watches("shop")[p.url].Revision
	for i := range hookedPushes {
		text := fmt.Sprint("push ", i)
		after := p.commit(text)
		change := map[string]any{"vcs": p.vcs, "url": p.url, "ref": "refs/heads/" + p.branch, "before": before, "after": after}
		message(change, text)
		d := asGenericOf(change)
		began := time.Now()
		if status, answer := deliver(b, h, d); status != http.StatusOK || !strings.Contains(answer, `"recorded":1`) {
			b.Fatalf("push %d: %d %s", i, status, answer)
		}
		took = append(took, p.await(b, h, i+2, after).Sub(began))
		before = after
	}
	h.StopAll()
	return took
}

// polled pushes at any moment of the interval.
func polled(b *testing.B, p pushed) (took []time.Duration) {
	h := p.house(b, pollInterval)
	for i := range polledPushes {
		<-time.After(rand.N(pollInterval))
		began := time.Now()
		after := p.commit(fmt.Sprint("push ", i))
		took = append(took, p.await(b, h, i+2, after).Sub(began))
	}
	h.StopAll()
	if late := slices.Max(took); late > pollInterval+time.Second {
		b.Errorf("a push was built after %s, asked every %s", late, pollInterval)
	}
	return took
}

// asGenericOf is a signed delivery of what a program of our own tells.
func asGenericOf(change map[string]any) delivery {
	body, _ := json.Marshal(change)
	at := fmt.Sprint(time.Now().Unix())
	return delivery{"generic", map[string]string{
		"Content-Type": "application/json", "X-Wright-Signature": "t=" + at + ",v1=" + signature(at, ".", string(body)),
	}, body}
}
