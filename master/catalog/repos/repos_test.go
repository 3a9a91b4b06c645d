package repos

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/agent/workspace/gittest"
	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/manifests"
)

const (
	tick     = 50 * time.Millisecond
	patience = 30 * time.Second
)

func manifest(run string) string { return fmt.Sprintf("[[step]]\nrun = %q\n", run) }

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// followed is a repository that a test follows.
type followed struct {
	t    *testing.T
	all  *Repos
	repo *Repo
	stop func()

	mu   sync.Mutex
	said []Snapshot
}

func follow(t *testing.T, dir string, what manifests.Repo, logins Logins) *followed {
	t.Helper()
	f := prepare(t, dir, what, logins)
	f.start()
	return f
}

func prepare(t *testing.T, dir string, what manifests.Repo, logins Logins) *followed {
	t.Helper()
	all := New(Config{Repos: []manifests.Repo{what}, Dir: dir, Interval: tick, Logins: logins, Log: discard()})
	if err := all.Prepare(); err != nil {
		t.Fatal(err)
	}
	return &followed{t: t, all: all, repo: all.All()[0]}
}

func (f *followed) start() {
	ctx, cancel := context.WithCancel(f.t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		_ = f.repo.Follow(ctx, func(s Snapshot) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.said = append(f.said, s)
		})
	})
	f.stop = func() { cancel(); done.Wait() }
	f.t.Cleanup(f.stop)
}

func (f *followed) last() (s Snapshot, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n = len(f.said); n > 0 {
		s = f.said[n-1]
	}
	return s, n
}

func (f *followed) await(what string, holds func() bool) {
	f.t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for deadline := time.Now().Add(patience); !holds(); <-look.C {
		if time.Now().After(deadline) {
			s, n := f.last()
			f.t.Fatalf("waited for %s; status %+v, said %d times, last %s", what, f.repo.Status(), n, show(s))
		}
	}
}

func (f *followed) awaitSaid(want string) {
	f.t.Helper()
	f.await(want, func() bool { s, _ := f.last(); return show(s) == want })
}

func (f *followed) awaitError(part string) {
	f.t.Helper()
	f.await("the error "+part, func() bool { return strings.Contains(f.repo.Status().Error, part) })
}

// show is a snapshot like "blog=hugo shop!".
func show(s Snapshot) string {
	var out []string
	for name, m := range s.Manifests {
		out = append(out, name+"="+m.Steps[0].Run)
	}
	for name := range s.Errors {
		out = append(out, name+"!")
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// Whatever the protocol, what is committed is told, and what has not changed is not.
func TestFollow(t *testing.T) {
	for protocol, url := range map[string]func(*gittest.Repo) string{
		"path": func(r *gittest.Repo) string { return r.Dir },
		"file": (*gittest.Repo).URL,
		"git":  (*gittest.Repo).Serve,
		"http": (*gittest.Repo).ServeHTTP,
		"nginx": func(r *gittest.Repo) string {
			return wrighttest.Nginx(t, filepath.Dir(r.Dir)) + "/" + filepath.Base(r.Dir) + "/.git"
		},
	} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			r := gittest.New(t)
			r.Commit("old", map[string]string{"etc/shop.toml": manifest("old")})
			first := r.Commit("one", map[string]string{"etc/shop.toml": manifest("make"), "etc/README": "x", "other/blog.toml": "bogus"})
			f := follow(t, t.TempDir(), manifests.Repo{URL: url(r), Directory: "etc"}, nil)
			f.awaitSaid("shop=make")
			if s, _ := f.last(); s.Head.ID != first || s.By["shop"].ID != first || s.By["shop"].Author != "Ann" {
				t.Errorf("at %+v by %+v, want %s by Ann", s.Head, s.By, first)
			}
			if n := gittest.Open(t, f.repo.clone.dir).Git("rev-list", "--count", tipRef.String()); n != "1" {
				t.Errorf("the clone began with %s commits, want 1", n)
			}
			r.Commit("two", map[string]string{"etc/blog.toml": manifest("hugo")})
			f.awaitSaid("blog=hugo shop=make")
			r.Commit("three", map[string]string{"etc/blog.toml": "[[step]"})
			f.awaitSaid("blog! shop=make")
			r.Git("rm", "-q", "etc/blog.toml")
			r.Commit("four", nil)
			f.awaitSaid("shop=make")
			r.Commit("what was before the clone began", map[string]string{"etc/shop.toml": manifest("old")})
			f.awaitSaid("shop=old")
			if _, n := f.last(); n != 5 {
				t.Errorf("told %d times, want 5", n)
			}
			if st := f.repo.Status(); st.Head.ID != r.Head() || st.Error != "" || st.CheckedAt.IsZero() {
				t.Errorf("status %+v", st)
			}
		})
	}
}

