package detect

import (
	"regexp"
	"strings"
)

// openwrtFeeds knows the feeds of packages of OpenWrt: "src-git name address",
// with ";branch" or "^commit" behind it.
func openwrtFeeds() Detector {
	return sheetDetector("OpenWrt", named("feeds.conf", "feeds.conf.default", "*.feeds.conf"), func(s *sheet) {
		for n, line := range numbered(s.text) {
			parts := openwrtFeed.FindStringSubmatch(line)
			if parts == nil {
				continue
			}
			url, commit, _ := strings.Cut(parts[1], "^")
			url, branch, _ := strings.Cut(url, ";")
			s.note(n, choice{branch: branch, commit: commit, branchFirst: true}.mention(gitURL(url)))
		}
	})
}

var openwrtFeed = regexp.MustCompile(`^\s*src-git(?:-full)?\s+(?:--\S+\s+)*\S+\s+(\S+)`)
