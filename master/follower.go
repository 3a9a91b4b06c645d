package master

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/wright-build/wright/master/api"
	"github.com/wright-build/wright/master/hook"
)

// freshTime bounds how long a follower waits until its facts are those of the
// moment, before it answers by what it has.
const freshTime = 2 * time.Second

// staleHeader is set on answers that may be older than the question, since etcd
// did not say how far it is.
const staleHeader = "Wright-Stale"

// upToDate makes what a leader among several reads as new as the question: one
// that slept may not lead any more, and another may have told more already.
func (h *house) upToDate(next http.Handler) http.Handler {
	if h.candidate == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if reads(r) && !h.fresh(r.Context()) {
			w.Header().Set(staleHeader, "true")
		}
		next.ServeHTTP(w, r)
	})
}

// elsewhere is the address of the master that leads; "": nobody does, or this one
// is about to.
func (h *house) elsewhere() string {
	if h.candidate == nil {
		return ""
	}
	leader, err := h.candidate.Leader()
	if err != nil || leader == h.public {
		return ""
	}
	return leader
}

// follower answers while another master leads: what the facts tell it reads
// itself, all else the leader answers.
type follower struct {
	*house
	own   http.Handler // the API, over the facts alone
	relay *httputil.ReverseProxy
}

func newFollower(h *house) http.Handler {
	f := &follower{house: h, own: api.New(h.readings())}
	f.relay = &httputil.ReverseProxy{
		Rewrite: rewrite, FlushInterval: -1, ErrorHandler: f.failed, Transport: http.DefaultTransport,
		ErrorLog: slog.NewLogLogger(h.cfg.Log.Handler(), slog.LevelDebug),
	}
	guarded := api.Guard(h.listen, f)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, hook.Prefix) {
			f.ServeHTTP(w, r) // is signed
			return
		}
		guarded.ServeHTTP(w, r)
	})
}

func (f *follower) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	leader := f.elsewhere()
	if reads(r) {
		fresh := f.fresh(r.Context())
		if !fresh {
			w.Header().Set(staleHeader, "true")
		}
		if fresh || leader == "" {
			f.own.ServeHTTP(w, r)
			return
		}
		w.Header().Del(staleHeader)
	}
	to, err := url.Parse(leader)
	if leader == "" || err != nil {
		api.Leaderless(w)
		return
	}
	f.relay.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), toLeader{}, to)))
}

// toLeader is the key of where a request goes.
type toLeader struct{}

// rewrite sends a request on. That it comes from the same origin was seen here,
// where its Host header was the one that the browser knows.
func rewrite(r *httputil.ProxyRequest) {
	r.SetURL(r.In.Context().Value(toLeader{}).(*url.URL))
	r.SetXForwarded()
	for _, name := range []string{"Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Sec-Fetch-User"} {
		r.Out.Header.Del(name)
	}
}

// reads says whether the facts alone answer a request.
func reads(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	path, ok := strings.CutPrefix(r.URL.Path, api.Prefix+"/")
	kind, rest, _ := strings.Cut(path, "/")
	switch kind {
	case "instances", "builds", "appservers":
		return ok && !strings.Contains(rest, "/")
	case "agents":
		return ok && rest == ""
	}
	return false
}

// fresh waits until the facts are as new as the request.
func (h *house) fresh(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, freshTime)
	defer cancel()
	return h.store.CatchUp(ctx) == nil
}

// failed answers for a leader that did not. Only what it cannot have begun with is
// to be tried again by who asked.
func (f *follower) failed(w http.ResponseWriter, r *http.Request, err error) {
	f.cfg.Log.Warn("the leader does not answer", "path", r.URL.Path, "error", err)
	var call *net.OpError
	if reading := r.Method == http.MethodGet || r.Method == http.MethodHead; reading || errors.As(err, &call) && call.Op == "dial" {
		api.Leaderless(w)
		return
	}
	api.Refuse(w, http.StatusBadGateway, "the leader went away before it answered", "look whether it was done before you try again")
}
