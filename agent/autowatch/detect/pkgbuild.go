package detect

import (
	"regexp"
	"strings"
)

// pkgbuilds knows the sources of Arch Linux's packages that makepkg checks out.
func pkgbuilds() Detector {
	return sheetDetector("PKGBUILD", named("PKGBUILD"), func(s *sheet) {
		d := &dockerfile{sheet: s, values: map[string]string{}}
		inside := false
		for n, line := range numbered(s.text) {
			words := shellWords(line, n)
			if m := sourceArray.FindStringIndex(line); m != nil {
				words, inside = shellWords(line[m[1]:], n), true
			}
			if !inside {
				d.settings(words)
				continue
			}
			for _, w := range words {
				if w.text == ")" {
					inside = false
					break
				}
				s.packageSource(n, d.expand(w.text))
			}
		}
	})
}

var sourceArray = regexp.MustCompile(`^\s*source(_\w+)?\+?=\(`)

// packageSource reads "directory::git+https://host/o/r#branch=main".
func (s *sheet) packageSource(line int, source string) {
	if _, after, ok := strings.Cut(source, "::"); ok {
		source = after
	}
	if strings.HasPrefix(source, "git://") {
		source = "git+" + source
	}
	source, _, _ = strings.Cut(source, "?signed")
	address, fragment, _ := strings.Cut(source, "#")
	vcs, url, ok := strings.Cut(address, "+")
	if !ok || vcs != "git" && vcs != "hg" {
		return
	}
	key, name, _ := strings.Cut(fragment, "=")
	c := choice{}
	switch key {
	case "branch":
		c.branch = name
	case "tag":
		c.tag = name
	case "commit", "revision":
		c.commit = name
	}
	m := c.mention(url)
	m.VCS = vcs
	s.note(line, m)
}
