package suite

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/wright-build/wright/plugins"
	"github.com/wright-build/wright/plugins/cloud"
)

func cloudLifeChecks(check cloudCheck) []Check {
	return []Check{
		check("servers survive their provider", "A server lives until it is deleted, whatever becomes of the provider's process.",
			"keep nothing in memory only, and start what runs locally outside of the provider's process group", cloudSurvives),
		check("healthy during a long create", "The process answers health checks while calls run.", "make calls in threads of their own; hold no lock that the others need", cloudHealthy),
		check("another installation", elsewhereDoc, elsewhereMend, cloudElsewhere),
		check("many calls at once", "A provider is called concurrently.", "guard what calls share with a lock (a map is not safe by itself); run the provider with the race detector: go build -race", cloudCrowd),
		check("nothing grows", "A provider runs for months: what a call opens it closes.", "close connections, files and processes when the call ends, and forget what it was about", cloudGrowth),
		check("nothing is left behind", cloudDelete, "remove the files, processes and locks of a server with it, and all that was made for it at the backend", cloudLeftBehind),
	}
}

func cloudSurvives(b *cloudBench) {
	h, p := b.start()
	s := b.spec("survives")
	first := b.create(p, s)
	b.kill(h)
	got, err := p.Get(b.call(), s.Token)
	b.eventually(b.grace(), func() bool { // calls may meet the kill
		if plugins.CodeOf(err) == plugins.Transient {
			got, err = p.Get(b.call(), s.Token)
		}
		return plugins.CodeOf(err) != plugins.Transient
	})
	if err != nil || !same(*got, first) {
		b.Report(Finding{Did: "Create, kill the provider with SIGKILL, Get", Got: answer(got, err) + "\nCreate gave: " + about(first)})
	}
	b.close(h)
	_, p = b.start()
	if found, listed := b.own(p)[s.Token]; !listed || !same(found, first) {
		b.Report(Finding{Did: "Create, end the provider, start it again, List", Got: fmt.Sprintf("listed: %v, %s\nCreate gave: %s", listed, about(found), about(first))})
	}
	b.survivesItsEnd()
}

// survivesItsEnd ends the provider in the other ways while there is a server.
func (b *cloudBench) survivesItsEnd() {
	s, how := b.spec("its-end"), ""
	var first cloud.Server
	for i, way := range []struct {
		name string
		end  func(*raw)
	}{{"SIGTERM", terminate}, {"the end of its standard input", hangUp}, {"goodbye", goodbye}} {
		r := b.startRaw()
		if err := r.configure(b.settings()); err != nil {
			b.Fatalf("Configure: %s", errorText(err))
		}
		p := cloud.NewClient(r.conn)
		if i == 0 {
			first = b.create(p, s)
		} else if found, listed := b.own(p)[s.Token]; !listed || !same(found, first) {
			b.Report(Finding{
				Did: fmt.Sprintf("Create, end the provider by %s, start it again, List", how), Got: fmt.Sprintf("listed: %v, %s\nCreate gave: %s", listed, about(found), about(first)),
				Mend: "end nothing that was made when the process is asked to end: no clean-up in a signal handler, a defer or an atexit",
			})
		}
		if i == 2 {
			b.delete(p, s.Token) // what is in this directory no sweep finds
		}
		how = way.name
		way.end(r)
		r.ends(b.grace())
	}
}

