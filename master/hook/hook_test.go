package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/wright-build/wright/manifests"
)

// TestPush: a push moves its ref and HEAD, if they are watched.
func TestPush(t *testing.T) {
	w := watching(map[string]string{"refs/heads/main": rev1, "HEAD": rev1, "refs/heads/topic": "", "refs/tags/v1": ""})
	h := hooks(w)
	wantAnswer(t, "main", h, push("1", "refs/heads/main", rev1, rev2), 200, `{"recorded":2,"asked":0,"unwatched":0}`)
	wantSaid(t, "main", w, "refs/heads/main is at f0c2", "HEAD is at f0c2")
	wantAnswer(t, "created", h, push("2", "refs/heads/topic", zeros, rev3), 200, `{"recorded":1,"asked":0,"unwatched":0}`)
	wantSaid(t, "created", w, "refs/heads/topic is at 0d1a")
	wantAnswer(t, "deleted", h, push("3", "refs/heads/topic", rev3, zeros), 200, `{"recorded":1,`)
	wantSaid(t, "deleted", w, "refs/heads/topic is at ")
	wantAnswer(t, "tag", h, push("4", "refs/tags/v1", zeros, rev3), 200, `{"recorded":0,"asked":1,"unwatched":0}`)
	wantSaid(t, "tag", w, "asked for refs/tags/v1")
	wantAnswer(t, "nowhere", h, push("6", "refs/heads/main", rev2, rev2), 200, `{"recorded":0,"asked":2,"unwatched":0}`)
	wantSaid(t, "nowhere", w, "asked for refs/heads/main", "asked for HEAD")
	wantAnswer(t, "not watched", h, push("5", "refs/heads/other", rev1, rev2), 200, `{"recorded":0,"asked":0,"unwatched":1}`)
	wantSaid(t, "not watched", w)
}

// TestForeignRemote: a hook tells nothing of remotes for which it does not speak.
func TestForeignRemote(t *testing.T) {
	w := watching(map[string]string{"refs/heads/main": rev1})
	h := hooks(w)
	h.hooks["github"].URLs = []string{"https://elsewhere.test/*"}
	wantAnswer(t, "foreign", h, push("1", "refs/heads/main", rev1, rev2), 200, `{"recorded":0,"asked":0,"unwatched":1}`)
	wantSaid(t, "foreign", w)
	h.hooks["github"].URLs = []string{"https://elsewhere.test/*", shop}
	wantAnswer(t, "its own", h, push("2", "refs/heads/main", rev1, rev3), 200, `{"recorded":1,`)
}

// TestOutOfOrder: a delivery that does not begin where the ref is known to be
// moves nothing; the remote is asked.
func TestOutOfOrder(t *testing.T) {
	w := watching(map[string]string{"refs/heads/main": rev1})
	h := hooks(w)
	wantAnswer(t, "the second first", h, push("2", "refs/heads/main", rev2, rev3), 200, `{"recorded":0,"asked":1,"unwatched":0}`)
	wantAnswer(t, "then the first", h, push("1", "refs/heads/main", rev1, rev2), 200, `{"recorded":1,`)
	wantSaid(t, "both", w, "asked because of refs/heads/main", "refs/heads/main is at f0c2")
}

// TestRepeatedDelivery: it is one change, also when it comes again after the
// ref came back to where it was, and under another ID; the remote is asked.
func TestRepeatedDelivery(t *testing.T) {
	w := watching(map[string]string{"refs/heads/main": rev1})
	h := hooks(w)
	wantAnswer(t, "first", h, push("1", "refs/heads/main", rev1, rev2), 200, `{"recorded":1,`)
	wantAnswer(t, "back", h, push("2", "refs/heads/main", rev2, rev1), 200, `{"recorded":1,`)
	w.take()
	for _, id := range []string{"1", "other"} {
		wantAnswer(t, "again", h, push(id, "refs/heads/main", rev1, rev2), 200, `{"recorded":0,"asked":1,"unwatched":0,"again":true}`)
		wantSaid(t, "again", w, "asked for refs/heads/main")
	}
	wantAnswer(t, "another body of the same ID", h, push("1", "refs/heads/main", rev1, rev3), 200, `"again":true`)
	wantSaid(t, "another body of the same ID", w, "asked for refs/heads/main")
}

// TestManyAtOnce: the same delivery twenty times at once is one change.
func TestManyAtOnce(t *testing.T) {
	w := watching(map[string]string{"refs/heads/main": rev1})
	h := hooks(w)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if status, text := send(h, push(fmt.Sprint(i), "refs/heads/main", rev1, rev2)); status != 200 {
				t.Errorf("%d %s", status, text)
			}
		})
	}
	all.Wait()
	moves := 0
	for _, s := range w.take() {
		if strings.Contains(s, "is at") {
			moves++
		}
	}
	if moves != 1 {
		t.Errorf("%d moves, want 1", moves)
	}
}

