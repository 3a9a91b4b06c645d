package detect

import (
	"regexp"
	"strings"
)

// gitSync knows what the sidecar git-sync is told to keep up to date, by the
// arguments of a container: --repo, and --ref or, as it was before, --branch and --rev.
func gitSync() Detector {
	return sheetDetector("git-sync", isYAML, func(s *sheet) {
		if !hintOfGitSync.MatchString(s.text) {
			return
		}
		for _, doc := range s.quietTrees() {
			doc.tables(func(table *node) {
				for _, key := range []string{"args", "command"} {
					s.syncedBy(table.at(key))
				}
			})
		}
	})
}

var hintOfGitSync = regexp.MustCompile(`--repo[=" ]`)

func (s *sheet) syncedBy(args *node) {
	given := map[string]string{}
	line := 0
	items := args.list()
	for i, item := range items {
		option, value, inline := strings.Cut(item.value(), "=")
		if !inline && i+1 < len(items) {
			value = items[i+1].value()
		}
		given[option] = value
		if option == "--repo" {
			line = item.line
		}
	}
	if url := given["--repo"]; isRemote(url) {
		c := choice{name: given["--ref"] + given["--rev"], branch: given["--branch"], branchFirst: true}
		s.note(line, c.mention(gitURL(url)))
	}
}
