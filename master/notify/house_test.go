package notify

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/notify/content"
	"github.com/wright-build/wright/master/notify/mail"
	"github.com/wright-build/wright/master/notify/mail/mailtest"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/store"
	"github.com/wright-build/wright/master/store/storetest"
)

// house is the room over a real store, with a clock of the test's own. It does
// by calls what Run does as a loop.
type house struct {
	*Notifier
	t     *testing.T
	store *store.Store
	clock time.Time
	cfg   Config
	n     int64 // number of the last build
	last  int64 // revision of the last end
}

func newHouse(t *testing.T, smtp string, post Post) *house {
	t.Helper()
	h := &house{t: t, store: storetest.Embedded(t), clock: epoch}
	output, err := logs.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = output.Close() })
	h.cfg = Config{
		Store: h.store, Logs: output, Secrets: secrets{}, Mail: mailTo(t, smtp), Post: post, Page: "http://h",
		Now: func() time.Time { return h.clock }, Log: slog.New(slog.DiscardHandler),
	}
	h.restart()
	return h
}

// secrets are all the same.
type secrets struct{}

func (secrets) ValueFor(_, name string) (string, error) { return "hunter2-" + name, nil }

func mailTo(t *testing.T, address string) Mail {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return mail.New(mail.Config{
		SMTPConfig: manifests.SMTPConfig{Host: host, Port: n, TLS: "none", From: "wright@example.test"}, Patience: 10 * time.Second,
	})
}

// restart forgets all that was only in memory, as a crash does.
func (h *house) restart() {
	h.t.Helper()
	h.Notifier = New(h.cfg)
	if _, err := h.begin(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// manifest puts one in force for the instance shop.
func (h *house) manifest(notify string) {
	h.t.Helper()
	text := "[source]\ngit = \"" + sourceURL + "\"\n[[step]]\nrun = \"true\"\nenv = { WORD = \"secret:word\" }\n" + notify
	in := state.InForce{Instance: "shop", File: "shop.toml", Text: []byte(text)}
	h.store.Read(func(f *state.Facts) {
		if old := f.Manifests["shop"]; old != nil {
			in.Meta = old.Meta
		}
	})
	h.commit(in.Put())
	if h.Notifier.manifest("shop") == nil {
		h.t.Fatal("the manifest is not right")
	}
}

func (h *house) commit(w ...state.Write) {
	h.t.Helper()
	if err := h.store.CommitSeen(h.t.Context(), w...); err != nil {
		h.t.Fatal(err)
	}
}

// ends has builds end in one transaction, each with the state given.
func (h *house) ends(states ...state.BuildState) {
	h.t.Helper()
	var writes []state.Write
	for _, s := range states {
		h.n++
		writes = append(writes, ended(h.n, s, one).Finish()[1])
	}
	h.commit(writes...)
	h.last = h.store.Revision()
}

// hears takes note of all that has ended.
func (h *house) hears() {
	h.t.Helper()
	if h.last != 0 && h.heard().Revision >= h.last {
		return
	}
	ctx, cancel := context.WithTimeout(h.t.Context(), 2*time.Minute)
	defer cancel()
	last := fmt.Sprintf("shop-%06d", h.n)
	err := h.store.Ended(ctx, h.heard().Revision, func(revision int64, ends []store.Ending) error {
		if err := h.Notifier.hear(ctx, group{revision: revision, ends: ends}); err != nil {
			return err
		}
		if slices.ContainsFunc(ends, func(e store.Ending) bool { return e.ID.String() == last }) {
			cancel()
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// sends tries all that is due now, and what becomes due by that.
func (h *house) sends() {
	h.t.Helper()
	for {
		h.settle(h.t.Context(), h.t.Context())
		if len(h.flying) == 0 {
			return
		}
		for len(h.flying) > 0 {
			h.conclude(h.t.Context(), <-h.results)
		}
	}
}

// passes lets time pass, trying each minute.
func (h *house) passes(d time.Duration) {
	h.t.Helper()
	for end := h.clock.Add(d); h.clock.Before(end); {
		h.clock = h.clock.Add(time.Minute)
		h.sends()
	}
}

// waiting is how many notices were not delivered and not given up.
func (h *house) waiting() (n int) {
	for _, d := range h.List() {
		if d.GivenUpAt.IsZero() {
			n++
		}
	}
	return n
}

// ids counts the messages that were taken, by ID and recipient.
func ids(s *mailtest.Server) map[string]int {
	all := map[string]int{}
	for _, m := range s.Taken() {
		_, rest, _ := strings.Cut(m.Data, "Message-ID: ")
		id, _, _ := strings.Cut(rest, "\r\n")
		all[id+" "+m.To]++
	}
	return all
}

// posts is a far side that does what it is told.
type posts struct {
	webhook func(ctx context.Context, n *state.Notice) error
	status  func(ctx context.Context, n *state.Notice) error
}

func (p posts) Webhook(ctx context.Context, n *state.Notice, _ content.Content, _ time.Time) error {
	return p.webhook(ctx, n)
}

func (p posts) Status(ctx context.Context, n *state.Notice, _ content.Content) error {
	return p.status(ctx, n)
}
