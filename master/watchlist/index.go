package watchlist

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/wright-build/wright/manifests"
)

// RemoteKey names a remote: equal for all spellings of its URL.
type RemoteKey string

// KeyOf is the key of a remote.
func KeyOf(vcs, url string) RemoteKey {
	return RemoteKey(vcs + "\x00" + manifests.CanonicalURL(url))
}

// Watch is the key of the watch of one ref of the remote, as Watch.Key.
func (k RemoteKey) Watch(ref string) string { return string(k) + "\x00" + ref }

// splitKey splits a watch key into remote and ref.
func splitKey(key string) (RemoteKey, string) {
	i := strings.LastIndexByte(key, 0)
	return RemoteKey(key[:i]), key[i+1:]
}

// Remote is one repository that is asked for its refs.
type Remote struct {
	VCS string
	URL string // one of the spellings in use, the least one
	Key RemoteKey
}

// Index is the union of all watches. Its zero value is empty and ready. It is
// not safe for concurrent use: each room that needs one keeps its own.
type Index struct {
	lists     map[string]list
	instances map[string][]string // by watch key; sorted
	remotes   map[RemoteKey]*remote
}

// list is what an instance watches: as it was given, and sorted by key.
type list struct {
	given   []Watch
	entries []entry
}

type entry struct{ key, vcs, url string }

type remote struct {
	Remote
	refs map[string]bool
	urls map[string]int // spelling -> watches that use it
}

// Set replaces the list of an instance and returns the remotes whose set of
// refs changed by it, in the order of their keys; one that nobody watches any
// more is among them. It costs as much as the two lists are long. The slice is
// kept and must not be changed any more.
func (x *Index) Set(instance string, ws []Watch) (changed []Remote) {
	old := x.lists[instance]
	if slices.EqualFunc(old.given, ws, sameWatch) {
		return nil
	}
	fresh := list{given: ws, entries: entries(ws)}
	x.keep(instance, fresh)
	touched := make(map[RemoteKey]Remote)
	diff(old.entries, fresh.entries,
		func(e entry) { x.drop(instance, e, touched) },
		func(e entry) { x.add(instance, e, touched) })
	return x.settle(touched)
}

// Remove forgets an instance. It returns what Set does.
func (x *Index) Remove(instance string) (changed []Remote) { return x.Set(instance, nil) }

// Known yields the instances that watch something, in no order.
func (x *Index) Known() iter.Seq[string] { return maps.Keys(x.lists) }

// Remotes yields every remote that is watched, in no order.
func (x *Index) Remotes() iter.Seq[Remote] {
	return func(yield func(Remote) bool) {
		for _, r := range x.remotes {
			if !yield(r.Remote) {
				return
			}
		}
	}
}

// Refs returns the watched refs of a remote, sorted; none if it is not watched.
func (x *Index) Refs(key RemoteKey) []string {
	r := x.remotes[key]
	if r == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(r.refs))
}

// Spellings returns the URLs by which a remote is watched, sorted.
func (x *Index) Spellings(key RemoteKey) []string {
	r := x.remotes[key]
	if r == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(r.urls))
}

// Instances returns the instances that a watch belongs to, sorted. The slice
// must not be changed, and not be kept beyond the next Set.
func (x *Index) Instances(watchKey string) []string { return x.instances[watchKey] }

func (x *Index) keep(instance string, l list) {
	if x.lists == nil {
		x.lists, x.instances, x.remotes = map[string]list{}, map[string][]string{}, map[RemoteKey]*remote{}
	}
	if len(l.entries) == 0 {
		delete(x.lists, instance)
		return
	}
	x.lists[instance] = l
}

func (x *Index) add(instance string, e entry, touched map[RemoteKey]Remote) {
	key, ref := splitKey(e.key)
	r := x.remotes[key]
	if r == nil {
		r = &remote{Remote: Remote{VCS: e.vcs, URL: e.url, Key: key}, refs: map[string]bool{}, urls: map[string]int{}}
		x.remotes[key] = r
	}
	r.urls[e.url]++
	r.respell()
	all := x.instances[e.key]
	at, _ := slices.BinarySearch(all, instance)
	x.instances[e.key] = slices.Insert(all, at, instance)
	if len(all) == 0 {
		r.refs[ref] = true
		touched[key] = r.Remote
	}
}

func (x *Index) drop(instance string, e entry, touched map[RemoteKey]Remote) {
	key, ref := splitKey(e.key)
	r := x.remotes[key]
	if r.urls[e.url]--; r.urls[e.url] == 0 {
		delete(r.urls, e.url)
		r.respell()
	}
	all := x.instances[e.key]
	if at, found := slices.BinarySearch(all, instance); found {
		all = slices.Delete(all, at, at+1)
	}
	x.instances[e.key] = all
	if len(all) == 0 {
		delete(x.instances, e.key)
		delete(r.refs, ref)
		touched[key] = r.Remote
	}
	if len(r.refs) == 0 {
		delete(x.remotes, key)
	}
}

// respell chooses the URL to ask: the least of those in use.
func (r *remote) respell() {
	first := true
	for url := range r.urls {
		if first || url < r.URL {
			r.URL, first = url, false
		}
	}
}

// settle is the touched remotes in order, as they now are.
func (x *Index) settle(touched map[RemoteKey]Remote) []Remote {
	var all []Remote
	for _, key := range slices.Sorted(maps.Keys(touched)) {
		if r := x.remotes[key]; r != nil {
			all = append(all, r.Remote)
		} else {
			all = append(all, touched[key])
		}
	}
	return all
}

func sameWatch(a, b Watch) bool { return a.VCS == b.VCS && a.URL == b.URL && a.Ref == b.Ref }

// entries is ws by key, sorted, each once.
func entries(ws []Watch) []entry {
	all := make([]entry, len(ws))
	for i, w := range ws {
		all[i] = entry{w.Key(), w.VCS, w.URL}
	}
	slices.SortStableFunc(all, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	return slices.CompactFunc(all, func(a, b entry) bool { return a.key == b.key })
}

// diff walks two sorted lists and calls add and drop for what differs. What is
// spelled anew is added before the old spelling goes, so that its watch stays.
func diff(old, fresh []entry, drop, add func(entry)) {
	for len(old) > 0 || len(fresh) > 0 {
		switch {
		case len(fresh) == 0 || len(old) > 0 && old[0].key < fresh[0].key:
			drop(old[0])
			old = old[1:]
		case len(old) == 0 || fresh[0].key < old[0].key:
			add(fresh[0])
			fresh = fresh[1:]
		default:
			if old[0] != fresh[0] {
				add(fresh[0])
				drop(old[0])
			}
			old, fresh = old[1:], fresh[1:]
		}
	}
}
