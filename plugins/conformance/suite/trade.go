package suite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/host"
)

// thing is what a list holds, as far as all kinds are alike.
type thing struct {
	name string // by which it is deleted: a token, a domain
	what string // what it is or leads to: a URL, records
	tags map[string]string
}

// maker is a provider, as far as those of all kinds are alike.
type maker interface {
	// put makes the thing of a name, or where a kind replaces, makes it lead to
	// what the version stands for. It gives thing.what.
	put(ctx context.Context, name string, version int, tags map[string]string) (string, error)
	all(ctx context.Context, tags map[string]string) ([]thing, error)
	drop(ctx context.Context, name string, tags map[string]string) error
}

// trade is a kind, as far as all are alike. Its checks are in trade_*.go.
type trade struct {
	noun, verb, list string // "database", "Create", "List"
	putDoc           string // the contract's words on it
	listDoc, dropDoc string // likewise; an empty dropDoc means that nothing is ever deleted
	replaces         bool   // put once more with another version replaces
	at               func(*T, *host.Host) (maker, error)
	on               func(*T, grpc.ClientConnInterface) maker
	called           func(t *T, word string) string // a name that no other run of the suite has
}

// bench is a check's view of a provider.
type bench struct {
	*T
	trade trade
}

// start launches the provider at a host of its own.
func (b *bench) start() (*host.Host, maker) {
	h := b.open()
	m, err := b.trade.at(b.T, h)
	if err != nil {
		b.Report(Finding{
			Did: "launch the provider", Got: answer(nil, err),
			Want: "A provider starts, says who it is and takes its settings within seconds, also after it was killed.",
			Mend: "make it start whatever an earlier process left in its directory; the log says more. On a machine that is too busy, try again",
		})
		b.stopNow()
	}
	return h, patientMaker{m, b.T}
}

// name gives a name for this run of the check.
func (b *bench) name(word string) string { return b.trade.called(b.T, word) }

// put makes a thing and ends the check when that fails.
func (b *bench) put(m maker, name string, version int, tags map[string]string) string {
	what, err := m.put(b.call(), name, version, tags)
	_ = b.seen(err)
	if err != nil {
		b.Report(Finding{Did: b.did(name, tags), Got: answer(nil, err), Want: b.trade.putDoc, Mend: "this is an ordinary call and must work"})
		b.stopNow()
	}
	return what
}

func (b *bench) did(name string, tags map[string]string) string {
	return fmt.Sprintf("%s %.80q with the tags %.200q", b.trade.verb, name, tags)
}

// all lists what carries the tags and ends the check when that fails.
func (b *bench) all(m maker, tags map[string]string) map[string]thing {
	list, err := m.all(b.call(), tags)
	if err != nil {
		f := Finding{Did: fmt.Sprintf("%s with the tags %.200q", b.trade.list, tags), Got: answer(nil, err), Want: b.trade.listDoc}
		if strings.Contains(err.Error(), "without the tags that were asked for") {
			f.Mend = "select by the tags: a thing is listed when it has every tag of the call with just this value, and never else"
		}
		b.Report(f)
		b.stopNow()
	}
	found := map[string]thing{}
	for _, t := range list {
		if _, twice := found[t.name]; twice {
			b.Report(Finding{
				Did:  fmt.Sprintf("%s with the tags %.200q", b.trade.list, tags),
				Got:  fmt.Sprintf("%q is in the list twice", t.name),
				Want: b.trade.listDoc,
				Mend: "give everything once; where the far side answers in pages, begin each page where the last one ended, and make a thing that is there already only once",
			})
		}
		found[t.name] = t
	}
	return found
}

// mine lists what this run of the check made.
func (b *bench) mine(m maker) map[string]thing { return b.all(m, b.ownTags()) }

// drop deletes a thing and fails the check when that fails.
func (b *bench) drop(m maker, name string, tags map[string]string) {
	if err := m.drop(b.call(), name, tags); err != nil {
		b.Report(Finding{Did: fmt.Sprintf("Delete %.80q", name), Got: answer(nil, err), Want: b.trade.dropDoc, Mend: "delete what there is of it, finished or not; what is gone already, or a part of it, is no error"})
	}
}

