package hook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/hook"
	"github.com/wright-build/wright/master/poll"
	"github.com/wright-build/wright/master/poll/ask"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/store/storetest"
	"github.com/wright-build/wright/master/watchlist"
)

const (
	secret = "for the test"
	shop   = "https://git.example.test/shop.git"
	branch = "refs/heads/main"
)

func rev(n int) string { return fmt.Sprintf("%040x", n) }

// far is the remote: its refs, and how often it was asked.
type far struct {
	mu    sync.Mutex // guards all below
	refs  map[string]string
	asked int
}

func (f *far) List(context.Context, ask.Remote) (ask.Answer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	return ask.Answer{Refs: maps.Clone(f.refs), Head: branch}, nil
}

func (f *far) move(ref, revision string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refs[ref] = revision
}

func (f *far) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

// known is what a master knows of watches.
type known struct {
	*poll.Poller
	st *store.Store
}

func (k known) fact(ref string) (fact state.Ref) {
	name := state.RefName(watchlist.KeyOf("git", shop).Watch(ref))
	k.st.Read(func(f *state.Facts) {
		if r := f.Refs[name]; r != nil {
			fact = *r
		}
	})
	return fact
}

func (k known) Observe(ctx context.Context, url string, c hook.Change) (bool, error) {
	return k.Poller.Observe(ctx, movement(url, c))
}

func (k known) Told(url string, c hook.Change) { k.Poller.Told(movement(url, c)) }

func movement(url string, c hook.Change) poll.Movement {
	m := poll.Movement{VCS: c.VCS, URL: url, Ref: c.Ref, Before: c.Before, After: c.After}
	if c.Said != nil {
		m.Said = &state.Said{Message: c.Said.Message, Paths: c.Said.Paths}
	}
	return m
}

func (k known) Watched(_, url, ref string) bool {
	return manifests.SameRemote(url, shop) && k.fact(ref).VCS != ""
}

// await waits until a ref is known at a revision.
func (k known) await(t *testing.T, ref, revision string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	name := state.RefName(watchlist.KeyOf("git", shop).Watch(ref))
	err := k.st.Await(ctx, func(f *state.Facts) bool { return f.Refs[name] != nil && f.Refs[name].Revision == revision })
	if err != nil {
		t.Fatalf("%s is at %s, want %s: %v", ref, k.fact(ref).Revision, revision, err)
	}
}

// setUp is a real poller that asks once an hour, over a real etcd, and a hook
// before it.
func setUp(t *testing.T) (*far, known, *hook.Hooks) {
	t.Helper()
	st := storetest.Embedded(t)
	text := fmt.Sprintf("[[watch]]\ngit = %q\nbranch = \"main\"\n[[watch]]\ngit = %q\nref = \"HEAD\"\n[[watch]]\ngit = %q\ntag = \"v1\"\n[[step]]\nrun = \"true\"\n", shop, shop, shop)
	m := state.InForce{Instance: "shop", File: "shop.toml", Text: []byte(text), Since: time.Now()}
	if err := st.CommitSeen(t.Context(), m.Put()); err != nil {
		t.Fatal(err)
	}
	f := &far{refs: map[string]string{branch: rev(1), "HEAD": rev(1)}}
	log := slog.New(slog.DiscardHandler)
	p := poll.New(st, poll.Config{Interval: time.Hour, Lister: f}, log)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = p.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	k := known{p, st}
	k.await(t, branch, rev(1))
	k.await(t, "refs/tags/v1", "")
	h := hook.New(hook.Config{
		Hooks: []manifests.Hook{{Name: "forge", Kind: "gitea"}}, Watches: k, Log: log,
		Secret: func(manifests.SecretRef) ([]byte, error) { return []byte(secret), nil },
	})
	return f, k, h
}

// push delivers a push and wants it answered so.
func push(t *testing.T, h http.Handler, id, ref string, before, after int, want string) {
	t.Helper()
	body := fmt.Sprintf(`{"ref":%q,"before":%q,"after":%q,"repository":{"ssh_url":"git@git.example.test:shop.git","clone_url":%q,"default_branch":"main"}}`,
		ref, rev(before), rev(after), shop)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	r := httptest.NewRequest(http.MethodPost, "/hooks/forge", strings.NewReader(body))
	r.Header.Set("X-Gitea-Event", "push")
	r.Header.Set("X-Gitea-Delivery", id)
	r.Header.Set("X-Gitea-Signature", fmt.Sprintf("%x", mac.Sum(nil)))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
		t.Errorf("delivery %s: %d %s; want %s", id, w.Code, w.Body, want)
	}
}

// TestPushIsWrittenDown: a push that begins where the ref was last seen is a
// fact when it is answered, and the remote is not asked; HEAD comes along.
func TestPushIsWrittenDown(t *testing.T) {
	f, k, h := setUp(t)
	before := f.count()
	for i := range 20 {
		f.move(branch, rev(i+2))
		f.move("HEAD", rev(i+2))
		push(t, h, fmt.Sprint(i), branch, i+1, i+2, `{"recorded":2,"asked":0,"unwatched":0}`)
		for _, ref := range []string{branch, "HEAD"} {
			if fact := k.fact(ref); fact.Revision != rev(i+2) || fact.Previous != rev(i+1) {
				t.Errorf("%s after push %d: %+v", ref, i, fact)
			}
		}
	}
	if n := f.count(); n != before {
		t.Errorf("the remote was asked %d times", n-before)
	}
}

// TestWhatDoesNotFitIsAsked: pushes told late, in the wrong order, twice or
// wrongly never move a fact; what the remote says counts.
func TestWhatDoesNotFitIsAsked(t *testing.T) {
	f, k, h := setUp(t)
	f.move(branch, rev(3))
	f.move("HEAD", rev(3))
	push(t, h, "second", branch, 2, 3, `{"recorded":0,"asked":2,"unwatched":0}`)
	k.await(t, branch, rev(3))
	k.await(t, "HEAD", rev(3))
	push(t, h, "first, late", branch, 1, 2, `{"recorded":0,"asked":2,"unwatched":0}`)
	asked := f.count()
	push(t, h, "wrong", branch, 8, 9, `"recorded":0`)
	push(t, h, "unwatched", "refs/heads/other", 8, 9, `{"recorded":0,"asked":0,"unwatched":1}`)
	f.move("refs/tags/v1", rev(7))
	push(t, h, "tag object", "refs/tags/v1", 0, 6, `{"recorded":0,"asked":1,"unwatched":0}`)
	k.await(t, "refs/tags/v1", rev(7))
	if f.count() == asked {
		t.Error("the remote was not asked")
	}
	if fact := k.fact(branch); fact.Revision != rev(3) || fact.Previous != rev(1) {
		t.Errorf("main is %+v, want it from 1 to 3", fact)
	}
}

// TestComingBack: a push, its undoing, and the first delivery once more: the
// ref stays where it is.
func TestComingBack(t *testing.T) {
	f, k, h := setUp(t)
	push(t, h, "there", branch, 1, 2, `"recorded":2`)
	push(t, h, "back", branch, 2, 1, `"recorded":2`)
	asked := f.count()
	push(t, h, "there", branch, 1, 2, `"again":true`)
	push(t, h, "there, under another ID", branch, 1, 2, `"again":true`)
	if fact := k.fact(branch); fact.Revision != rev(1) {
		t.Errorf("main is %+v", fact)
	}
	k.await(t, branch, rev(1))
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for deadline := time.Now().Add(2 * time.Minute); f.count() == asked; {
		if at := <-look.C; at.After(deadline) {
			t.Fatal("the remote was not asked")
		}
	}
}
