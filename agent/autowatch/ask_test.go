package autowatch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wright-build/wright/agent/autowatch/detect"
)

// network is remotes that answer when they do.
type network struct {
	answer func(ctx context.Context, url string) error

	mu    sync.Mutex // guards all below
	asked []string
	now   int
	most  int
}

func (n *network) Refs(ctx context.Context, _, url string) (map[string]string, string, error) {
	n.mu.Lock()
	n.asked = append(n.asked, url)
	n.now++
	n.most = max(n.most, n.now)
	n.mu.Unlock()
	err := n.answer(ctx, url)
	n.mu.Lock()
	n.now--
	n.mu.Unlock()
	return map[string]string{"HEAD": c1, "refs/heads/main": c1, "refs/pull/1/head": c2}, "refs/heads/main", err
}

func takes(d time.Duration) func(context.Context, string) error {
	return func(ctx context.Context, _ string) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func many(n int, format string) (all []Remote) {
	for i := range n {
		all = append(all, Remote{"git", fmt.Sprintf(format, i)})
	}
	return all
}

func TestAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{answer: takes(time.Second)}
		var a Answers
		begin := time.Now()
		a.Ask(t.Context(), n, many(20, "https://h/%d"))
		if took := time.Since(begin); took != 3*time.Second || n.most != 8 || len(n.asked) != 20 {
			t.Errorf("%d asked in %s, %d at once", len(n.asked), took, n.most)
		}
		first := a.get(Remote{"git", "https://h/1"})
		if first.refs["refs/heads/main"] != c1 || len(first.refs) != 2 || first.head != "refs/heads/main" {
			t.Errorf("%+v", first)
		}
		a.Ask(t.Context(), n, append(many(2, "ssh://git@h/%d.git"), Remote{"git", "https://h/new"}))
		if len(n.asked) != 21 || a.get(Remote{"git", "git@h:1"}) != first {
			t.Errorf("%d asked", len(n.asked))
		}
		a.Ask(t.Context(), n, []Remote{{"hg", "https://h/1"}})
		if len(n.asked) != 22 {
			t.Error("git and hg are one")
		}
	})
}

// One that hangs takes its own time only, and all together take a bounded one.
func TestAskThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{answer: func(ctx context.Context, url string) error {
			if strings.Contains(url, "dead") {
				return takes(time.Hour)(ctx, url)
			}
			return takes(time.Second)(ctx, url)
		}}
		var a Answers
		begin := time.Now()
		a.Ask(t.Context(), n, append(many(100, "https://dead/%d"), many(10, "https://h/%d")...))
		if took := time.Since(begin); took > 15*time.Second || len(n.asked) > 10+8 {
			t.Errorf("it took %s and %d questions", took, len(n.asked))
		}
		for _, r := range many(10, "https://h/%d") {
			if a.get(r).err != nil {
				t.Errorf("%s: %v", r.URL, a.get(r).err)
			}
		}
		for _, r := range many(100, "https://dead/%d") {
			if a.get(r).err == nil {
				t.Errorf("%s answered", r.URL)
			}
		}

		slow := &network{answer: takes(9 * time.Second)}
		begin = time.Now()
		a.Ask(t.Context(), slow, many(100, "https://slow%d/x"))
		if took := time.Since(begin); took != 30*time.Second {
			t.Errorf("it took %s", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin = time.Now()
		a.Ask(ctx, slow, many(100, "https://other%d/x"))
		if took := time.Since(begin); took != time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// A host that cannot be reached is left alone, but not one that refuses a remote.
func TestDeadHosts(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		most int
	}{
		"unreachable": {&net.OpError{Op: "dial", Err: errors.New("no route")}, 8 + 1},
		"no such":     {&net.DNSError{Err: "no such host"}, 8 + 1},
		"refused":     {errors.New("not found"), 50},
	} {
		n := &network{answer: func(context.Context, string) error { return fmt.Errorf("x: %w", tt.err) }}
		var a Answers
		a.Ask(t.Context(), n, many(50, "https://h/%d"))
		if len(n.asked) > tt.most || tt.most == 50 && len(n.asked) != 50 {
			t.Errorf("%s: asked %d times", name, len(n.asked))
		}
	}
}

func TestSpread(t *testing.T) {
	got := spread([]Remote{{"git", "https://a/1"}, {"git", "https://a/2"}, {"git", "https://b/1"}, {"git", "git@a:3"}})
	want := []Remote{{"git", "https://a/1"}, {"git", "https://b/1"}, {"git", "https://a/2"}, {"git", "git@a:3"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

// A remote is asked by the URL that most likely works, and each host is warned of once.
func TestRemotes(t *testing.T) {
	found := &Findings{
		watches: nil,
		leads: []lead{
			{vcs: "git", url: "git@h:a", name: "x", from: "f:1"}, {vcs: "git", url: "https://h/a", name: "y", from: "f:2"}, {vcs: "git", url: "http://h/a", name: "v1", from: "f:3"},
			{vcs: "git", url: "https://h/b", name: "x", kind: detect.Branch, from: "f:4"}, {vcs: "git", url: "git@h:c", name: "x", from: "f:5"}, {vcs: "git", url: "https://h/c", name: "y", from: "f:6"},
		},
	}
	for _, url := range []string{"https://h/b", "git@h:c"} {
		w := watch(url, "x", c1)
		found.watches = append(found.watches, w)
	}
	if got := found.Remotes(); !slices.Equal(got, []Remote{{"git", "https://h/a"}, {"git", "git@h:c"}}) {
		t.Errorf("to be asked: %v", got)
	}
	var answers Answers
	answers.Ask(t.Context(), unreachable{}, found.Remotes())
	watches, warnings := found.Watches(&answers)
	if len(watches) != 5 || len(warnings) != 1 || !strings.HasPrefix(warnings[0], "f:1: git@h:a could not be asked (no route to host)") {
		t.Errorf("%v\n%q", watches, warnings)
	}
}

// One that has answered before is not dead because others on it are slow.
func TestHostThatAnswered(t *testing.T) {
	n := &network{answer: func(_ context.Context, url string) error {
		if strings.HasSuffix(url, "/0") {
			return nil
		}
		return context.DeadlineExceeded
	}}
	var a Answers
	a.Ask(t.Context(), n, many(1, "https://h/%d"))
	a.Ask(t.Context(), n, many(30, "https://h/%d"))
	if len(n.asked) != 30 {
		t.Errorf("asked %d times", len(n.asked))
	}
}

// What a remote says is not taken for more than it is.
func TestBogusAnswers(t *testing.T) {
	found := &Findings{leads: []lead{{vcs: "git", url: "https://h/p", name: "main", kind: detect.Branch, from: "f:1"}}}
	var a Answers
	a.Ask(t.Context(), remotes{"https://h/p": {refs: map[string]string{"refs/heads/main": "rubbish", "HEAD": "-x"}}}, found.Remotes())
	watches, warnings := found.Watches(&a)
	if len(watches) != 1 || watches[0].Revision != "" || len(warnings) != 1 || !strings.Contains(warnings[0], "has no branch main") {
		t.Errorf("%+v, %q", watches, warnings)
	}
}
