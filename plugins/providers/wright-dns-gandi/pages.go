package main

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/wright-build/wright/plugins/dns/webapi"
)

const (
	pageSize = 100 // the most that Gandi gives at once
	readings = 8   // of a list that changes all the time
)

// readAll gives a list of Gandi's, each thing with a key once. Its pages are
// counted from the start: what goes meanwhile moves others past the reader. So a
// list of several pages is read until two readings agree; where none do, whatever
// was seen is in it.
func readAll[T any](ctx context.Context, api *webapi.Client, path []string, key func(T) string) ([]T, error) {
	var seen, before keyed[T]
	for range readings {
		now, err := readOnce(ctx, api, path, key)
		if err != nil || len(now.list) < pageSize || slices.Equal(now.keys, before.keys) {
			return now.list, err
		}
		for i, k := range now.keys {
			seen.add(k, now.list[i])
		}
		before = now
	}
	return seen.list, nil
}

// readOnce asks for page after page until one is not full, or holds nothing that
// was not there before: some lists have no pages.
func readOnce[T any](ctx context.Context, api *webapi.Client, path []string, key func(T) string) (keyed[T], error) {
	var all keyed[T]
	for page := 1; ; page++ {
		var list []T
		query := url.Values{"page": {strconv.Itoa(page)}, "per_page": {strconv.Itoa(pageSize)}}
		_, err := api.Do(ctx, webapi.Request{Method: http.MethodGet, Path: path, Query: query, Out: &list, Want: []int{http.StatusOK}})
		fresh := false
		for _, thing := range list {
			fresh = all.add(key(thing), thing) || fresh
		}
		if err != nil || len(list) < pageSize || !fresh {
			return all, err
		}
	}
}

// keyed is a list in which no key is twice.
type keyed[T any] struct {
	keys []string
	list []T
	has  map[string]bool
}

func (k *keyed[T]) add(key string, thing T) (fresh bool) {
	if k.has[key] {
		return false
	}
	if k.has == nil {
		k.has = map[string]bool{}
	}
	k.has[key] = true
	k.keys, k.list = append(k.keys, key), append(k.list, thing)
	return true
}
