package watchlist

import (
	"fmt"
	"strings"

	"github.com/wright-build/wright/manifests"
)

// The names under which the accepted reports of a build are kept with it as they
// were sent: that of the fetch, and that of the end of its steps.
const (
	FetchedFile  = "watch.fetched.toml"
	CompleteFile = "watch.complete.toml"
)

// Accept validates a watch file that a build of the manifest's instance sent;
// a nil manifest trusts nothing. It is taken whole or refused whole, with the
// place of what is wrong.
//
// What it lists was written by foreign code, so local paths are refused unless
// the source is one: such code must not make the master look around on its own
// disk. Nor may it lead the master to hosts where only the operator may send
// it; those that the manifest itself names are the operator's.
func Accept(file []byte, m *manifests.Manifest, hosts Hosts) ([]manifests.Watch, error) {
	watches, err := manifests.ParseWatches("watch.toml", file)
	if err != nil {
		return nil, err
	}
	local := m != nil && (m.Source == nil || manifests.IsLocal(m.Source.URL))
	known := authorities(m)
	for _, w := range watches {
		if manifests.IsLocal(w.URL) {
			if !local {
				return nil, fmt.Errorf("%s: a local path is not watched for an instance whose source comes from elsewhere", w.Place)
			}
			continue
		}
		if known[authority(w.URL)] {
			continue
		}
		if err := hosts.CheckURL(w.URL); err != nil {
			return nil, fmt.Errorf("%s: %w", w.Place, err)
		}
	}
	return watches, nil
}

// authorities are the servers, host and port, that a manifest names.
func authorities(m *manifests.Manifest) map[string]bool {
	all := map[string]bool{}
	if m == nil {
		return all
	}
	if m.Source != nil && !manifests.IsLocal(m.Source.URL) {
		all[authority(m.Source.URL)] = true
	}
	for _, w := range m.Watches {
		if !manifests.IsLocal(w.URL) {
			all[authority(w.URL)] = true
		}
	}
	return all
}

// authority is the host and port of a remote's URL, alike in all spellings.
func authority(url string) string {
	s := strings.TrimPrefix(manifests.CanonicalURL(url), "any://")
	s, _, _ = strings.Cut(s, "/")
	return s[strings.LastIndexByte(s, '@')+1:]
}