// TestReplay: a delivery that is signed with its time is refused the second
// time, and may be sent again if nothing came of it.
func TestReplay(t *testing.T) {
	w := watching(map[string]string{"refs/heads/main": rev1})
	h := hooks(w)
	now := time.Now()
	body := fmt.Sprintf(`{"url":%q,"ref":"refs/heads/main","before":%q,"after":%q}`, shop, rev1, rev2)
	w.fails = errors.New("etcd is away")
	wantAnswer(t, "nothing came of it", h, generic(body, now), 503, "send it again")
	w.fails = nil
	wantAnswer(t, "again", h, generic(body, now), 200, `{"recorded":1,`)
	wantAnswer(t, "a third time", h, generic(body, now), 409, "sign each delivery anew")
	upper := generic(body, now)
	upper.Header.Set("X-Wright-Signature", strings.Replace(strings.ToUpper(upper.Header.Get("X-Wright-Signature")), "T=", "t=", 1))
	upper.Header.Set("X-Wright-Signature", strings.Replace(upper.Header.Get("X-Wright-Signature"), "V1=", "v1=", 1))
	wantAnswer(t, "in capitals", h, upper, 409, "sign each delivery anew")
	wantAnswer(t, "signed anew", h, generic(body, now.Add(time.Second)), 200, `"asked":1`)
	wantAnswer(t, "old", h, generic(body, now.Add(-2*time.Minute)), 401, "clock")
	wantAnswer(t, "from the future", h, generic(body, now.Add(2*time.Minute)), 401, "clock")
}

// TestAnswers: what is no delivery is refused with the right words.
func TestAnswers(t *testing.T) {
	w := watching(map[string]string{"refs/heads/main": rev1})
	h := hooks(w)
	to := func(method, path, contentType, body string) *http.Request {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		return r
	}
	const json, form = "application/json", "application/x-www-form-urlencoded"
	wantAnswer(t, "GET", h, to("GET", "/hooks/github", "", ""), 405, "POST only")
	wantAnswer(t, "GET of nothing", h, to("GET", "/hooks/none", "", ""), 405, "POST only")
	wantAnswer(t, "unknown", h, to("POST", "/hooks/none", json, "{}"), 404, "no such hook")
	wantAnswer(t, "unknown, below", h, to("POST", "/hooks/github/x", json, "{}"), 404, "no such hook")
	wantAnswer(t, "no name", h, to("POST", "/hooks/", json, "{}"), 404, "no such hook")
	wantAnswer(t, "unsigned", h, to("POST", "/hooks/github", json, "{}"), 401, "missing or wrong")
	wantAnswer(t, "unsigned and no JSON", h, to("POST", "/hooks/github", json, "{"), 401, "missing or wrong")
	wantAnswer(t, "XML", h, to("POST", "/hooks/github", "text/xml", "<a/>"), 415, "application/json")
	wantAnswer(t, "an empty form", h, to("POST", "/hooks/github", form, "x=y"), 400, "one payload")
	wantAnswer(t, "large", h, to("POST", "/hooks/github", json, strings.Repeat("x", maxBody+1)), 413, "5 MiB")
	chunked := to("POST", "/hooks/github", json, strings.Repeat("x", maxBody+1))
	chunked.ContentLength = -1
	wantAnswer(t, "large, unannounced", h, chunked, 413, "5 MiB")
	unread := to("POST", "/hooks/github", json, "")
	unread.Body, unread.ContentLength = io.NopCloser(iotest.ErrReader(errors.New("it was read"))), maxBody+1
	wantAnswer(t, "large, and not read", h, unread, 413, "5 MiB")
	wantAnswer(t, "broken off", h, broken(), 400, "did not arrive whole")
	wantAnswer(t, "just not too large", h, to("POST", "/hooks/github", json, strings.Repeat("x", maxBody)), 401, "missing or wrong")
	wantAnswer(t, "bad JSON", h, signed("1", "push", `{"ref":`), 400, "not the JSON of such an event")
	wantAnswer(t, "another event", h, signed("2", "star", `{}`), 204, "")
	wantAnswer(t, "another event of a repository", h, signed("5", "repository", `{"action":"created","repository":{"clone_url":"https://h/p"}}`), 204, "")
	wantAnswer(t, "ping", h, signed("3", "ping", `{}`), 200, `{"recorded":0,"asked":0,"unwatched":0}`)
	wantSaid(t, "all that", w)
	body := "payload=" + url.QueryEscape(fmt.Sprintf(`{"ref":"refs/heads/main","before":%q,"after":%q,"repository":{"clone_url":%q}}`, rev1, rev2, shop))
	inForm := signed("4", "push", body)
	inForm.Header.Set("Content-Type", form)
	wantAnswer(t, "a form", h, inForm, 200, `{"recorded":1,`)
}

