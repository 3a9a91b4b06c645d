package poll

import (
	"strings"

	"github.com/wright-build/wright/manifests"
)

// rewritten is the URL that is asked in place of one, by the first rule whose
// beginning it has as it is written; case makes no difference in scheme and
// host. Where a rule leads is the operator's word, so it is trusted.
func rewritten(url string, rules []manifests.Rewrite) (asked string, trusted bool) {
	for _, r := range rules {
		if rest, ok := cutBeginning(url, r.From); ok {
			return r.To + rest, true
		}
	}
	return url, false
}

// cutBeginning is what follows a beginning that ends within a name or after it.
func cutBeginning(url, beginning string) (rest string, ok bool) {
	if len(url) < len(beginning) {
		return "", false
	}
	n := min(hostEnd(beginning), len(beginning))
	if !strings.EqualFold(url[:n], beginning[:n]) || url[n:len(beginning)] != beginning[n:] {
		return "", false
	}
	return url[len(beginning):], true
}

// hostEnd is where the host of a URL ends.
func hostEnd(url string) int {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		if i := strings.IndexByte(url, ':'); i >= 0 && !strings.HasPrefix(url, "/") {
			return i
		}
		return 0
	}
	n := len(scheme) + len("://")
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return n + i
	}
	return len(url)
}
