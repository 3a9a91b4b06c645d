package watchlist

import (
	"cmp"
	"hash/maphash"
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
	VCS     string
	URL     string // the first of Spellings
	Key     RemoteKey
	Trusted bool // a manifest names it itself, not only reports of builds do
}

// Index is the union of all watches. Its zero value is empty and ready. It is
// not safe for concurrent use: each room that needs one keeps its own.
type Index struct {
	seed    maphash.Seed
	lists   map[string]list
	watches map[string]*watch // by key
	remotes map[RemoteKey]*remote
	named   map[string]int // servers, by the watches of sources and manifests that name them
}

// list is what an instance watches.
type list struct {
	sum     uint64  // of the list as it was given
	entries []entry // sorted by key
}

type entry struct {
	key string // shared with the watch
	spelling
}

// watch is one ref, and who wants it.
type watch struct {
	key       string
	instances []string // sorted
}

type remote struct {
	Remote
	refs []string // sorted
	uses []use
}

// use is how many watches spell a remote so.
type use struct {
	spelling
	watches int
}

// spelling is a URL and who wrote it.
type spelling struct {
	url  string
	rank uint8 // of the origin
}

// compare orders spellings: the manifest's own first, then what is asked most
// safely.
func (s spelling) compare(other spelling) int {
	return cmp.Or(cmp.Compare(s.rank, other.rank),
		cmp.Compare(schemeRank(s.url), schemeRank(other.url)), strings.Compare(s.url, other.url))
}

// rank is the place of an origin as of the constants.
func (o Origin) rank() uint8 {
	switch o {
	case Source:
		return 0
	case Manifest:
		return 1
	}
	return auto
}

// auto is the rank of Auto.
const auto = 2

// schemeRank is the place of a URL's scheme; scp's form is ssh.
func schemeRank(url string) int {
	scheme, _, _ := strings.Cut(url, "://")
	switch strings.ToLower(scheme) {
	case "https":
		return 0
	case "git":
		return 2
	case "http":
		return 3
	}
	return 1
}

// Set replaces the list of an instance and returns the remotes whose set of
// refs changed by it, or whether they are trusted, in the order of their keys;
// one that nobody watches any more is among them. It costs as much as the two
// lists are long.
func (x *Index) Set(instance string, ws []Watch) (changed []Remote) {
	if x.lists == nil {
		x.seed = maphash.MakeSeed()
		x.lists, x.watches, x.remotes, x.named = map[string]list{}, map[string]*watch{}, map[RemoteKey]*remote{}, map[string]int{}
	}
	old, sum := x.lists[instance], sumOf(x.seed, ws)
	if old.sum == sum || len(old.entries)+len(ws) == 0 {
		return nil
	}
	fresh := list{sum: sum, entries: entries(ws)}
	touched := changes{refs: map[RemoteKey]Remote{}, trusted: map[RemoteKey]bool{}}
	diff(old.entries, fresh.entries,
		func(e entry) { x.drop(instance, e, touched) },
		func(e entry) { x.add(instance, e, touched) })
	x.keep(instance, fresh)
	return x.settle(touched)
}

// sumOf tells lists apart without keeping them.
func sumOf(seed maphash.Seed, ws []Watch) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, w := range ws {
		for _, s := range []string{w.VCS, w.URL, w.Ref, string(w.Origin)} {
			_, _ = h.WriteString(s) // cannot fail
			_ = h.WriteByte(0)      // likewise
		}
	}
	return h.Sum64()
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
	return slices.Clone(r.refs)
}

// Spellings returns the URLs by which a remote is watched, in the order in
// which they are to be tried: those of sources first, then of manifests, then
// of reports; of each https before ssh, git and http.
func (x *Index) Spellings(key RemoteKey) []string {
	r := x.remotes[key]
	if r == nil {
		return nil
	}
	var urls []string
	for _, u := range slices.SortedFunc(slices.Values(r.uses), use.compare) {
		if !slices.Contains(urls, u.url) {
			urls = append(urls, u.url)
		}
	}
	return urls
}

// Trusted tells whether a manifest names the remote, or another one of the same
// server.
func (x *Index) Trusted(key RemoteKey) bool {
	r := x.remotes[key]
	return r != nil && (r.Trusted || x.named[authority(r.URL)] > 0)
}

// Instances returns the instances that a watch belongs to, sorted. The slice
// must not be changed, and not be kept beyond the next Set.
func (x *Index) Instances(watchKey string) []string {
	if w := x.watches[watchKey]; w != nil {
		return w.instances
	}
	return nil
}

