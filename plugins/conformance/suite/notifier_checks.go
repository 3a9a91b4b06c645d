package suite

import (
	"fmt"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/notifier"
)

func notifierArrives(b *notifierBench) {
	b.visible()
	m := b.message(b.token("arrives"), b.ownTags())
	m.Subject += ", a subject that ends with " + b.token("headline")
	m.Text = "The text has a word at its end: " + b.token("end")
	b.notify("Notify", m)
	b.once("Notify", m.Token)
	for what, word := range map[string]string{"subject": b.token("headline"), "text": b.token("end")} {
		if found, _, _ := b.arrivals(word); len(found) == 0 {
			b.Report(Finding{Did: "Notify, then look at the far side for the " + what, Got: "its last word did not arrive"})
		}
	}
	if found, _, _ := b.arrivals("wright.example.test"); len(found) == 0 {
		b.Logf("the address where to read more (%s) did not arrive as it is", m.URL)
	}
}

func notifierOnce(b *notifierBench) {
	const calls = 16
	m := b.message(b.token("once"), b.ownTags())
	did := fmt.Sprintf("Notify with the token %q", m.Token)
	b.notify(did, m)
	for range 3 {
		b.notify(did+" again", m)
	}
	b.once(did+" four times", m.Token)
	b.kill(b.host)
	b.close(b.host)
	b.again()
	b.notify(did+" after the provider was killed", m)
	b.once(did+" four times, kill the provider, Notify once more", m.Token)
	for round := range 3 {
		m := b.message(b.token(fmt.Sprintf("together%d", round)), b.ownTags())
		did := fmt.Sprintf("Notify %d times at once with the token %q", calls, m.Token)
		together(calls, func(int) { b.notify(did, m) })
		b.once(did, m.Token)
	}
	var names []string
	for i := range calls {
		names = append(names, b.token(fmt.Sprintf("of%d", i)))
	}
	together(calls, func(i int) { b.notify("Notify with many tokens at once", b.message(names[i], b.ownTags())) })
	for _, name := range names {
		b.once("Notify with many tokens at once", name)
	}
}

func notifierKilled(b *notifierBench) {
	start := time.Now()
	b.notify("Notify", b.message(b.token("measured"), b.ownTags()))
	took := max(time.Since(start), time.Millisecond)
	for i, after := range points(moments, took) {
		call := b.killed(b.host, b.m, b.token(fmt.Sprintf("killed%d", i)), 1, after)
		b.close(b.host)
		b.again()
		did := call.did("Notify", "kill the provider")
		if _, listed := b.mine(b.m)[call.name]; listed || call.err == nil {
			b.taken(did+fmt.Sprintf(" (a receipt: %t)", listed), call.name)
		}
		did += ", then the same call again"
		b.notify(did, b.message(call.name, b.ownTags()))
		b.taken(did, call.name)
		if found, exact, _ := b.arrivals(call.name); exact && len(found) > 1 {
			b.Report(Finding{Did: did, Got: fmt.Sprintf("it arrived %d times", len(found))})
		}
		if b.Failed() {
			return
		}
	}
}

// taken fails the check when a message did not arrive that should have.
func (b *notifierBench) taken(did, token string) {
	if found, _, known := b.arrivals(token); known && len(found) == 0 {
		b.Report(Finding{
			Did: did, Got: "it never arrived",
			Mend: "write the receipt after the far side has taken the message, not before; return no error only then",
		})
	}
}

func notifierTokens(b *notifierBench) {
	long := strings.Repeat("a-long-token-", 12) + b.id + "-"
	tokens := []string{long + "1", long + "2", b.token("case"), strings.ToUpper(b.token("case")), b.token("blank"), b.token("blank") + " ", b.token("pre"), b.token("pre") + "2"}
	for _, token := range tokens {
		m := b.message(token, b.ownTags())
		if err := b.p.Notify(b.call(), m); err != nil {
			b.refusal(fmt.Sprintf("Notify with the token %q", token), err)
			return
		}
	}
	for _, word := range []string{"alike", "like-it"} {
		m := b.message(b.token(word), b.ownTags())
		m.Subject = "conformance " + b.id // the very same message, asked for by two
		b.notify("Notify with another token and the same subject and text", m)
		tokens = append(tokens, m.Token)
	}
	b.want(b.m, b.ownTags(), fmt.Sprintf("Notify with the tokens %q, the last two with the same text", tokens), "", tokens...)
	for _, token := range tokens[:4] {
		b.taken(fmt.Sprintf("Notify with the tokens %q, look for %q", tokens[:4], token), token)
	}
}

