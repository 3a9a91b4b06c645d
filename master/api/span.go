package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/wright-build/wright/master/logs"
)

// errEnough ends the reading of output once all that was wanted of it is read.
var errEnough = errors.New("that is all that was wanted")

// span is what of the output a request wants, in bytes of the parts chosen, laid
// end to end: offset and limit say it so, lines=FIRST:LAST by lines that count from
// 1, tail=N by how many there are before the end. A limit below 0 is none.
func (o Output) span(ctx context.Context, at logs.Attempt, want logs.PartFilter, q url.Values) (from, limit int64, err error) {
	if err := checkSpan(q); err != nil {
		return 0, 0, err
	}
	switch {
	case q.Has("lines"):
		first, last, err := lineRange(q.Get("lines"))
		if err != nil {
			return 0, 0, err
		}
		from, to, err := o.logs.Lines(ctx, at, want, first, last)
		return from, to - from, err
	case q.Has("tail"):
		n, err := number(q.Get("tail"), 0, 0, 1<<62)
		if err != nil {
			return 0, 0, err
		}
		from, err = o.logs.LastLines(ctx, at, want, n)
		return from, -1, err
	}
	if from, err = number(q.Get("offset"), 0, 0, 1<<62); err != nil {
		return 0, 0, err
	}
	limit, err = number(q.Get("limit"), -1, 0, 1<<62)
	return from, limit, err
}

// checkSpan refuses what cannot be wanted together.
func checkSpan(q url.Values) error {
	ways := 0
	for _, way := range [][]string{{"lines"}, {"tail"}, {"offset", "limit"}} {
		if q.Has(way[0]) || q.Has(way[len(way)-1]) {
			ways++
		}
	}
	follow, offset := q.Get("follow") == "1", q.Get("offset")
	switch {
	case ways > 1:
		return fail(http.StatusBadRequest, "", "want one of lines, tail, and offset with limit")
	case follow && (q.Has("lines") || q.Has("limit")):
		return fail(http.StatusBadRequest, "use tail to begin near the end", "who follows gets all that comes: lines and limit do not go with it")
	case q.Get("all") == "1" && (offset != "" && offset != "0" || follow && q.Has("tail")):
		return fail(http.StatusBadRequest, "", "parts are interleaved with all=1: it has no offset")
	}
	return nil
}

// lineRange reads FIRST:LAST, of which either may be left out. Without a colon it is
// one line.
func lineRange(s string) (first, last int64, err error) {
	from, to, open := strings.Cut(s, ":")
	if !open {
		to = from
	}
	first, last = 1, 0
	if from != "" {
		first, err = strconv.ParseInt(from, 10, 64)
	}
	if err == nil && to != "" {
		last, err = strconv.ParseInt(to, 10, 64)
	}
	if err != nil || first < 1 || last < 0 || to != "" && last < first || s == "" {
		return 0, 0, fail(http.StatusBadRequest, "", "%.80q are no lines: want FIRST:LAST, from 1, as 120:140, 120: or :20", s)
	}
	return first, last, nil
}

// limited hands on so many bytes, and ends the reading with them.
func limited(limit int64, emit logs.Emit) logs.Emit {
	if limit < 0 {
		return emit
	}
	return func(p logs.Part, data []byte) error {
		data = data[:min(limit, int64(len(data)))]
		limit -= int64(len(data))
		if len(data) > 0 {
			if err := emit(p, data); err != nil {
				return err
			}
		}
		if limit == 0 {
			return errEnough
		}
		return nil
	}
}
