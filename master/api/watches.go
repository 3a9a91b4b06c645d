package api

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/wright-build/wright/manifests"
	"github.com/wright-build/wright/master/api/view"
	"github.com/wright-build/wright/master/logs"
	"github.com/wright-build/wright/master/state"
	"github.com/wright-build/wright/master/watchlist"
)

// Watches lists what an instance watches; "" is all instances.
func (q Queries) Watches(instance string) ([]view.Watch, error) {
	facts, refs := q.watching(instance)
	if instance != "" && len(facts) == 0 {
		if _, err := q.Facts(instance); err != nil {
			return nil, err
		}
	}
	all := []view.Watch{}
	for _, i := range facts {
		for _, w := range watchlist.Merge(i.Manifest(), i.Report) {
			all = append(all, q.watch(i.Name, w, refs))
		}
	}
	return all, nil
}

// watching is what is known of one instance, or of all ("") by name, and the
// refs seen.
func (q Queries) watching(instance string) (all []view.InstanceFacts, refs map[string]*state.Ref) {
	q.store.Read(func(f *state.Facts) {
		for _, name := range slices.Sorted(maps.Keys(view.Names(f))) {
			if instance == "" || name == instance {
				i, _ := view.FactsOf(f, name)
				all = append(all, i)
			}
		}
		if len(all) > 0 {
			refs = maps.Clone(f.Refs)
		}
	})
	return all, refs
}

// watch shows a watch with what was seen of it.
func (q Queries) watch(instance string, w watchlist.Watch, refs map[string]*state.Ref) view.Watch {
	v := view.OfWatch(instance, w)
	ref := refs[state.RefName(w.Key())]
	if ref != nil {
		v.Revision = ref.Revision
	}
	if q.polls != nil {
		v.CheckedAt, v.Error = q.polls.Status(w.VCS, w.URL)
	}
	if ref != nil && ref.Revision == "" && v.Error == "" {
		v.Error = q.missing(w)
	}
	return v
}

// missing says that a ref is not there, and where people may have gone.
func (q Queries) missing(w watchlist.Watch) string {
	heads, ok := q.polls.(interface{ Head(vcs, url string) string })
	if !ok || w.Ref == "HEAD" {
		return "the remote has no " + w.Ref
	}
	if head := heads.Head(w.VCS, w.URL); head != "" && head != w.Ref {
		return "the remote has no " + w.Ref + "; its HEAD is " + head
	}
	return "the remote has no " + w.Ref
}

const (
	maxAsked   = 2000 // bytes of a URL or a ref that somebody asks about
	maxNearest = 3    // remotes that are named instead of one that nobody watches
)

// Why tells who watches a remote, in any spelling of its URL, and why. A ref may
// be short; "" is all of them.
func (q Queries) Why(url, ref string) ([]view.Reason, error) {
	if url == "" || len(url) > maxAsked || len(ref) > maxAsked {
		return nil, fail(http.StatusBadRequest, "", "want the URL of a remote, of at most %d bytes", maxAsked)
	}
	facts, refs := q.watching("")
	all, others := []view.Reason{}, map[string]bool{}
	for _, i := range facts {
		for _, r := range watchlist.Why(i.Manifest(), i.Report, url) {
			if !isRef(r.Ref, ref) {
				others[r.Ref] = true
				continue
			}
			v := view.Reason{Watch: q.watch(i.Name, r.Watch, refs), Also: []view.Saying{}}
			for _, w := range r.Also {
				v.Also = append(v.Also, view.OfSaying(i.Name, w))
			}
			all = append(all, v)
		}
	}
	switch {
	case len(all) > 0:
		return all, nil
	case len(others) > 0:
		return nil, fail(http.StatusNotFound, "watched of it: "+some(slices.Sorted(maps.Keys(others))), "nobody watches %.200s of %.300s", ref, url)
	}
	return nil, fail(http.StatusNotFound, nearest(url, facts), "nobody watches %.300s", url)
}

// isRef tells whether somebody who asks for a ref means this one.
func isRef(full, asked string) bool {
	return asked == "" || full == asked || strings.HasPrefix(full, "refs/") && strings.HasSuffix(full, "/"+asked) &&
		strings.Count(full, "/") == strings.Count(asked, "/")+2
}