// Each file is ascribed to the commit that changed it, however many are pushed
// at once, through merges too.
func TestLastChanges(t *testing.T) {
	for protocol, url := range map[string]func(*gittest.Repo) string{"file": (*gittest.Repo).URL, "http": (*gittest.Repo).ServeHTTP} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			origin := gittest.New(t)
			origin.Git("config", "receive.denyCurrentBranch", "ignore")
			first := origin.Commit("first", map[string]string{"a.toml": manifest("1"), "b.toml": manifest("1"), "z.toml": manifest("1")})
			f := follow(t, t.TempDir(), manifests.Repo{URL: url(origin), Branch: "main"}, nil)
			f.awaitSaid("a=1 b=1 z=1")
			work := gittest.Open(t, filepath.Join(t.TempDir(), "work"))
			origin.Git("clone", "-q", origin.Dir, work.Dir)
			want := map[string]string{"z": first}
			want["a"] = work.Commit("a", map[string]string{"a.toml": manifest("2")})
			work.Branch("side")
			want["b"] = work.Commit("b", map[string]string{"b.toml": manifest("2")})
			work.Git("switch", "-q", "main")
			want["c"] = work.Commit("c", map[string]string{"c.toml": "bogus"})
			work.Git("merge", "-q", "--no-ff", "-m", "merge", "side")
			work.Commit("nothing of ours", map[string]string{"README": "x"})
			work.Git("push", "-q", "origin", "main")
			f.awaitSaid("a=2 b=2 c! z=1")
			s, _ := f.last()
			got := map[string]string{}
			for name, c := range s.By {
				got[name] = c.ID
			}
			if !maps.Equal(got, want) {
				t.Errorf("got %v\nwant %v", got, want)
			}
		})
	}
}

func TestWhatPeopleDoToBranches(t *testing.T) {
	r := gittest.New(t)
	r.Commit("one", map[string]string{"etc/shop.toml": manifest("one"), "README": "x"})
	f := follow(t, t.TempDir(), manifests.Repo{URL: r.URL(), Branch: "main", Directory: "etc"}, nil)
	f.awaitSaid("shop=one")
	told := func() int { _, n := f.last(); return n }

	r.Git("checkout", "-q", "--orphan", "other") // a forced push of another history
	r.Commit("forced", map[string]string{"etc/shop.toml": manifest("forced")})
	r.Git("branch", "-q", "-f", "main", "other")
	f.awaitSaid("shop=forced")

	n := told()
	r.Git("branch", "-q", "-D", "main")
	f.awaitError("the remote has no branch main; its HEAD is on other")
	r.Git("branch", "-q", "main")
	f.await("the error to go", func() bool { return f.repo.Status().Error == "" })

	r.Git("switch", "-q", "main")
	r.Git("rm", "-q", "-r", "etc")
	head := r.Commit("no directory", map[string]string{"elsewhere/x": ""})
	f.awaitError("commit " + head[:12] + " by Ann: there is no directory etc in the repository")
	if st := f.repo.Status(); told() != n || st.Head.ID == head {
		t.Errorf("what cannot be read was told: %d times, want %d; %+v", told(), n, st)
	}
	r.Commit("all gone", map[string]string{"etc/README": "the instances are gone"})
	f.await("the empty directory", func() bool { return told() == n+1 && f.repo.Status().Error == "" })
	f.awaitSaid("")
}

