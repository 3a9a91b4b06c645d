package api

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/artifacts"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/state"
)

// Output reads what builds wrote. The API and the pages share it.
type Output struct {
	logs      *logs.Logs
	artifacts *artifacts.Store // nil: none
	queries   Queries
}

// NewOutput makes a reader of the logs of cfg.
func NewOutput(cfg Config) Output {
	return Output{logs: cfg.Logs, artifacts: cfg.Artifacts, queries: NewQueries(cfg)}
}

// Attempt names an attempt of a build: the one with the number given, or for 0
// the present one; of a build that has ended, the last that wrote anything.
func (o Output) Attempt(b *state.Build, number int) (logs.Attempt, error) {
	at := logs.Attempt{Instance: b.Instance, Build: b.ID, Attempt: number}
	if o.logs == nil {
		return at, fail(http.StatusNotImplemented, "", "this master keeps no logs")
	}
	if number > b.Attempt || number < 0 {
		return at, fail(http.StatusNotFound, "", "build %s has no attempt %d", b.ID, number)
	}
	if number == 0 {
		at.Attempt = max(b.Attempt, 1)
	}
	if !b.State.Final() && at.Attempt >= b.Attempt {
		return at, nil
	}
	if err := o.logs.Fetch(at); err != nil {
		return at, fail(http.StatusServiceUnavailable, "the master's log says what is wrong with the bucket of [storage]", "%v", err)
	}
	if number > 0 || o.lacks(b, at) {
		return at, nil
	}
	return o.lastWritten(at)
}

// lastWritten is the last attempt of a build up to that one which wrote anything,
// or that one.
func (o Output) lastWritten(at logs.Attempt) (logs.Attempt, error) {
	if parts, err := o.logs.Parts(at); err != nil || len(parts) > 0 {
		return at, err
	}
	written, err := o.logs.Attempts(at.Instance, at.Build)
	if err != nil || len(written) == 0 {
		return at, err
	}
	at.Attempt = written[len(written)-1]
	return at, o.logs.Fetch(at)
}

// Parts lists the parts of an attempt's output.
func (o Output) Parts(at logs.Attempt) ([]view.Part, error) {
	parts, err := o.logs.Parts(at)
	if err != nil {
		return nil, err
	}
	all := make([]view.Part, 0, len(parts))
	for _, p := range parts {
		all = append(all, view.Part{Part: p.Number, Name: p.Name, Size: p.Size, Ended: p.Ended, Attempt: at.Attempt})
	}
	return all, nil
}

// Stream hands out an attempt's output beyond what was seen of each part. With
// follow, it goes on until the build has ended or begins another attempt.
func (o Output) Stream(ctx context.Context, b *state.Build, at logs.Attempt, seen map[int]int64, want logs.PartFilter,
	follow bool, emit logs.Emit) error {
	seen = maps.Clone(seen)
	if seen == nil {
		seen = map[int]int64{}
	}
	counted := func(p logs.Part, data []byte) error {
		err := emit(p, data)
		if err == nil {
			seen[p.Number] += int64(len(data))
		}
		return err
	}
	if follow {
		if err := o.awaitOutput(ctx, b, at); err != nil {
			return err
		}
		if err := o.live(ctx, b, at, seen, want, counted); err != nil {
			return err
		}
	}
	return o.logs.Copy(ctx, at, maps.Clone(seen), want, counted)
}

// live follows the attempt while it is the build's present one. What came last
// may be missing after it.
func (o Output) live(ctx context.Context, b *state.Build, at logs.Attempt, seen map[int]int64, want logs.PartFilter, emit logs.Emit) error {
	following, stop := context.WithCancel(ctx)
	waited := make(chan error, 1)
	go func() {
		defer stop()
		_, err := o.queries.AwaitBuild(following, b, func(b *state.Build) bool { return b.Attempt > at.Attempt })
		waited <- err
	}()
	err := o.logs.FollowFrom(following, at, maps.Clone(seen), want, emit)
	over := following.Err() != nil && ctx.Err() == nil
	stop()
	if awaited := <-waited; err == nil || !over || !errors.Is(err, context.Canceled) {
		return err
	} else if awaited != nil {
		return awaited
	}
	return nil
}