func cloudHealthy(b *cloudBench) {
	r := b.startRaw()
	if err := r.configure(b.settings()); err != nil {
		b.Fatalf("Configure: %s", errorText(err))
	}
	p := cloud.NewClient(r.conn)
	done := make(chan error, 4)
	defer func() { // what keeps its servers in a directory of its own is not swept by others
		for i := range cap(done) {
			if err := p.Delete(b.call(), b.token(fmt.Sprintf("long-%d", i))); b.seen(err) != nil {
				b.Report(Finding{Did: "Delete what was made", Got: answer(nil, err)})
			}
		}
	}()
	for i := range cap(done) {
		go func() {
			_, err := p.Create(b.call(), b.spec(fmt.Sprintf("long-%d", i)))
			done <- err
		}()
	}
	for left := cap(done); left > 0; {
		if err := r.healthy(b.grace()); err != nil {
			b.Report(Finding{Did: "Create 4 servers, and ask for the provider's health meanwhile", Got: err.Error()})
			return
		}
		select {
		case err := <-done:
			left--
			if b.seen(err) != nil {
				b.Report(Finding{Did: "Create 4 servers at once", Got: answer(nil, err)})
			}
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// cloudCrowd calls what is cheap for a moment, from many sides.
func cloudCrowd(b *cloudBench) {
	h, p := b.start()
	const servers, workers = 4, 32
	for i := range servers {
		b.create(p, b.spec(fmt.Sprintf("crowd-%d", i)))
	}
	pid, end := b.pid(h), time.Now().Add(3*time.Second)
	atOnce(workers, func(w int) {
		for i := w; time.Now().Before(end) && !b.Failed(); i++ {
			s := b.spec(fmt.Sprintf("crowd-%d", i%servers))
			var err error
			switch i % 8 {
			case 0:
				_, err = p.Create(b.call(), s)
			case 1:
				_, err = p.List(b.call(), b.ownTags())
			case 2:
				err = p.Delete(b.call(), b.token(fmt.Sprintf("nobody-%d-%d", w, i)))
			default:
				_, err = p.Get(b.call(), s.Token)
			}
			if b.seen(err) != nil {
				b.Report(Finding{Did: fmt.Sprintf("%d calls at once: Create of what there is, Get, List, Delete of the missing", workers), Got: answer(nil, err)})
				return
			}
		}
	})
	if now := b.pid(h); now != pid {
		b.Report(Finding{Did: fmt.Sprintf("%d calls at once", workers), Got: "the provider's process ended and was started again; the log says why"})
	}
}

// cloudGrowth makes and deletes servers for a while; what the process holds must
// not grow with each.
func cloudGrowth(b *cloudBench) {
	h, p := b.start()
	payload, half := b.payload(p, 256<<10), b.took(p)/2
	tags, filler := b.fillerTags(), 0
	s := b.spec("filler")
	s.Tags = tags
	if _, err := p.Create(b.call(), s); b.seen(err) == nil {
		filler = fillers * len(tags["filler-0"])
		b.delete(p, s.Token)
	} else {
		tags = b.tags()
	}
	b.grows(h, "Create and Delete, with calls that fail in between,", filler, func(i int) {
		s := b.spec(fmt.Sprintf("round-%d", i))
		s.Env["PAYLOAD"], s.Tags = payload, tags
		b.create(p, s)
		b.delete(p, s.Token)
		b.fails(i, half, func(ctx context.Context, word string) {
			s := s
			s.Token = b.token(word)
			_, err := p.Create(ctx, s)
			_ = b.seen(err)
		}, func(word string) { b.delete(p, b.token(word)) })
	})
}

// payload gives a variable of a size that the provider takes, or of a smaller one;
// empty if it takes none.
func (b *cloudBench) payload(p cloud.Provider, size int) string {
	s := b.spec("payload-" + newID())
	s.Env["PAYLOAD"] = strings.Repeat("x", size)
	_, err := p.Create(b.call(), s)
	if b.seen(err) != nil {
		b.Logf("an environment of %d bytes is refused: %v", size, err)
		if size > 100_000 {
			return b.payload(p, 100_000)
		}
		return ""
	}
	b.delete(p, s.Token)
	return s.Env["PAYLOAD"]
}

// cloudLeftBehind looks at the provider's own directory, at the backend and for
// processes, where the servers are made on this machine.
func cloudLeftBehind(b *cloudBench) {
	h, p := b.start()
	const n = 6
	payload := b.payload(p, 50_000)
	var tokens []string
	b.leftBehind(n, len(payload), func(word string) {
		tokens = nil
		for i := range n {
			s := b.spec(fmt.Sprintf("%s-%d", word, i))
			s.Env["PAYLOAD"] = payload
			b.create(p, s)
			tokens = append(tokens, s.Token)
		}
	}, func(string) {
		for _, token := range tokens {
			b.delete(p, token)
		}
	})
	b.close(h)
	if !b.eventually(b.grace(), func() bool { return len(processes(b.state())) == 0 }) {
		for _, pid := range processes(b.state()) {
			b.Report(Finding{
				Did: "make servers, delete all, end the provider", Got: fmt.Sprintf("process %d is left, whose directory, arguments or environment have %s in them: %s", pid, filepath.Base(b.parent), commandOf(pid)),
			})
		}
	}
}
