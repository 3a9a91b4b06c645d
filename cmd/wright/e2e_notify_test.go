package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/wright-build/wright/cmd/wright/wrighttest"
	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/notify/mail/mailtest"
)

// notifyConfig writes a configuration that sends mail to an address.
func notifyConfig(t *testing.T, h *wrighttest.House, smtp string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(smtp)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(h.Dir, "master.toml")
	text := fmt.Sprintf(`public-url = "https://wright.example.test"
[smtp]
host = %q
port = %s
tls = "none"
user = "wright"
password = "secret:smtp"
from = "wright@example.test"
[notify]
loopback = true
[notify.providers.file]
file = %q
`, host, port, filepath.Join(h.Dir, "messages.jsonl"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config
}

// keep has the master keep a secret, maybe for an instance.
func keep(t *testing.T, h *wrighttest.House, name, value string, more ...string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(value), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := h.Run(append([]string{"secret", "set", name, "--file", file}, more...)...); r.Status != 0 {
		t.Fatalf("secret set %s: %+v", name, r)
	}
}

// hearer receives webhooks.
type hearer struct {
	*httptest.Server
	mu     sync.Mutex
	events []string
}

// newHearer takes what is signed with a secret, and notes "EVENT BUILD".
func newHearer(t *testing.T, secret string) *hearer {
	h := &hearer{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sum := hmac.New(sha256.New, []byte(secret))
		sum.Write(body)
		if r.Header.Get("X-Hub-Signature-256") != "sha256="+hex.EncodeToString(sum.Sum(nil)) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.events = append(h.events, r.Header.Get("X-Wright-Delivery"))
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hearer) seen() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.events...)
}

// subject is the decoded subject of a mail, and its headers.
func subject(t *testing.T, m mailtest.Mail) (string, mail.Header) {
	t.Helper()
	read, err := mail.ReadMessage(strings.NewReader(m.Data))
	if err != nil {
		t.Fatal(err)
	}
	s, err := new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	return s, read.Header
}

// TestFailureMail: a failure is mailed once, though the mail server was away and
// the master killed meanwhile; secrets are not in it; when the instance is well
// again that is mailed as an answer. Programs and notifiers hear of both too.
func TestFailureMail(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	address, hook := freeAddress(t), newHearer(t, "w0rd-of-hooks")
	config := notifyConfig(t, h, address)
	master := h.Master("--config", config)
	h.Agent("one")
	keep(t, h, "smtp", "s3cret-smtp")
	keep(t, h, "chat", "w0rd-of-hooks", "--instance", "shop")
	keep(t, h, "token", "t0ken-of-steps", "--instance", "shop")
	good := filepath.Join(h.Dir, "good")
	h.Manifest("shop", fmt.Sprintf(`[notify]
on-failure = "ops@example.test"
[[notify.webhook]]
url = "%s/hooks/T0K3N"
secret = "secret:chat"
[[notify.plugin]]
provider = "file"
recipients = ["ops"]
[[step]]
name = "test"
env = { TOKEN = "secret:token" }
run = '''
seq 1 500
echo the token is $TOKEN
test -e %s
'''
`, hook.URL, good))
	h.AwaitState(h.Start("shop").ID, "failed")
	var due []view.Notice
	h.Await("the mail to wait", func() bool {
		h.JSON(&due, "notify", "list")
		return len(due) == 1 && strings.Contains(due[0].Error, "connection refused") && due[0].Channel == "mail" && due[0].To == "ops@example.test"
	})
	if r := h.Run("notify", "test", "ops@example.test"); r.Status != exitFailed || !strings.Contains(r.Err, "connection refused") {
		t.Errorf("notify test: %+v", r)
	}
	master.Kill()
	server := mailtest.Start(t, mailtest.Config{Listen: address, User: "wright", Password: "s3cret-smtp"})
	h.Master("--config", config)
	h.Await("the mail to come", func() bool { return len(server.Taken()) == 1 })

	failed := server.Taken()[0]
	said, header := subject(t, failed)
	if !strings.HasPrefix(said, "[wright] shop: build 1 failed: ") || !strings.Contains(failed.Data, "shop-000001.log") {
		t.Errorf("subject %q\n%.3000s", said, failed.Data)
	}
	for _, want := range []string{"\n500", "\n403", "the token is ***", "https://wright.example.test/builds/shop-000001", "Step:       test"} {
		if !strings.Contains(strings.ReplaceAll(failed.Data, "\r\n", "\n"), want) {
			t.Errorf("the mail lacks %q", want)
		}
	}
	open(t, good)
	h.AwaitState(h.Start("shop").ID, "succeeded")
	h.Await("the mail of the recovery", func() bool { return len(server.Taken()) == 2 })
	well, answer := subject(t, server.Taken()[1])
	if well != "[wright] shop: build 2 succeeded again, after 1 failure" || answer.Get("In-Reply-To") != header.Get("Message-Id") {
		t.Errorf("then %q, an answer to %q instead of %q", well, answer.Get("In-Reply-To"), header.Get("Message-Id"))
	}
	h.Await("all to be delivered", func() bool {
		h.JSON(&due, "notify", "list")
		return len(due) == 0
	})
	if seen := hook.seen(); len(seen) != 2 || !strings.HasPrefix(seen[0], "shop-000001.build-failed.") || !strings.HasPrefix(seen[1], "shop-000002.build-recovered.") {
		t.Errorf("the program heard of %v", seen)
	}
	text, err := os.ReadFile(filepath.Join(h.Dir, "messages.jsonl"))
	if err != nil || strings.Count(string(text), "\n") != 2 || !strings.Contains(string(text), `"build-recovered"`) {
		t.Errorf("the notifier wrote %.3000s, %v", text, err)
	}
	everything := failed.Data + server.Taken()[1].Data + string(text) + master.Log()
	for _, word := range []string{"t0ken-of-steps", "w0rd-of-hooks", "s3cret-smtp", "T0K3N"} {
		if strings.Contains(everything, word) {
			t.Errorf("%s was told", word)
		}
	}
	if r := h.Run("notify", "test", "ops@example.test"); r.Status != 0 || len(server.Taken()) != 3 {
		t.Errorf("notify test: %+v", r)
	}
	if r := h.Run("notify", "test", "ops@example.test, eve@example.test"); r.Status != exitUsage {
		t.Errorf("notify test of two: %+v", r)
	}
}

// TestMailAndKilledMasters: whenever the master is killed, each failure is
// mailed, and what the server was told twice has one ID.
func TestMailAndKilledMasters(t *testing.T) {
	t.Parallel()
	h := wrighttest.New(t)
	server := mailtest.Start(t, mailtest.Config{})
	config := filepath.Join(h.Dir, "master.toml")
	host, port, _ := net.SplitHostPort(server.Addr)
	text := fmt.Sprintf("[smtp]\nhost = %q\nport = %s\ntls = \"none\"\nfrom = \"wright@example.test\"\n", host, port)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	master := h.Master("--config", config)
	h.Agent("one")
	h.Manifest("shop", "[notify]\non-failure = \"ops@example.test\"\n[[step]]\nrun = \"exit 3\"\n")
	const rounds = 6
	for i := range rounds {
		id := h.Start("shop").ID
		if i%2 == 1 {
			h.AwaitState(id, "failed")
		}
		master.Kill()
		master = h.Master("--config", config)
	}
	count := func() (ids map[string]bool) {
		ids = map[string]bool{}
		for _, m := range server.Taken() {
			_, header := subject(t, m)
			ids[header.Get("Message-Id")] = true
		}
		return ids
	}
	h.Await("all mail to come", func() bool { return len(count()) == rounds })
	var due []view.Notice
	h.Await("nothing to wait", func() bool {
		h.JSON(&due, "notify", "list")
		return len(due) == 0
	})
	if got, said := len(count()), len(server.Taken()); got != rounds || said > 2*rounds {
		t.Errorf("%d messages in %d mails, want %d", got, said, rounds)
	}
	t.Logf("%d messages in %d mails", len(count()), len(server.Taken()))
}
