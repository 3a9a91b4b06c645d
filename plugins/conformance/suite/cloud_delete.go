package suite

import (
	"fmt"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

func cloudDeleteChecks(check cloudCheck) []Check {
	return []Check{
		check("deleted is gone", cloudDelete, "wait in Delete until the backend has really removed it, and then forget it", cloudGone),
		check("delete of the missing is fine", cloudNone, "take the backend's not-found as success", cloudDeleteMissing),
		check("delete at the same time", cloudDelete+" "+cloudNone, "let calls with one token wait for each other; what another call removed meanwhile is no error", cloudDeleteAtOnce),
		check("delete while creating", cloudDelete+" "+cloudHalf, "let Create and Delete of one token wait for each other, and let Create look whether it was deleted meanwhile", cloudDeleteCreating),
	}
}

func cloudGone(b *cloudBench) {
	h, p := b.start()
	keep := b.spec("keep")
	b.create(p, keep)
	for i := range 3 {
		s := b.spec(fmt.Sprintf("gone-%d", i))
		b.create(p, s)
		b.delete(p, s.Token)
		b.gone(p, s, "Create, Delete", keep.Token)
	}
	s := b.spec("anew")
	s.Tags = b.withTag("life", "first")
	first := b.create(p, s)
	b.delete(p, s.Token)
	pause := 10 * time.Millisecond // so that a new time is another time
	if first.CreatedAt.Nanosecond() == 0 {
		pause = 1100 * time.Millisecond // for a backend whose times are whole seconds
	}
	b.sleep(pause)
	s.Name, s.Tags = "another "+s.Name, b.withTag("life", "second")
	second := b.create(p, s)
	if second.CreatedAt.Equal(first.CreatedAt) {
		b.Report(Finding{Did: "Create, Delete, Create with the same token", Got: fmt.Sprintf("the deleted server is back:\n%s\n%s", about(first), about(second))})
	}
	b.secondLife(p, s, second)
	b.expect(p, Finding{Did: "Create, Delete, Create with the same token, List", Want: cloudCreate}, keep.Token, s.Token)
	b.delete(p, s.Token)
	b.sleep(500 * time.Millisecond) // for what comes back
	b.gone(p, s, "Create, Delete and a moment later", keep.Token)
	b.close(h)
	_, p = b.start()
	b.gone(p, s, "Create, Delete, start the provider again", keep.Token)
}

// secondLife looks at what was made with the token of a deleted server, another
// name and other tags.
func (b *cloudBench) secondLife(p cloud.Provider, s cloud.Spec, made cloud.Server) {
	got, err := p.Get(b.call(), s.Token)
	if err != nil {
		b.Report(Finding{Did: "Create, Delete, Create with the same token, Get", Got: answer(nil, err), Want: cloudGet})
		return
	}
	for how, then := range map[string]cloud.Server{"Create": made, "Get": *got, "List": b.own(p)[s.Token]} {
		if then.Name != s.Name || !plugins.HasTags(then.Tags, s.Tags) {
			b.Report(Finding{
				Did: fmt.Sprintf("Create, Delete, Create with the same token, the name %q and the tags %v", s.Name, s.Tags),
				Got: fmt.Sprintf("%s gives the name %q and the tags %v", how, then.Name, then.Tags), Want: cloudDelete,
				Mend: "forget all of a deleted server, in memory, in files and at the backend: its token may come again, for another",
			})
		}
	}
}

// gone fails the check if anything is left of a server, or of others too little.
func (b *cloudBench) gone(p cloud.Provider, s cloud.Spec, did string, others ...string) {
	b.expect(p, Finding{Did: fmt.Sprintf("%s token %q, then List", did, s.Token)}, others...)
	if got, err := p.Get(b.call(), s.Token); plugins.CodeOf(err) != plugins.NotFound {
		b.Report(Finding{Did: fmt.Sprintf("%s token %q, then Get", did, s.Token), Got: answer(got, err), Want: cloudDelete + " " + cloudGet, Mend: noteMend(got)})
	}
}

// noteMend knows a note of a server that is to be made: it starts, and has no address.
func noteMend(s *cloud.Server) string {
	if s == nil || s.State != cloud.Starting || s.Address != "" {
		return ""
	}
	return "it starts and has no address, like a note that a server is to be made: let Delete remove the provider's own note as well, when the server is gone"
}

func cloudDeleteMissing(b *cloudBench) {
	_, p := b.start()
	b.delete(p, b.token("never-made"))
	s := b.spec("twice")
	b.create(p, s)
	b.delete(p, s.Token)
	b.delete(p, s.Token)
	b.expect(p, Finding{Did: "Create, Delete twice, List"})
}

func cloudDeleteAtOnce(b *cloudBench) {
	_, p := b.start()
	s, keep := b.spec("at-once"), b.spec("kept")
	b.create(p, s)
	b.create(p, keep)
	atOnce(8, func(int) { b.delete(p, s.Token) })
	b.gone(p, s, "Create, Delete 8 times at once", keep.Token)
}

// cloudDeleteCreating deletes at moments of a create that goes on.
func cloudDeleteCreating(b *cloudBench) {
	_, p := b.start()
	for i, delay := range points(8, b.took(p)) {
		s := b.spec(fmt.Sprintf("while-%d", i))
		created := make(chan error, 1)
		go func() {
			_, err := hasty(p).Create(b.call(), s)
			created <- err
		}()
		b.sleep(delay)
		b.delete(p, s.Token)
		err := <-created
		did := fmt.Sprintf("Create token %q and, %v later, Delete it, while Create goes on; Create then came back with %s", s.Token, delay, answer("a server", err))
		if _, listed := b.own(p)[s.Token]; err != nil && listed {
			b.Logf("%s: it is listed, so it can be deleted", did)
		}
		b.delete(p, s.Token)
		b.gone(p, s, did+"; then Delete it again,")
	}
}

// took measures one create of something new, for the moments at which others are
// interrupted, and deletes it.
func (b *cloudBench) took(p cloud.Provider) time.Duration {
	s, start := b.spec("measured-"+newID()), time.Now()
	b.create(p, s)
	d := time.Since(start)
	b.delete(p, s.Token)
	return max(d, time.Millisecond)
}
