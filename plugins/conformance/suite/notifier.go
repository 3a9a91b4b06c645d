package suite

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/plugins/host"
	"github.com/wright-build/wright/plugins/notifier"
)

const (
	notifierNotifyDoc = "Notify delivers a message and returns when the far side has taken it. A token that was delivered before is not delivered again, " +
		"also when both calls run at the same time or the provider died between."
	notifierReceiptsDoc = "Receipts gives what was delivered and carries all of tags, as far back as the provider keeps it, at least a day."
	notifierFailureDoc  = notifierNotifyDoc + " An error that may go away is transient, with the far side's Retry-After; the same call then delivers."
)

func notifierTrade() trade {
	return trade{
		noun: "message", verb: "Notify", list: "Receipts", putDoc: notifierNotifyDoc, listDoc: notifierReceiptsDoc,
		called: (*T).token,
		at: func(t *T, h *host.Host) (maker, error) {
			p, err := h.Notifier(t.call(), t.name)
			return notifierMaker{t, p}, err
		},
		on: func(t *T, c grpc.ClientConnInterface) maker { return notifierMaker{t, notifier.NewClient(c)} },
	}
}

func notifierKind() kindChecks {
	check := func(name, doc, mend string, run func(*notifierBench)) Check {
		return Check{Name: name, Doc: doc, Mend: mend, run: func(t *T) { run(newNotifierBench(t)) }}
	}
	const once = "write a receipt when the far side has taken the message and before Notify returns, look for it under a lock before you deliver, " +
		"and give the far side the token as the key of the message, so that it knows a repetition"
	const failing = "give back an error when the far side did not take the message: plugins.Errorf(plugins.Transient, …) or plugins.RetryAfter for what may go away; " +
		"write a receipt only when it did"
	return notifierTrade().kind(
		check("a message arrives", notifierNotifyDoc, "hand on subject, text and where to read more, whole", notifierArrives),
		check("a message arrives once", notifierNotifyDoc, once, notifierOnce),
		check("once, whatever is killed", notifierNotifyDoc, once, notifierKilled),
		check("tokens are compared whole", notifierNotifyDoc, "compare tokens byte for byte, or by a hash of the whole", notifierTokens),
		check("receipts", notifierReceiptsDoc, "keep token, tags and the time of the delivery, and give them back unchanged", notifierReceipts),
		check("long and hostile texts", "What a provider cannot deliver as it is it refuses as invalid, with the field's path.",
			"build what you send with an encoder (json.Marshal, mime, url.Values), never by putting texts together", notifierTexts),
		check("many recipients", fmt.Sprintf("A message may have %d recipients; each hears of it, or the whole is refused.", notifier.MaxRecipients),
			"deliver to all of Message.Recipients, or refuse with plugins.Invalidf(\"recipients\", …)", notifierRecipients),
		check("a far side that fails", notifierFailureDoc, failing, notifierFails),
		check("a far side that is busy", notifierFailureDoc, "pass the far side's Retry-After on with plugins.RetryAfter, or wait for it within the call", notifierBusy),
		check("a far side whose answer is lost", notifierFailureDoc, failing, notifierLost),
		check("a far side that refuses", "401 and 403 are plugins.Denied; other refusals are errors that say why.",
			"look at the status of the answer; map 401 and 403 to plugins.Denied", notifierRefuses),
		check("a far side that hangs", "Every call ends at its deadline.", "make requests with the call's context", notifierHangs),
	)
}

// notifierMaker sees a notifier as all kinds are seen.
type notifierMaker struct {
	t *T
	p notifier.Provider
}

func (m notifierMaker) put(ctx context.Context, name string, _ int, tags map[string]string) (string, error) {
	return "", m.p.Notify(ctx, m.t.message(name, tags))
}

func (m notifierMaker) all(ctx context.Context, tags map[string]string) ([]thing, error) {
	list, err := m.p.Receipts(ctx, tags)
	things := make([]thing, 0, len(list))
	for _, r := range list {
		things = append(things, thing{name: r.Token, tags: r.Tags})
	}
	return things, err
}

