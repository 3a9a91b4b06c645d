package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/notifier"
)

func newProvider(t *testing.T, state, file string) *provider {
	t.Helper()
	p := &provider{}
	if err := p.Configure(t.Context(), plugins.Settings{StateDir: state, Config: map[string]any{"file": file}}); err != nil {
		t.Fatal(err)
	}
	return p
}

func text(token string) notifier.Message {
	return notifier.Message{
		Token: token, Event: "build-failed", Instance: "shop", Build: "shop-000001", Subject: "shop failed",
		Text: "line\nbreak \u2028 <b>", URL: "http://x/", Recipients: []string{"ops@example.test"}, Tags: map[string]string{"a": "b"},
	}
}

// messages are the lines of the file, each of which must be JSON.
func messages(t *testing.T, file string) (all []message) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		var m message
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, m)
	}
	return all
}

// TestEachMessageOnce: however often and by whoever a token is sent.
func TestEachMessageOnce(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "messages")
	one, two := newProvider(t, dir, file), newProvider(t, dir, file)
	var all sync.WaitGroup
	for i := range 40 {
		p := []*provider{one, two}[i%2]
		all.Go(func() {
			if err := p.Notify(t.Context(), text(fmt.Sprint("token", i%5))); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	got := messages(t, file)
	if len(got) != 5 {
		t.Fatalf("%d messages", len(got))
	}
	want := text(got[0].Token)
	if m := got[0]; m.Text != want.Text || m.Subject != want.Subject || m.Recipients[0] != want.Recipients[0] || m.Tags["a"] != "b" || m.Time.IsZero() {
		t.Errorf("%+v", m)
	}
	receipts, err := two.Receipts(t.Context(), map[string]string{"a": "b"})
	if err != nil || len(receipts) != 5 || receipts[0].DeliveredAt.IsZero() {
		t.Errorf("receipts: %+v, %v", receipts, err)
	}
	if receipts, err := two.Receipts(t.Context(), map[string]string{"a": "c"}); err != nil || len(receipts) != 0 {
		t.Errorf("receipts of others: %+v, %v", receipts, err)
	}
}

// TestDeathInBetween: a provider that died at any point of a delivery is
// followed by one that delivers exactly once.
func TestDeathInBetween(t *testing.T) {
	line, err := lineOf(text("t"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	const before = `{"token":"before"}` + "\n"
	for name, tt := range map[string]struct {
		begun bool
		file  string
	}{
		"before anything":           {false, before},
		"before the line":           {true, before},
		"in the middle of the line": {true, before + string(line[:20])},
		"after the line":            {true, before + string(line)},
		"after it, others go on":    {true, before + string(line) + before},
		"the file was taken away":   {true, ""},
		"and another one has come":  {true, `{"token":"another file that is longer"}` + "\n" + before},
	} {
		dir, file := t.TempDir(), filepath.Join(t.TempDir(), "messages")
		p := newProvider(t, dir, file)
		if err := os.WriteFile(file, []byte(tt.file), 0o600); err != nil {
			t.Fatal(err)
		}
		r := receipt{Token: "t", At: time.Now(), Line: line, Begun: tt.begun, Offset: int64(len(before))}
		if err := p.receipts.write(r); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := newProvider(t, dir, file).Notify(t.Context(), text("t")); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		count := map[string]int{}
		for _, m := range messages(t, file) {
			count[m.Token]++
		}
		if count["t"] != 1 || count["before"] != strings.Count(tt.file, before) {
			t.Errorf("died %s: delivered %d times; the file is now %v", name, count["t"], count)
		}
	}
}

// TestOldReceiptsGo: after 30 days, and not before.
func TestOldReceiptsGo(t *testing.T) {
	dir := t.TempDir()
	p := newProvider(t, dir, "")
	for token, age := range map[string]time.Duration{"old": 31 * 24 * time.Hour, "young": 29 * 24 * time.Hour} {
		if err := p.receipts.write(receipt{Token: token, At: time.Now().Add(-age), Written: true}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := newProvider(t, dir, "").Receipts(t.Context(), nil)
	if err != nil || len(list) != 1 || list[0].Token != "young" {
		t.Errorf("kept: %+v, %v", list, err)
	}
}

// TestRefusedSettings: a path that cannot be is told at once.
func TestRefusedSettings(t *testing.T) {
	for _, file := range []string{"relative", filepath.Join(t.TempDir(), "missing", "messages")} {
		err := (&provider{}).Configure(t.Context(), plugins.Settings{StateDir: t.TempDir(), Config: map[string]any{"file": file}})
		e, ok := errors.AsType[*plugins.Error](err)
		if !ok || e.Code != plugins.Invalid || e.Field != "settings.file" {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestFarSideFails: what cannot be written leaves nothing and is written once
// later.
func TestFarSideFails(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "messages")
	p := newProvider(t, dir, file)
	if err := os.Mkdir(file, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := p.Notify(t.Context(), text("t")); plugins.CodeOf(err) != plugins.Transient {
		t.Errorf("a directory in its place: %v", err)
	}
	if list, _ := p.Receipts(t.Context(), nil); len(list) != 0 {
		t.Errorf("receipts: %+v", list)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.Notify(t.Context(), text("t")); err != nil {
			t.Error(err)
		}
	}
	if got := messages(t, file); len(got) != 1 {
		t.Errorf("messages: %+v", got)
	}
}