func TestDefaultBranchAndEmptyRepository(t *testing.T) {
	r := gittest.New(t)
	f := follow(t, t.TempDir(), manifests.Repo{URL: r.URL()}, nil)
	f.awaitError("the remote is empty")
	r.Commit("one", map[string]string{"shop.toml": manifest("one")})
	f.repo.nudge()
	f.awaitSaid("shop=one")
	r.Git("branch", "-q", "-m", "main", "trunk") // HEAD goes along
	r.Commit("two", map[string]string{"shop.toml": manifest("two")})
	f.awaitSaid("shop=two")
	r.Git("rm", "-q", "shop.toml")
	r.Commit("nothing", nil)
	f.awaitError("the repository is empty")
	if s, _ := f.last(); show(s) != "shop=two" {
		t.Errorf("an empty repository was told: %s", show(s))
	}
}

// What is no regular file, too big or no manifest is an error of that name alone.
func TestOddFiles(t *testing.T) {
	sub := gittest.New(t)
	sub.Commit("sub", map[string]string{"x": ""})
	r := gittest.New(t)
	r.Write(map[string]string{
		"good.toml": manifest("good"), "Upper.toml": manifest("x"), "dir.toml/x": "", "big.toml": strings.Repeat("#", manifests.MaxText+1),
		"no-utf8-\xff.toml": manifest("x"), ".hidden.toml": "bogus", "sub/dir.toml": "bogus",
	})
	for link, to := range map[string]string{"link.toml": "good.toml", "out.toml": "/etc/passwd"} {
		if err := os.Symlink(to, filepath.Join(r.Dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	r.AddSubmodule(sub.URL(), "module.toml", "")
	f := follow(t, t.TempDir(), manifests.Repo{URL: r.URL()}, nil)
	f.awaitSaid("Upper.toml! big! dir! good=good link! module! no-utf8-\ufffd.toml! out!")
	s, _ := f.last()
	for name, part := range map[string]string{
		"link": "link.toml:1:1: is a symbolic link", "module": "is a submodule", "big": "more than 262144 bytes", "dir": "not a regular file",
	} {
		if got := s.Errors[name].Error(); !strings.Contains(got, part) {
			t.Errorf("%s: %s, want %s", name, got, part)
		}
	}
}

func TestTooManyFiles(t *testing.T) {
	r := gittest.New(t)
	files := map[string]string{}
	for i := range manifests.MaxFiles + 1 {
		files[fmt.Sprintf("i%d.toml", i)] = "#"
	}
	r.Commit("many", files)
	f := follow(t, t.TempDir(), manifests.Repo{URL: r.URL()}, nil)
	f.awaitError("more than 10000 manifests")
}

func TestPrepareRemovesOldClones(t *testing.T) {
	dir := t.TempDir()
	old := cloneName(manifests.Repo{URL: "https://git.example.test/old.git"})
	for _, name := range []string{old, old + ".login123", "of-somebody-else"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	r := New(Config{Repos: []manifests.Repo{{URL: "https://git.example.test/new.git"}}, Dir: dir, Log: discard()})
	if err := r.Prepare(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "of-somebody-else" {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestNudge(t *testing.T) {
	r := New(Config{Repos: []manifests.Repo{
		{URL: "https://git.example.test/a.git"}, {URL: "git@git.example.test:a"}, {URL: "https://git.example.test/a.git", Directory: "x"},
	}, Log: discard()})
	if n := len(r.All()); n != 2 {
		t.Fatalf("%d repositories, want 2: two of them are one", n)
	}
	if !r.Nudge("ssh://git@git.example.test/a.git") || r.Nudge("https://git.example.test/b.git") {
		t.Error("a nudge is for the remote, in any spelling, and for no other")
	}
	if !r.Concerns("https://git.example.test/a", "refs/heads/any") || r.Concerns("https://git.example.test/b", "refs/heads/any") {
		t.Error("a ref concerns the repositories of its remote")
	}
	if len(r.All()[0].nudged) != 1 || len(r.All()[1].nudged) != 1 {
		t.Error("not all repositories of the remote are going to look")
	}
}

// A nudge is heard at once, in a long pause too.
func TestNudgeEndsThePause(t *testing.T) {
	r := gittest.New(t)
	r.Commit("one", map[string]string{"shop.toml": manifest("one")})
	f := prepare(t, t.TempDir(), manifests.Repo{URL: r.URL()}, nil)
	f.repo.interval = time.Hour
	f.start()
	f.awaitSaid("shop=one")
	r.Commit("two", map[string]string{"shop.toml": manifest("two")})
	if !f.all.Nudge(r.URL()) {
		t.Error("the repository is not known")
	}
	f.awaitSaid("shop=two")
}