func notifierReceipts(b *notifierBench) {
	before := time.Now()
	m := b.message(b.token("receipt"), b.withTag("color", "red"))
	b.notify("Notify", m)
	first := b.receipt(m.Token)
	if d := first.DeliveredAt.Sub(before); d < -time.Minute || d > time.Minute+b.subject.Limit {
		b.Report(Finding{Did: "Notify, then Receipts", Got: fmt.Sprintf("it was delivered at %v, asked for was at %v", first.DeliveredAt, before)})
	}
	b.notify("Notify again", m)
	b.close(b.host)
	b.again()
	b.notify("Notify again after a restart", m)
	if again := b.receipt(m.Token); !again.DeliveredAt.Equal(first.DeliveredAt) {
		b.Report(Finding{Did: "Notify, then again, also after a restart", Got: fmt.Sprintf("the receipt says %v, before it said %v", again.DeliveredAt, first.DeliveredAt)})
	}
}

func (b *notifierBench) receipt(token string) notifier.Receipt {
	list, err := b.p.Receipts(b.call(), b.ownTags())
	if err != nil || len(list) != 1 || list[0].Token != token {
		b.Report(Finding{Did: fmt.Sprintf("Notify with the token %q, then Receipts", token), Got: answer(list, err)})
		b.stopNow()
	}
	return list[0]
}

func notifierTexts(b *notifierBench) {
	var all []notifier.Message
	for i, text := range hostile() {
		m := b.message(b.token(fmt.Sprintf("subject%d", i)), b.ownTags())
		m.Subject = text + " " + m.Token
		all = append(all, m)
		m = b.message(b.token(fmt.Sprintf("body%d", i)), b.ownTags())
		m.Text = text + "\n" + text + "\r\n.\r\n--boundary\n" + text
		all = append(all, m)
	}
	long := b.message(b.token("long"), b.ownTags())
	end := b.token("end")
	long.Text = strings.Repeat("This is a line of a long text.\n", 30_000) + end
	empty := b.message(b.token("empty"), b.ownTags())
	empty.Text, empty.URL, empty.Instance, empty.Build = "", "", "", ""
	for _, m := range append(all, long, empty) {
		did := fmt.Sprintf("Notify with the subject %.60q and the text %.40q (%d bytes)", m.Subject, m.Text, len(m.Text))
		if err := b.seen(b.p.Notify(b.call(), m)); err != nil {
			b.refusal(did, err)
			continue
		}
		b.once(did, m.Token)
	}
	if found, _, known := b.arrivals(long.Token); known && len(found) > 0 && !strings.Contains(strings.Join(found, ""), end) {
		b.Report(Finding{Did: fmt.Sprintf("Notify with a text of %d bytes, accepted", len(long.Text)), Got: "its end did not arrive", Mend: "deliver all of it, or refuse it with plugins.Invalidf(\"text\", …)"})
	}
	b.onlyState()
}

func notifierRecipients(b *notifierBench) {
	m := b.message(b.token("recipients"), b.ownTags())
	for i := range 200 {
		m.Recipients = append(m.Recipients, fmt.Sprintf("person%d-%s@example.test", i, b.id))
	}
	if err := b.seen(b.p.Notify(b.call(), m)); err != nil {
		b.refusal(fmt.Sprintf("Notify %d recipients such as %s", len(m.Recipients), m.Recipients[0]), err)
		return
	}
	if _, _, known := b.arrivals(m.Token); !known {
		return
	}
	for _, r := range m.Recipients {
		if found, _, _ := b.arrivals(r); len(found) == 0 {
			b.Report(Finding{Did: fmt.Sprintf("Notify %d recipients, accepted", len(m.Recipients)), Got: r + " is not named in what arrived"})
			return
		}
	}
}

// behind ends the check where no faulty proxy is before the far side.
func (b *notifierBench) behind() {
	if b.proxy == nil {
		b.Skipf("no HTTP far side is given: set endpoint (Subject.Endpoint) to the key of the settings with its URL")
	}
}

