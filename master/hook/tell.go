package hook

import (
	"context"
	"fmt"
	"slices"

	"github.com/wright-build/wright/manifests"
)

// Told is what came of a delivery, in changes of watched refs.
type Told struct {
	Recorded  int  `json:"recorded"`  // taken for true
	Asked     int  `json:"asked"`     // the remote is asked what is true
	Unwatched int  `json:"unwatched"` // of no interest to anybody
	Again     bool `json:"again,omitempty"`
}

// own leaves out the addresses for which the hook does not speak.
func (k *hook) own(changes []Change) []Change {
	if len(k.URLs) == 0 {
		return changes
	}
	all := slices.Clone(changes)
	for i, c := range all {
		all[i].URLs = nil
		for _, url := range c.URLs {
			if slices.ContainsFunc(k.URLs, func(pattern string) bool { return manifests.CoversURL(pattern, url) }) {
				all[i].URLs = append(all[i].URLs, url)
			}
		}
	}
	return all
}

// tell passes on the changes of watched refs. What was told before is not
// taken for true again: meanwhile the ref may have come back to where it was.
func (h *Hooks) tell(ctx context.Context, changes []Change, again bool) (Told, error) {
	told := Told{Again: again}
	for _, c := range changes {
		c.Ask = c.Ask || again
		watched := false
		for _, url := range c.URLs {
			if !h.cfg.Watches.Watched(c.VCS, url, c.Ref) {
				continue
			}
			watched = true
			if err := h.tellOne(ctx, c, url, &told); err != nil {
				return told, fmt.Errorf("%s: %w", c.Ref, err)
			}
		}
		if !watched && c.Ref != "HEAD" { // which only comes along with a branch
			told.Unwatched++
		}
	}
	return told, nil
}

// tellOne passes on a change under one address of its remote.
func (h *Hooks) tellOne(ctx context.Context, c Change, url string, told *Told) error {
	if c.Ask {
		h.cfg.Watches.Told(url, c)
		told.Asked++
		return nil
	}
	recorded, err := h.cfg.Watches.Observe(ctx, url, c)
	// gofail: var deliveryUnanswered struct{}
	switch {
	case err != nil:
		return err
	case recorded:
		told.Recorded++
	default:
		told.Asked++
	}
	return nil
}

// distinct leaves out second spellings of a remote and what is no URL of one.
func distinct(vcs string, urls []string) []string {
	seen := map[string]bool{}
	var all []string
	for _, url := range urls {
		if manifests.CheckURL(vcs, url) != nil || seen[manifests.CanonicalURL(url)] {
			continue
		}
		seen[manifests.CanonicalURL(url)] = true
		all = append(all, url)
	}
	return all
}