// want fails the check when the list is not as it must be after did.
func (b *bench) want(m maker, tags map[string]string, did, mend string, names ...string) {
	got := b.all(m, tags)
	expected := map[string]bool{}
	for _, n := range names {
		expected[n] = true
		if _, ok := got[n]; !ok {
			b.Report(Finding{Did: did + ", then " + b.trade.list, Got: fmt.Sprintf("%q is not listed: %s", n, names4(got)), Mend: mend})
			return
		}
	}
	for _, n := range sortedKeys(got) {
		if !expected[n] {
			b.Report(Finding{Did: did + ", then " + b.trade.list, Got: fmt.Sprintf("%q is listed: %s", n, names4(got)), Mend: mend})
			return
		}
	}
}

// names4 shows a list in short.
func names4(all map[string]thing) string {
	names := sortedKeys(all)
	if len(names) > 4 {
		return fmt.Sprintf("%d things, the first are %.200q", len(names), names[:4])
	}
	return fmt.Sprintf("%d things, %.200q", len(names), names)
}

// sweep takes away everything of this run of the check. It says what it cannot.
func (b *bench) sweep() {
	if b.trade.dropDoc == "" {
		return
	}
	_, m := b.start()
	ofAnother := b.another()
	for _, tags := range []map[string]string{b.ownTags(), ofAnother} {
		for _, t := range b.all(m, tags) {
			b.drop(m, t.name, tags)
		}
		if left := b.all(m, tags); len(left) > 0 {
			b.Report(Finding{
				Did:  fmt.Sprintf("Delete everything with the tags %v", tags),
				Got:  fmt.Sprintf("still listed, remove it by hand: %s", names4(left)),
				Want: b.trade.dropDoc,
				Mend: "delete it for good before Delete returns",
			})
		}
	}
}

// another are tags of another installation.
func (b *bench) another() map[string]string {
	return map[string]string{plugins.InstallationTag: b.installation() + "-another"}
}

// others are tags of installations whose names look like this one's.
func (b *bench) others() []map[string]string {
	own := b.installation()
	list := []map[string]string{b.another()}
	for _, name := range []string{own[:len(own)-1], strings.ToUpper(own)} {
		list = append(list, map[string]string{plugins.InstallationTag: name})
	}
	return list
}

// together calls f n times at once and waits for all.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

// took measures one put of something new, for the moments at which it is interrupted.
func (b *bench) took(m maker) time.Duration {
	name, start := b.name("measured"), time.Now()
	b.put(m, name, 0, b.ownTags())
	d := time.Since(start)
	b.drop(m, name, b.ownTags())
	return max(d, time.Millisecond)
}

// kind makes the checks of a kind of those that all have and its own.
func (tr trade) kind(own ...Check) kindChecks {
	return kindChecks{
		checks: append(own, tr.checks()...),
		sweep:  func(t *T) { (&bench{t, tr}).sweep() },
		touch: func(t *T) error {
			h := t.open()
			m, err := tr.at(t, h)
			if err == nil {
				_, err = m.all(t.call(), t.ownTags())
			}
			return err
		},
		ask: func(ctx context.Context, c grpc.ClientConnInterface) error {
			_, err := tr.on(nil, c).all(ctx, map[string]string{plugins.InstallationTag: "conformance-nobody"})
			return err
		},
		exercise: func(t *T, r *raw) {
			b, m := &bench{t, tr}, tr.on(t, r.conn)
			name := b.name("exercise")
			b.put(m, name, 1, b.ownTags())
			if tr.dropDoc != "" {
				b.drop(m, name, b.ownTags())
			}
		},
	}
}

// checks are those that all kinds have.
func (tr trade) checks() []Check {
	checks := tr.listChecks()
	checks = append(checks, tr.callChecks()...)
	checks = append(checks, tr.interruptChecks()...)
	if tr.dropDoc == "" {
		return checks // notifiers have their own
	}
	return append(checks, tr.backendChecks()...)
}

// check is one of them.
func (tr trade) check(name, doc, mend string, run func(*bench)) Check {
	return Check{Name: name, Doc: doc, Mend: mend, run: func(t *T) { run(&bench{t, tr}) }}
}

// cancelled says whether an error is what a call whose context ended fails with.
func cancelled(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// short cuts what is shown of a long text.
func short(s string) string {
	const most = 300
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