// broken is a request whose body ends too soon.
func broken() *http.Request {
	r := push("1", "refs/heads/main", rev1, rev2)
	r.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF))
	return r
}

// TestAnswersHoldNoSecret: neither an answer nor a status repeats what a secret
// or an unsigned payload says.
func TestAnswersHoldNoSecret(t *testing.T) {
	h := hooks(watching(nil))
	away := New(Config{
		Hooks: []manifests.Hook{{Name: "github", Kind: "github"}, {Name: "gitea", Kind: "gitea"}}, Watches: watching(nil), Log: slog.New(slog.DiscardHandler),
		Secret: func(manifests.SecretRef) ([]byte, error) { return nil, errors.New("hunter2 is no file") },
	})
	empty := New(Config{
		Hooks: []manifests.Hook{{Name: "github", Kind: "github"}}, Watches: watching(nil), Log: slog.New(slog.DiscardHandler),
		Secret: func(manifests.SecretRef) ([]byte, error) { return nil, nil },
	})
	for name, answer := range map[string]http.Handler{"good": h, "away": away, "empty": empty} {
		const body = `{"hunter2": }`
		r, want := signed("1", "push", body), 503
		switch name {
		case "empty":
			r.Header.Set("X-Hub-Signature-256", fmt.Sprintf("sha256=%x", mac(nil, body)))
		case "good":
			want = 400
		}
		status, text := send(answer, r)
		if status != want || strings.Contains(text, "hunter2") || strings.Contains(text, secret) {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if s := away.List()[1]; s.Refused != 1 || strings.Contains(s.LastError, "hunter2") {
		t.Errorf("the hook whose secret is away: %+v", s)
	}
}

// TestStatus: it is told how a hook is doing.
func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hooks(watching(map[string]string{"refs/heads/main": rev1}))
		begin := time.Now().UTC()
		send(h, push("1", "refs/heads/main", rev1, rev2))
		bad := push("2", "refs/heads/main", rev1, rev2)
		bad.Header.Del("X-Hub-Signature-256")
		send(h, bad)
		send(h, signed("3", "star", "{}"))
		send(h, httptest.NewRequest(http.MethodPost, "/hooks/none", strings.NewReader("{}")))
		want := Status{Name: "github", Kind: "github", Deliveries: 2, Refused: 1, LastAt: begin, LastErrorAt: begin, LastError: unsigned().Error()}
		all := h.List()
		names := []string{}
		for _, s := range all {
			names = append(names, s.Name)
		}
		if !slices.Equal(names, []string{"bitbucket", "generic", "gitea", "github", "gitlab"}) || all[3] != want || all[0].Deliveries != 0 {
			t.Errorf("got %+v\nwant %+v third", all, want)
		}
	})
}

// TestLog: that a hook refuses is logged when it begins to, not each time, and
// with the cause that senders are not told.
func TestLog(t *testing.T) {
	var text strings.Builder
	w := watching(map[string]string{"refs/heads/main": rev1})
	h := hooks(w)
	h.cfg.Log = slog.New(slog.NewTextHandler(&text, nil))
	good := h.cfg.Secret
	h.cfg.Secret = func(manifests.SecretRef) ([]byte, error) { return nil, errors.New("no such file") }
	for range 5 {
		wantAnswer(t, "without a secret", h, push("1", "refs/heads/main", rev1, rev2), 503, "the master's log says why")
	}
	if n := strings.Count(text.String(), "\n"); n != 1 || !strings.Contains(text.String(), "no such file") {
		t.Errorf("%d lines: %s", n, text.String())
	}
	h.cfg.Secret = good
	wantAnswer(t, "with it", h, push("1", "refs/heads/main", rev1, rev2), 200, "")
	w.fails = errors.New("etcd is away")
	wantAnswer(t, "without a store", h, push("2", "refs/heads/main", rev2, rev3), 503, "send it again")
	if n := strings.Count(text.String(), "\n"); n != 2 || !strings.Contains(text.String(), "etcd is away") || strings.Contains(text.String(), rev3) {
		t.Errorf("%d lines: %s", n, text.String())
	}
}