// keep remembers a list, whose keys are those of the watches from now on, so
// that each is in memory once.
func (x *Index) keep(instance string, l list) {
	if len(l.entries) == 0 {
		delete(x.lists, instance)
		return
	}
	for i, e := range l.entries {
		l.entries[i].key = x.watches[e.key].key
	}
	x.lists[instance] = l
}

func (x *Index) add(instance string, e entry, touched changes) {
	w := x.watches[e.key]
	if w == nil {
		w = &watch{key: e.key}
		x.watches[e.key] = w
	}
	key, ref := splitKey(w.key)
	r := x.remotes[key]
	if r == nil {
		vcs, _, _ := strings.Cut(w.key, "\x00")
		r = &remote{Remote: Remote{VCS: vcs, Key: key}}
		x.remotes[key] = r
	}
	touched.see(r.Remote)
	r.count(e.spelling, 1)
	x.name(e.spelling, 1)
	if len(w.instances) == 0 {
		r.refs = insert(r.refs, ref)
		touched.refs[key] = r.Remote
	}
	w.instances = insert(w.instances, instance)
}

func (x *Index) drop(instance string, e entry, touched changes) {
	w := x.watches[e.key]
	key, ref := splitKey(w.key)
	r := x.remotes[key]
	touched.see(r.Remote)
	r.count(e.spelling, -1)
	x.name(e.spelling, -1)
	if w.instances = remove(w.instances, instance); len(w.instances) == 0 {
		delete(x.watches, e.key)
		r.refs = remove(r.refs, ref)
		touched.refs[key] = r.Remote
	}
	if len(r.refs) == 0 {
		delete(x.remotes, key)
	}
}

// name notes that people name the server of a remote once more, or less.
func (x *Index) name(s spelling, by int) {
	if s.rank == auto || manifests.IsLocal(s.url) {
		return
	}
	server := authority(s.url)
	if x.named[server] += by; x.named[server] == 0 {
		delete(x.named, server)
	}
}

// insert puts s into a sorted list, once more if it is there.
func insert(all []string, s string) []string {
	at, _ := slices.BinarySearch(all, s)
	return slices.Insert(all, at, s)
}

// remove takes s out of a sorted list.
func remove(all []string, s string) []string {
	if at, found := slices.BinarySearch(all, s); found {
		return slices.Delete(all, at, at+1)
	}
	return all
}

// count notes that a watch more, or less, spells the remote so, and chooses the
// URL to ask.
func (r *remote) count(s spelling, by int) {
	at := slices.IndexFunc(r.uses, func(u use) bool { return u.spelling == s })
	if at < 0 {
		r.uses = append(r.uses, use{s, by})
	} else if r.uses[at].watches += by; r.uses[at].watches == 0 {
		r.uses = slices.Delete(r.uses, at, at+1)
	}
	if len(r.uses) > 0 {
		first := slices.MinFunc(r.uses, use.compare)
		r.URL, r.Trusted = first.url, first.rank < auto
	}
}

func (u use) compare(other use) int { return u.spelling.compare(other.spelling) }

// changes is what one Set does to remotes.
type changes struct {
	refs    map[RemoteKey]Remote // those whose refs changed
	trusted map[RemoteKey]bool   // whether they were before
}

// see remembers a remote as it was.
func (c changes) see(r Remote) {
	if _, seen := c.trusted[r.Key]; !seen {
		c.trusted[r.Key] = r.Trusted
	}
}

// settle is the changed remotes in order, as they now are.
func (x *Index) settle(c changes) []Remote {
	for key, was := range c.trusted {
		if r := x.remotes[key]; r != nil && r.Trusted != was {
			c.refs[key] = r.Remote
		}
	}
	var all []Remote
	for _, key := range slices.Sorted(maps.Keys(c.refs)) {
		if r := x.remotes[key]; r != nil {
			all = append(all, r.Remote)
		} else {
			all = append(all, c.refs[key])
		}
	}
	return all
}

// entries is ws by key, sorted, each once.
func entries(ws []Watch) []entry {
	all := make([]entry, len(ws))
	for i, w := range ws {
		all[i] = entry{w.Key(), spelling{w.URL, w.Origin.rank()}}
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

// RemotesOf yields the remotes that an instance watches, some maybe more often
// than once.
func (x *Index) RemotesOf(instance string) iter.Seq[RemoteKey] {
	return func(yield func(RemoteKey) bool) {
		for _, e := range x.lists[instance].entries {
			if key, _ := splitKey(e.key); !yield(key) {
				return
			}
		}
	}
}