// during calls Notify while the far side has a fault.
func (b *notifierBench) during(f Fault, m notifier.Message) (did string, err error) {
	b.proxy.set(&f)
	err = b.seen(b.p.Notify(b.call(), m))
	b.proxy.set(nil)
	return fmt.Sprintf("Notify while the far side answers with %s", f.Name), err
}

// honest looks whether an outcome is true, and repeats the call.
func (b *notifierBench) honest(did, token string, err error) {
	if err == nil {
		b.taken(did+" (no error)", token)
	} else if _, listed := b.mine(b.m)[token]; listed {
		b.Report(Finding{Did: did + ", then Receipts", Got: "the call failed and there is a receipt: nobody will try again"})
	}
	did += ", then the same call when the far side works"
	b.notify(did, b.message(token, b.ownTags()))
	b.taken(did, token)
	if _, listed := b.mine(b.m)[token]; !listed {
		b.Report(Finding{Did: did, Got: "there is no receipt", Want: notifierReceiptsDoc})
	}
}

func notifierFails(b *notifierBench) {
	b.behind()
	for i, f := range append(errorsBefore(), Fault{Name: "500 that ends in HTML", Status: 500, Mode: Plain}) {
		token := b.token(fmt.Sprintf("fails%d", i))
		did, err := b.during(f, b.message(token, b.ownTags()))
		if plugins.CodeOf(err) != plugins.Transient {
			b.Report(Finding{Did: did, Got: answer("no error", err)})
		}
		b.honest(did, token, err)
		b.once(did+", then the same call when the far side works", token)
	}
}

func notifierBusy(b *notifierBench) {
	b.behind()
	for i, f := range throttling() {
		token := b.token(fmt.Sprintf("busy%d", i))
		did, err := b.during(f, b.message(token, b.ownTags()))
		e, ok := asError(err)
		if !ok || e.Code != plugins.Transient || !f.patient(e) {
			b.Report(Finding{Did: did, Got: answer("no error", err)})
		}
		b.honest(did, token, err)
		b.once(did+", then the same call when the far side works", token)
	}
}

func notifierLost(b *notifierBench) {
	b.behind()
	for i, f := range append(errorsAfter(), brokenAnswers()...) {
		token := b.token(fmt.Sprintf("lost%d", i))
		did, err := b.during(f, b.message(token, b.ownTags()))
		if err != nil && plugins.CodeOf(err) != plugins.Transient && !f.Vague {
			b.Report(Finding{Did: did, Got: answer(nil, err)})
		}
		b.honest(did, token, err)
		if found, exact, _ := b.arrivals(token); exact && len(found) > 1 {
			b.Report(Finding{Did: did + ", then the same call again", Got: fmt.Sprintf("it arrived %d times", len(found)), Mend: "give the far side the token as the key of the message (Idempotency-Key), so that it knows a repetition"})
		}
	}
}

func notifierRefuses(b *notifierBench) {
	b.behind()
	for i, status := range []int{401, 403, 400, 404, 410, 422} {
		token := b.token(fmt.Sprintf("refused%d", i))
		did, err := b.during(Fault{Name: fmt.Sprint(status), Status: status}, b.message(token, b.ownTags()))
		denied := status == 401 || status == 403
		if err == nil || denied && plugins.CodeOf(err) != plugins.Denied {
			b.Report(Finding{Did: did, Got: answer("no error", err)})
		}
		b.honest(did, token, err)
	}
}

func notifierHangs(b *notifierBench) {
	b.behind()
	token := b.token("hangs")
	const limit = 300 * time.Millisecond
	b.proxy.set(&Fault{Name: "nothing", Mode: Hang})
	start := time.Now()
	err := b.p.Notify(b.within(limit), b.message(token, b.ownTags()))
	took := time.Since(start)
	if err == nil || !cancelled(err) && plugins.CodeOf(err) != plugins.Transient || took > limit+b.grace() {
		b.Report(Finding{Did: fmt.Sprintf("Notify with a deadline of %v while the far side hangs", limit), Got: fmt.Sprintf("after %v: %s", took, answer("no error", err))})
	}
	gone := b.eventually(b.grace(), func() bool {
		_, _, hanging := b.proxy.requests()
		return hanging == 0
	})
	b.proxy.set(nil)
	if !gone {
		b.Report(Finding{Did: "Notify while the far side hangs; the call is over", Got: "the provider's request to the far side still waits", Mend: "make requests with the call's context"})
		return
	}
	b.honest("Notify while the far side hangs", token, err)
}
