package suite

import (
	"fmt"
	"time"

	"github.com/wright-build/wright/plugins/cloud"
)

const (
	midstDoc  = "Where the backend stops to work in the midst of a call, the call fails as transient; what it answers with is whole."
	midstMend = "look at the error of every request: of each page of a list, of each look whether it is ready, of each look whether it is gone"
)

// cloudMidst has the backend work for the first requests of a call only.
func cloudMidst(b *cloudBench) {
	b.mediated()
	_, p := b.start()
	counts := b.requestsOf(p)
	for _, call := range []string{"Create", "Get", "List", "Delete"} {
		for from := 2; from <= min(counts[call], 4) && !b.Failed(); from++ {
			b.brokenOff(p, call, from)
		}
	}
}

func (b *cloudBench) brokenOff(p cloud.Provider, call string, from int) {
	s := b.spec(fmt.Sprintf("midst-%s-%d", call, from))
	if call != "Create" {
		b.create(p, s)
	}
	f := stopsAt(from)
	did := fmt.Sprintf("%s with a deadline of 1 s, whose requests meet: %s", call, f.Name)
	b.proxy.set(&f)
	made, listed, err := b.callOf(p, call, s, b.within(time.Second))
	b.proxy.set(nil)
	b.believable(f, did, err)
	switch {
	case call == "Create":
		if err == nil {
			b.tooEarly(p, did+" (no error)", *made, time.Second)
		}
		b.after(p, s, made, err, did)
		return
	case call == "List" && err == nil:
		if _, ok := listed[s.Token]; !ok {
			b.Report(Finding{Did: did, Got: "a list without the server that there is: " + namesOf(listed), Want: cloudList})
		}
	case call == "Delete" && err == nil:
		b.gone(p, s, did+", which said that all is well:")
	}
	b.delete(p, s.Token)
}

// stopsAt is a backend that works until the request of some number.
func stopsAt(from int) Fault {
	return Fault{Name: fmt.Sprintf("503 from request %d on", from), Status: 503, From: from}
}

// wholeList wants a list of many or an error where only the first pages come.
func (t *T) wholeList(n int, list func() (int, error)) {
	if t.proxy == nil {
		return
	}
	for from := 2; from <= 3; from++ {
		f := stopsAt(from)
		t.proxy.set(&f)
		found, err := list()
		t.proxy.set(nil)
		if t.seen(err) == nil && found < n {
			t.Report(Finding{
				Did: fmt.Sprintf("make %d of them, then list them, and the requests meet: %s", n, f.Name), Got: fmt.Sprintf("a list of %d, and no error", found),
				Want: "Lists are whole.", Mend: "an error of any page is the error of the list: what came before it is not the list",
			})
		}
	}
}
