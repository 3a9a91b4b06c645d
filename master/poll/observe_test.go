package poll_test

import (
	"errors"
	"log/slog"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/poll"
	"github.com/wright-build/wright/master/poll/ask"
	"github.com/wright-build/wright/master/state"
)

func TestObserveWritesWhatFits(t *testing.T) {
	f := newFixture(t)
	const url = "https://h.test/lib"
	f.world.set(url, main, rev(1))
	f.inForce("shop", url)
	p, _ := f.poller(time.Hour)
	f.awaitRevision(url, rev(1))
	f.eventually("the first answer", func() bool { return !p.Status("git", url).CheckedAt.IsZero() })
	asked := f.world.count(url)
	for _, c := range []struct {
		name          string
		before, after string
		recorded      bool
		now           string
	}{
		{"a step", rev(1), rev(2), true, rev(2)},
		{"the same again", rev(1), rev(2), true, rev(2)},
		{"the next", rev(2), rev(3), true, rev(3)},
		{"deleted", rev(3), "", true, ""},
		{"made again", "", rev(4), true, rev(4)},
	} {
		recorded, err := p.Observe(t.Context(), poll.Movement{VCS: "git", URL: "git@H.test:lib.git", Ref: main, Before: c.before, After: c.after})
		if err != nil || recorded != c.recorded {
			t.Errorf("%s: %t, %v", c.name, recorded, err)
		}
		if got := f.awaitRevision(url, c.now); got.URL != url || !got.Moved {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	if n := f.world.count(url); n != asked {
		t.Errorf("the remote was asked %d times more", n-asked)
	}
	f.world.set(url, main, rev(6))
	if recorded, err := p.Observe(t.Context(), poll.Movement{VCS: "git", URL: url, Ref: main, Before: rev(5), After: rev(6)}); recorded || err != nil {
		t.Errorf("a step that was missed: %t, %v", recorded, err)
	}
	if got := f.awaitRevision(url, rev(6)); got.Previous != rev(4) {
		t.Errorf("after asking: %+v", got)
	}
	if recorded, err := p.Observe(t.Context(), poll.Movement{VCS: "git", URL: url, Ref: main, Before: rev(1), After: rev(2)}); recorded || err != nil {
		t.Errorf("a late one: %t, %v", recorded, err)
	}
	f.eventually("the remote to be asked", func() bool { return f.world.count(url) >= asked+2 })
	f.awaitRevision(url, rev(6))
}

func TestObserveRefuses(t *testing.T) {
	f := newFixture(t)
	const url = "https://h.test/lib"
	f.world.set(url, main, rev(1))
	f.inForce("shop", url)
	p, _ := f.poller(time.Hour)
	f.awaitRevision(url, rev(1))
	for _, c := range []struct{ name, url, ref, after string }{
		{"another remote", "https://h.test/other", main, rev(2)},
		{"another ref", url, "refs/heads/next", rev(2)},
	} {
		if recorded, err := p.Observe(t.Context(), poll.Movement{VCS: "git", URL: c.url, Ref: c.ref, Before: rev(1), After: c.after}); recorded || !errors.Is(err, poll.ErrNotWatched) {
			t.Errorf("%s: %t, %v", c.name, recorded, err)
		}
	}
	if recorded, err := p.Observe(t.Context(), poll.Movement{VCS: "git", URL: url, Ref: main, Before: rev(1), After: "nonsense"}); recorded || err == nil || errors.Is(err, poll.ErrNotWatched) {
		t.Errorf("no revision: %t, %v", recorded, err)
	}
	f.awaitRevision(url, rev(1))
}

// TestHooksMakeQuestionsRare: and what no hook told brings them back.
func TestHooksMakeQuestionsRare(t *testing.T) {
	f := newFixture(t)
	const url = "https://h.test/lib"
	const interval = 50 * time.Millisecond
	f.world.set(url, main, rev(1))
	f.inForce("shop", url)
	p, _ := f.poller(interval)
	f.awaitRevision(url, rev(1))
	for i := 2; i < 6; i++ {
		f.world.set(url, main, rev(i))
		if recorded, err := p.Observe(t.Context(), poll.Movement{VCS: "git", URL: url, Ref: main, Before: rev(i - 1), After: rev(i)}); err != nil {
			t.Fatal(recorded, err)
		}
	}
	asked := func(n int) time.Duration { // the time that n questions take
		began, from := time.Now(), f.world.count(url)
		f.eventually("questions", func() bool { return f.world.count(url) >= from+n })
		return time.Since(began)
	}
	asked(1) // planned before
	told := asked(2)
	if told < 10*interval {
		t.Errorf("told by hooks: 2 questions within %v", told)
	}
	f.world.set(url, main, rev(99))
	f.awaitRevision(url, rev(99))
	if took := asked(4); took > 8*interval && took > told {
		t.Errorf("missed by hooks: 4 questions took %v", took)
	}
}

func TestToldAsksAtOnce(t *testing.T) {
	f := newFixture(t)
	const url = "https://h.test/lib"
	f.world.set(url, main, rev(1))
	f.inForce("shop", url)
	p, _ := f.poller(time.Hour)
	f.awaitRevision(url, rev(1))
	f.world.set(url, main, rev(2))
	p.Told(poll.Movement{VCS: "git", URL: "https://h.test/lib.git", Ref: main})
	f.awaitRevision(url, rev(2))
}

// TestWhereRemotesAreAsked: as written they are stored, and asked elsewhere; who
// named them is passed on.
func TestWhereRemotesAreAsked(t *testing.T) {
	f := newFixture(t)
	const lib, theme, data = "https://github.com/o/lib", "https://h.test/theme", "https://other.test/data"
	for _, url := range []string{"http://mirror.test/o/lib", theme, data} {
		f.world.set(url, main, rev(1))
	}
	f.inForce("shop", theme)
	f.report("shop", lib, data)
	p := poll.New(f.st, poll.Config{Interval: time.Hour, Lister: f.world,
		Rewrites: []manifests.Rewrite{{From: "https://GitHub.com/", To: "http://mirror.test/"}}}, slog.New(slog.DiscardHandler))
	f.start(p)
	if got := f.awaitRevision(lib, rev(1)); got.URL != lib {
		t.Errorf("stored as %s", got.URL)
	}
	f.awaitRevision(theme, rev(1))
	f.awaitRevision(data, rev(1))
	for url, want := range map[string]bool{"http://mirror.test/o/lib": true, theme: true, data: false} {
		if got := f.world.isTrusted(url); got != want {
			t.Errorf("%s is trusted: %t, want %t", url, got, want)
		}
	}
}

// TestPollerFollowsARealRepository: from what happens in a repository to the
// facts, with branches that are renamed, deleted, made again and forced.
func TestPollerFollowsARealRepository(t *testing.T) {
	f := newFixture(t)
	dir := t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=Ann", "-c", "user.email=ann@example.test", "-C", dir}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	commit := func() string {
		git("commit", "-q", "--allow-empty", "-m", "work")
		return git("rev-parse", "HEAD")
	}
	git("init", "-q", "-b", "master")
	first := commit()
	text := "[[watch]]\ngit = '" + dir + "'\nbranch = 'master'\n[[watch]]\ngit = '" + dir + "'\n[[watch]]\ngit = '" + dir + "'\nbranch = 'later'\n[[step]]\nrun = 'true'\n"
	in := state.InForce{Instance: "shop", File: "shop.toml", Text: []byte(text), Since: time.Now()}
	if err := f.st.CommitSeen(t.Context(), in.Put()); err != nil {
		t.Fatal(err)
	}
	p := poll.New(f.st, poll.Config{Interval: 50 * time.Millisecond}, slog.New(slog.DiscardHandler))
	f.start(p)
	awaitRef := func(ref, revision string, moved bool) {
		t.Helper()
		var got *state.Ref
		f.eventually(ref+" at "+revision, func() bool {
			f.st.Read(func(facts *state.Facts) { got = facts.Refs[name(dir, ref)] })
			return got != nil && got.Revision == revision
		})
		if got.Moved != moved {
			t.Errorf("%s: %+v", ref, got)
		}
	}
	const master, later = "refs/heads/master", "refs/heads/later"
	awaitRef(master, first, false)
	awaitRef("HEAD", first, false)
	awaitRef(later, "", false) // it never existed
	second := commit()
	awaitRef(master, second, true)
	git("reset", "-q", "--hard", first)
	forced := commit()
	awaitRef(master, forced, true) // forced
	git("branch", "-m", "master", "main")
	awaitRef(master, "", true) // renamed: the old name is gone
	f.eventually("HEAD's new place", func() bool { return p.Status("git", dir).Head == "refs/heads/main" })
	third := commit()
	awaitRef("HEAD", third, true) // and HEAD goes on
	git("branch", "master", first)
	awaitRef(master, first, true) // made again
	git("branch", "later")
	awaitRef(later, third, true) // appears
}

// isTrusted tells how a remote was asked last.
func (w *world) isTrusted(url string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.trusted[url]
}

var _ poll.Lister = (*ask.Asker)(nil)

// TestWhatIsSaidGoesWithTheRevision: what a hook tells of a commit is known if
// the ref is there, whoever found that out, and not of the next one.
func TestWhatIsSaidGoesWithTheRevision(t *testing.T) {
	f := newFixture(t)
	const url = "https://h.test/lib"
	f.world.set(url, main, rev(1))
	f.inForce("shop", url)
	p, _ := f.poller(time.Hour)
	f.awaitRevision(url, rev(1))
	told := func(before, after int, message string) poll.Movement {
		return poll.Movement{VCS: "git", URL: url, Ref: main, Before: rev(before), After: rev(after), Said: &state.Said{Message: message, Paths: []string{"a"}}}
	}
	observe := func(m poll.Movement) {
		t.Helper()
		if _, err := p.Observe(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	said := func(revision int) string {
		t.Helper()
		if s := f.awaitRevision(url, rev(revision)).Said; s != nil {
			return s.Message + strings.Join(s.Paths, ",")
		}
		return "nothing"
	}
	observe(told(1, 2, "two:"))
	if got := said(2); got != "two:a" {
		t.Errorf("of a step: %s", got)
	}
	f.world.set(url, main, rev(4))
	observe(told(3, 4, "four:")) // what it says of paths is of another step
	if got := said(4); got != "four:" {
		t.Errorf("of one that was asked for: %s", got)
	}
	f.world.set(url, main, rev(6))
	p.Told(told(4, 5, "five:"))
	if got := said(6); got != "nothing" {
		t.Errorf("of another revision: %s", got)
	}
	observe(told(6, 7, "seven:"))
	observe(poll.Movement{VCS: "git", URL: url, Ref: main, Before: rev(7), After: rev(8)})
	if got := said(8); got != "nothing" {
		t.Errorf("of the next one: %s", got)
	}
}