// where turns an offset into the concatenated parts into one within each part.
func (o Output) where(at logs.Attempt, want logs.PartFilter, offset int64) (map[int]int64, error) {
	parts, err := o.logs.Parts(at)
	if err != nil {
		return nil, err
	}
	seen := map[int]int64{}
	for _, p := range parts {
		if want(p) {
			seen[p.Number] = min(offset, p.Size)
			offset -= seen[p.Number]
		}
	}
	if offset > 0 {
		return nil, fail(http.StatusRequestedRangeNotSatisfiable, "read it from the start", "the output is not that long")
	}
	return seen, nil
}

// chosen is the filter for what a request wants: one part by number or name,
// else the steps, with all also what Wright itself says.
func chosen(part string, all bool) logs.PartFilter {
	if part == "" {
		return func(p logs.Part) bool { return all || p.Number > 0 }
	}
	number, err := strconv.Atoi(part)
	return func(p logs.Part) bool { return p.Name == part || err == nil && p.Number == number }
}

// buildLog answers with output exactly as it was written, and nothing else.
func (s *server) buildLog(w http.ResponseWriter, r *http.Request) error {
	b, at, err := s.attempt(r)
	if err != nil {
		return err
	}
	if b.State.Final() && s.output.logs.Expired(b.Instance, b.ID) {
		return gone(b)
	}
	q := r.URL.Query()
	want, follow := chosen(q.Get("part"), q.Get("all") == "1"), q.Get("follow") == "1"
	if follow {
		err = s.output.awaitOutput(r.Context(), b, at)
	} else {
		err = s.output.Here(b, at)
	}
	if err != nil {
		return err
	}
	if !follow && q.Get("part") != "" {
		if err := s.partExists(b, at, q.Get("part")); err != nil {
			return err
		}
	}
	from, limit, err := s.output.span(r.Context(), at, want, q)
	if err != nil {
		return err
	}
	seen, err := s.output.where(at, want, from)
	if follow && !b.State.Final() {
		seen, err = s.output.awaitWhere(r.Context(), at, want, from)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Wright-Attempt", strconv.Itoa(at.Attempt))
	w.Header().Set("Wright-Offset", strconv.FormatInt(from, 10))
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-store")
	err = s.output.Stream(r.Context(), b, at, seen, want, follow, limited(limit, writer(w, follow)))
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// gone says that what a build wrote is no more there.
func gone(b *state.Build) error {
	return fail(http.StatusGone, "[retention] in its manifest says how long they are kept",
		"the output and artifacts of build %s were kept long enough, and are removed", b.ID)
}

// writer sends output. With flush, it does not wait for more.
func writer(w http.ResponseWriter, flush bool) logs.Emit {
	rc := http.NewResponseController(w)
	if flush {
		w.WriteHeader(http.StatusOK)
		_ = rc.Flush() // the headers; a client that is gone shows at the next write
	}
	return func(_ logs.Part, data []byte) error {
		if _, err := w.Write(data); err != nil {
			return err
		}
		if flush {
			return rc.Flush()
		}
		return nil
	}
}

func (s *server) partExists(b *state.Build, at logs.Attempt, part string) error {
	parts, err := s.output.Parts(at)
	if err != nil {
		return err
	}
	is, hint := chosen(part, true), "it has no output"
	names := make([]string, 0, len(parts))
	for _, p := range parts {
		if is(logs.Part{Number: p.Part, Name: p.Name}) {
			return nil
		}
		names = append(names, strconv.Itoa(p.Part)+" "+p.Name)
	}
	if len(names) > 0 {
		hint = "it has: " + joined(names)
	}
	return fail(http.StatusNotFound, hint, "build %s has no part %.80q", b.ID, part)
}

func joined(names []string) string {
	const most = 20
	text := ""
	for i, name := range slices.Compact(names) {
		if i == most {
			return text + ", …"
		}
		if i > 0 {
			text += ", "
		}
		text += name
	}
	return text
}

func (s *server) parts(w http.ResponseWriter, r *http.Request) error {
	b, at, err := s.attempt(r)
	if err == nil {
		err = s.output.Here(b, at)
	}
	if err != nil {
		return err
	}
	parts, err := s.output.Parts(at)
	if err != nil {
		return err
	}
	return answer(w, parts)
}

// attempt finds the build and the attempt that a request names.
func (s *server) attempt(r *http.Request) (*state.Build, logs.Attempt, error) {
	b, err := s.q.Build(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, logs.Attempt{}, err
	}
	n, err := number(r.URL.Query().Get("attempt"), 0, 1, 1000)
	if err != nil {
		return nil, logs.Attempt{}, err
	}
	at, err := s.output.Attempt(b, int(n))
	return b, at, err
}
