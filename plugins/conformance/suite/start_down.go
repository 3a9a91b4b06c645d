package suite

import (
	"context"
	"fmt"
	"time"

	"github.com/wright-build/wright/plugins"
)

// patienceAtStart is the 15 s that the contract gives a start, and some for busy
// machines.
const patienceAtStart = 30 * time.Second

// commonDownAtStart starts the provider while its backend does not work.
func commonDownAtStart(t *T) {
	if t.proxy == nil {
		t.Skipf("no HTTP backend is known: name the setting that holds its URL as endpoint in verify.toml (Subject.Endpoint)")
	}
	for _, f := range []Fault{
		{Name: "never answers", Mode: Hang}, {Name: "answers 503 to everything", Status: 503}, {Name: "resets every connection", Mode: Reset},
	} {
		t.proxy.set(&f)
		r := t.startRaw()
		t.downAtStart(r, f)
		r.kill()
		if t.Failed() {
			return
		}
	}
}

func (t *T) downAtStart(r *raw, f Fault) {
	did := fmt.Sprintf("Configure while the backend %s", f.Name)
	ctx, cancel := context.WithTimeout(t.Context(), patienceAtStart)
	defer cancel()
	start := time.Now()
	err := r.configureWithin(ctx, t.settings())
	took := time.Since(start).Round(time.Second)
	switch code := plugins.CodeOf(err); {
	case took >= patienceAtStart: // also when the provider's own clock was the first to say so
		t.Report(Finding{Did: did, Got: fmt.Sprintf("it hangs; it was given up after %v", took)})
	case err != nil && code != plugins.Transient:
		t.Report(Finding{Did: did, Got: answer(nil, err), Want: "the code transient: the same call may work later."})
	}
	if err := r.healthy(patienceAtStart); err != nil {
		t.Report(Finding{Did: did + "; ask the health service", Got: err.Error()})
	}
	t.proxy.set(nil)
	did += "; then the backend works again"
	if err := r.configure(t.settings()); err != nil {
		t.Report(Finding{Did: did + ", and Configure", Got: answer(nil, err), Mend: "remember no failure: let the next Configure begin anew"})
		return
	}
	if t.of.ask == nil {
		return
	}
	if err := t.seen(t.of.ask(t.call(), r.conn)); err != nil {
		t.Report(Finding{Did: did + ", Configure and list", Got: answer(nil, err), Mend: "remember no failure: log in again, ask again"})
	}
}