// TestTooManyAtOnce: beyond so many, a delivery waits for a moment and is then
// sent away.
func TestTooManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watching(map[string]string{"refs/heads/main": rev1})
		w.block = make(chan struct{})
		h := hooks(w)
		var all sync.WaitGroup
		for i := range maxAtOnce {
			all.Go(func() { send(h, push(fmt.Sprint(i), "refs/heads/main", rev1, fmt.Sprintf("%040x", i+1))) })
		}
		synctest.Wait()
		begin := time.Now()
		wantAnswer(t, "one more", h, push("more", "refs/heads/main", rev1, rev2), 503, "too many")
		if waited := time.Since(begin); waited != placeTime {
			t.Errorf("it waited %s", waited)
		}
		all.Go(func() {
			wantAnswer(t, "one that waits", h, push("waits", "refs/heads/main", rev1, rev2), 200, `"asked":1`)
		})
		synctest.Wait()
		close(w.block)
		all.Wait()
	})
}

// TestStoppingSender: what follows from a delivery does not end with its
// sender's patience.
func TestStoppingSender(t *testing.T) {
	w := watching(map[string]string{"refs/heads/main": rev1})
	ctx, stop := context.WithCancel(t.Context())
	stop()
	h := hooks(w)
	told, err := h.receive(httptest.NewRecorder(), push("1", "refs/heads/main", rev1, rev2).WithContext(ctx), h.hooks["github"])
	if err != nil || told.Recorded != 1 {
		t.Errorf("%+v, %v", told, err)
	}
}

// TestSlowBody: a body that does not arrive is not waited for.
func TestSlowBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hooks(watching(nil))
		begin := time.Now()
		r := push("1", "refs/heads/main", rev1, rev2)
		never, feed := io.Pipe()
		defer feed.Close()
		r.Body = never
		w := &deadlined{ResponseRecorder: httptest.NewRecorder(), body: never}
		h.ServeHTTP(w, r)
		if took := time.Since(begin); w.Code != 400 || took != readTime {
			t.Errorf("%d after %s", w.Code, took)
		}
	})
}

// deadlined is a connection that can end the reading of a body.
type deadlined struct {
	*httptest.ResponseRecorder
	body *io.PipeReader
}

func (d *deadlined) SetReadDeadline(at time.Time) error {
	if !at.IsZero() {
		time.AfterFunc(time.Until(at), func() { _ = d.body.CloseWithError(context.DeadlineExceeded) })
	}
	return nil
}

// TestMemory: it forgets what is old, and never grows beyond its bound.
func TestMemory(t *testing.T) {
	now := time.Unix(0, 0)
	m := newMemory(3)
	steps := []struct {
		key   string
		after time.Duration
		evict bool
		want  recall
	}{
		{"a", 0, false, fresh}, {"a", 1, false, known}, {"b", 1, false, fresh}, {"c", 2, false, fresh},
		{"d", 3, false, full}, {"d", 3, true, fresh}, {"a", 4, true, fresh}, {"d", 5, true, known},
		{"e", 200, false, fresh}, {"d", 200, false, fresh}, {"a", 200, false, fresh}, {"f", 200, false, full},
	}
	for i, s := range steps {
		at := now.Add(s.after * time.Second)
		if got := m.add(s.key, at.Add(100*time.Second), at, s.evict); got != s.want {
			t.Errorf("step %d, %s: %v, want %v", i, s.key, got, s.want)
		}
	}
	m.remove("e")
	if m.add("e", now.Add(time.Hour), now.Add(201*time.Second), false) != fresh {
		t.Error("what was removed is known")
	}
	for i := range 100 {
		m.add(fmt.Sprint(i), now.Add(time.Hour), now.Add(202*time.Second), true)
		m.remove(fmt.Sprint(i))
	}
	if len(m.until) > 3 || len(m.order) > 200 {
		t.Errorf("%d keys, %d in order", len(m.until), len(m.order))
	}
}

// TestToldIsJSON: what is answered is what the command line shows.
func TestToldIsJSON(t *testing.T) {
	text, err := json.Marshal(Told{Recorded: 1})
	if err != nil || string(text) != `{"recorded":1,"asked":0,"unwatched":0}` {
		t.Errorf("%s, %v", text, err)
	}
}

// BenchmarkPush is one push from request to answer, but for what follows.
func BenchmarkPush(b *testing.B) {
	h := hooks(watching(map[string]string{"refs/heads/main": rev1}))
	for i := range b.N {
		if status, text := send(h, push(fmt.Sprint(i), "refs/heads/main", fmt.Sprintf("%040x", i+1), fmt.Sprintf("%040x", i+2))); status != 200 {
			b.Fatal(status, text)
		}
	}
}