func (m notifierMaker) drop(context.Context, string, map[string]string) error { return nil }

// message is an ordinary one, with its token in the subject.
func (t *T) message(token string, tags map[string]string) notifier.Message {
	return notifier.Message{
		Token: token, Event: "build-failed", Instance: "conformance", Build: "conformance-7", Subject: "conformance " + cmp.Or(token, "?"),
		Text: "Nothing is wrong.\nThis is a test of a notifier.\n", URL: "https://wright.example.test/builds/7", Tags: tags, Config: t.subject.Config,
	}
}

// notifierBench is a notifier that runs.
type notifierBench struct {
	bench
	host *host.Host
	m    maker
	p    notifier.Provider
}

func newNotifierBench(t *T) *notifierBench {
	b := &notifierBench{bench: bench{t, notifierTrade()}}
	b.again()
	return b
}

// again starts the provider (again).
func (b *notifierBench) again() {
	b.host, b.m = b.start()
	b.p = b.m.(patientMaker).maker.(notifierMaker).p
}

// notify calls Notify, which must work.
func (b *notifierBench) notify(did string, m notifier.Message) {
	if err := b.seen(b.p.Notify(b.call(), m)); err != nil {
		b.Report(Finding{Did: did, Got: answer(nil, err), Want: notifierNotifyDoc})
		b.stopNow()
	}
}

// arrivals gives what arrived at the far side with a text in it, the token of a
// message. exact is false where only requests are seen: the far side may know
// that one of them is a repetition. known is false where nothing is seen at all.
func (b *notifierBench) arrivals(text string) (found []string, exact, known bool) {
	switch {
	case b.subject.Probe != "":
		page, err := b.page()
		if err != nil {
			b.Fatalf("probe: %v", err)
		}
		for line := range strings.Lines(page) {
			if strings.Contains(line, text) {
				found = append(found, line)
			}
		}
		return found, true, true
	case b.proxy != nil:
		return b.proxy.mail.with(text), false, true
	}
	return nil, false, false
}

// page reads what Subject.Probe leads to.
func (b *notifierBench) page() (string, error) {
	if !strings.HasPrefix(b.subject.Probe, "http://") && !strings.HasPrefix(b.subject.Probe, "https://") {
		text, err := os.ReadFile(b.subject.Probe)
		if os.IsNotExist(err) {
			return "", nil
		}
		return string(text), err
	}
	r, err := http.NewRequestWithContext(b.call(), http.MethodGet, b.subject.Probe, nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s", b.subject.Probe, answer.Status)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxBody))
	return string(text), err
}

// visible ends the check where nobody sees what arrives.
func (b *notifierBench) visible() {
	if b.subject.Probe == "" && b.proxy == nil {
		b.Skipf("what arrives cannot be seen: set probe (Subject.Probe) to the file or the page with the messages that arrived, or endpoint (Subject.Endpoint) to the setting with the far side's URL")
	}
}

// once fails the check unless a message arrived once.
func (b *notifierBench) once(did, token string) {
	found, _, known := b.arrivals(token)
	if known && len(found) != 1 {
		f := Finding{Did: did, Got: fmt.Sprintf("it arrived %d times", len(found))}
		if len(found) == 0 {
			f.Mend = "deliver before you write the receipt, and one message for each token: two tokens are two messages, however alike they are"
		}
		b.Report(f)
	}
}

// mailbox keeps what a proxy saw arrive.
type mailbox struct {
	mu   sync.Mutex // guards all below
	mail []string
	size int
}

// saw takes in a request that was carried out. A nil mailbox takes nothing.
func (m *mailbox) saw(r *http.Request, body []byte, status int) {
	if m == nil || status/100 != 2 || r.Method == http.MethodGet || r.Method == http.MethodHead {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.size += len(body); m.size < maxBody {
		m.mail = append(m.mail, r.URL.String()+"\n"+string(body))
	}
}

// with gives the requests with a text in them.
func (m *mailbox) with(text string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []string
	for _, s := range m.mail {
		if strings.Contains(s, text) {
			found = append(found, s)
		}
	}
	return found
}
