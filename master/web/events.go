package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/wright-build/wright/master/api/ansi"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/state"
)

const (
	calm      = time.Second      // pages are told of changes at most this often
	heartbeat = 20 * time.Second // so that a browser that is gone is noticed
)

// event is one server-sent event.
type event struct{ id, name, data string }

// events tells pages that lists have changed; they fetch themselves again.
func (p *pages) events(w http.ResponseWriter, r *http.Request) error {
	sub, stop := p.q.Wake(state.KindInForce, state.KindFault, state.KindInstance, state.KindBuild, state.KindLast,
		state.KindAgent, state.KindRef, state.KindReport, state.KindRefusal, state.KindAppServer, state.KindActive)
	defer stop()
	sub.Take() // what is there now, the page has
	return serveEvents(w, r, func(ctx context.Context, send func(event) error) error {
		for {
			select {
			case <-sub.Wake():
			case <-ctx.Done():
				return nil
			}
			if keys, all := sub.Take(); len(keys) > 0 || all {
				if err := send(event{name: "changed"}); err != nil {
					return err
				}
			}
			rest(ctx, calm)
		}
	})
}

func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// serveEvents runs produce, whose events it writes, until that or the browser
// ends.
func serveEvents(w http.ResponseWriter, r *http.Request, produce func(context.Context, func(event) error) error) error {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	rc := http.NewResponseController(w)
	events := make(chan event)
	all, ctx := errgroup.WithContext(r.Context())
	all.Go(func() error {
		defer close(events)
		return produce(ctx, func(e event) error {
			select {
			case events <- e:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	all.Go(func() error {
		beat := time.NewTicker(heartbeat)
		defer beat.Stop()
		_, _ = io.WriteString(w, "retry: 1000\n\n")
		for {
			if err := rc.Flush(); err != nil {
				return err
			}
			select {
			case e, open := <-events:
				if !open {
					return nil
				}
				if err := e.write(w); err != nil {
					return err
				}
			case <-beat.C:
				if _, err := io.WriteString(w, ": still here\n\n"); err != nil {
					return err
				}
			}
		}
	})
	_ = all.Wait() // whatever went wrong, the browser connects again and goes on where it was
	return nil
}

func (e event) write(w io.Writer) error {
	var b strings.Builder
	if e.id != "" {
		fmt.Fprintf(&b, "id: %s\n", e.id)
	}
	fmt.Fprintf(&b, "event: %s\n", e.name)
	for line := range strings.SplitSeq(e.data, "\n") {
		fmt.Fprintf(&b, "data: %s\n", strings.TrimSuffix(line, "\r"))
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}

// buildEvents tells the page of a build what goes on: its log from where the
// page is, its state, and its end. A browser that was cut off says by its last
// event where it is, so nothing is missing or repeated.
func (p *pages) buildEvents(w http.ResponseWriter, r *http.Request) error {
	b, err := p.q.Build(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	pos, ok := parsePosition(r.Header.Get("Last-Event-ID"))
	if !ok {
		if pos, ok = parsePosition(r.FormValue("from")); !ok {
			pos = position{attempt: max(b.Attempt, 1)}
		}
	}
	at, err := p.output.Attempt(b, pos.attempt)
	if err != nil {
		return err
	}
	return serveEvents(w, r, func(ctx context.Context, send func(event) error) error {
		return p.tellBuild(ctx, b, at, pos, send)
	})
}

func (p *pages) tellBuild(ctx context.Context, b *state.Build, at logs.Attempt, pos position, send func(event) error) error {
	all, both := errgroup.WithContext(ctx)
	all.Go(func() error { return p.tellLog(both, b, at, pos, send) })
	all.Go(func() error { return p.tellState(both, b, send) })
	if err := all.Wait(); err != nil {
		return err
	}
	now, err := p.cfg.Store.Build(ctx, b.BuildID())
	if err != nil {
		return err
	}
	if !now.State.Final() || now.Attempt != at.Attempt {
		return send(event{name: "end", data: "reload"}) // there is another attempt to show
	}
	return send(event{name: "end", data: "done"})
}

// tellState sends the head of the page whenever the build moves, until it has
// ended or begun another attempt.
func (p *pages) tellState(ctx context.Context, b *state.Build, send func(event) error) error {
	for attempt := b.Attempt; !b.State.Final() && b.Attempt == attempt && ctx.Err() == nil; {
		was := b
		var err error
		if b, err = p.q.AwaitBuild(ctx, b, func(now *state.Build) bool { return now.Rev != was.Rev }); err != nil {
			return err
		}
		text, err := p.renderPart("build", "status", buildPage{Build: p.q.View(b)[0]})
		if err != nil {
			return err
		}
		if err := send(event{name: "status", data: text.String()}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// fragment is a piece of a log.
type fragment struct {
	Part int    `json:"part"`
	Name string `json:"name"`
	Text string `json:"text"`
}

// tellLog sends output as text.
func (p *pages) tellLog(ctx context.Context, b *state.Build, at logs.Attempt, pos position, send func(event) error) error {
	t := teller{pos: pos, seen: pos.seen(), kept: map[int][]byte{}, names: map[int]string{}, send: send}
	want := func(logs.Part) bool { return true }
	if err := p.output.Stream(ctx, b, at, pos.seen(), want, true, t.tell); err != nil {
		return err
	}
	for part := range t.kept {
		if err := t.flush(part); err != nil {
			return err
		}
	}
	return nil
}

// teller turns pieces of output into events. The ID of an event counts only
// the bytes whose text was sent: what may go on in the next piece is kept back.
type teller struct {
	pos   position
	seen  map[int]int64
	kept  map[int][]byte
	names map[int]string
	send  func(event) error
}

func (t *teller) tell(l logs.Part, data []byte) error {
	t.names[l.Number] = l.Name
	if before := t.pos.part; l.Number > before && len(t.kept[before]) > 0 {
		if err := t.flush(before); err != nil {
			return err
		}
	}
	all := append(t.kept[l.Number], data...)
	text, rest := ansi.Text(all, false)
	t.kept[l.Number] = append([]byte(nil), rest...)
	return t.emit(l.Number, text, int64(len(all)-len(rest)))
}

// flush sends what was kept back of a part that does not go on.
func (t *teller) flush(part int) error {
	kept := t.kept[part]
	t.kept[part] = nil
	text, _ := ansi.Text(kept, true)
	return t.emit(part, text, int64(len(kept)))
}

// emit sends the text of the next n bytes of a part.
func (t *teller) emit(part int, text string, n int64) error {
	t.seen[part] += n
	t.pos = t.pos.moved(part, t.seen[part])
	if text == "" {
		return nil
	}
	data, err := json.Marshal(fragment{part, t.names[part], text})
	if err != nil {
		return err
	}
	return t.send(event{id: t.pos.String(), name: "log", data: string(data)})
}