// nearest is what to say to somebody who asks about a remote that nobody watches.
func nearest(url string, facts []view.InstanceFacts) string {
	var known []string
	for _, i := range facts {
		for _, w := range watchlist.Merge(i.Manifest(), i.Report) {
			known = append(known, w.URL)
		}
	}
	if near := watchlist.Nearest(url, known, maxNearest); len(near) > 0 {
		return "watched are: " + strings.Join(near, ", ")
	}
	return "wright watch list shows what is watched"
}

// some is a list, shortened where it gets long.
func some(names []string) string {
	const most = 20
	if len(names) > most {
		names = append(names[:most:most], "…")
	}
	return strings.Join(names, ", ")
}

// maxSought is how many builds are looked through for a complete report.
const maxSought = 1000

// Diff tells what changed from the report of one build to that of a later one.
// Without fresh it is the last that reported completely, without old the one
// before that; where there is none before, everything is new.
func (q Queries) Diff(instance, old, fresh string) (d view.WatchDiff, err error) {
	if _, err := q.Facts(instance); err != nil {
		return d, err
	}
	d = view.WatchDiff{Instance: instance}
	var before, now []manifests.Watch
	if d.New, now, err = q.complete(instance, fresh, 0); err != nil {
		return d, err
	}
	if d.New == "" {
		return d, fail(http.StatusNotFound, "builds report what they use when their steps have passed, unless auto-watch is off",
			"no build of %s has reported what it depends on", instance)
	}
	newest, err := state.ParseBuildID(d.New)
	if err != nil {
		return d, err
	}
	if d.Old, before, err = q.complete(instance, old, newest.Number); err != nil {
		return d, err
	}
	d.Tell(watchlist.Diff(before, now))
	return d, nil
}

// complete reads the complete report of a build or, where none is named, of the
// last one numbered below before (0: of all); "" if there is none.
func (q Queries) complete(instance, build string, before int64) (string, []manifests.Watch, error) {
	if build != "" {
		return q.completeOf(instance, build)
	}
	builds, err := q.logs.Builds(instance)
	if err != nil {
		return "", nil, err
	}
	sought := 0
	for _, b := range builds {
		id, err := state.ParseBuildID(b)
		if err != nil || before > 0 && id.Number >= before {
			continue
		}
		if sought++; sought > maxSought {
			break
		}
		watches, err := q.readReport(id)
		if !errors.Is(err, logs.ErrNotFound) {
			return b, watches, err
		}
	}
	return "", nil, nil
}

// completeOf is complete for the build that somebody named.
func (q Queries) completeOf(instance, build string) (string, []manifests.Watch, error) {
	id, err := state.ParseBuildID(build)
	if err != nil || id.Instance != instance {
		return "", nil, fail(http.StatusBadRequest, "", "%.80q is no build of %s: want one such as %s-12", build, instance, instance)
	}
	watches, err := q.readReport(id)
	if errors.Is(err, logs.ErrNotFound) {
		return "", nil, fail(http.StatusNotFound, "builds report completely when their steps have passed",
			"build %s has not reported all that it depends on", id)
	}
	return id.String(), watches, err
}

func (q Queries) readReport(id state.BuildID) ([]manifests.Watch, error) {
	text, err := q.logs.Attached(id.Instance, id.String(), watchlist.CompleteFile)
	if err != nil {
		return nil, err
	}
	return manifests.ParseWatches("watch.toml", text)
}

func (s *server) watches(w http.ResponseWriter, r *http.Request) error {
	all, err := s.q.Watches(r.FormValue("instance"))
	if err != nil {
		return err
	}
	return answer(w, all)
}

func (s *server) why(w http.ResponseWriter, r *http.Request) error {
	all, err := s.q.Why(r.FormValue("url"), r.FormValue("ref"))
	if err != nil {
		return err
	}
	return answer(w, all)
}

func (s *server) watchDiff(w http.ResponseWriter, r *http.Request) error {
	d, err := s.q.Diff(r.PathValue("name"), r.FormValue("old"), r.FormValue("new"))
	if err != nil {
		return err
	}
	return answer(w, d)
}
