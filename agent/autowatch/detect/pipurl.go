package detect

import "strings"

// pipURL reads an address as pip takes it, which other tools took over from it:
// "git+https://host/o/r.git@branch#egg=name".
func pipURL(s string) (m Mention, ok bool) {
	vcs, rest, ok := strings.Cut(strings.TrimSpace(s), "+")
	if !ok || vcs != "git" && vcs != "hg" {
		return Mention{}, false
	}
	m.VCS = vcs
	m.URL, _, _ = strings.Cut(rest, "#")
	m.URL, _, _ = strings.Cut(m.URL, "?")
	if i := strings.LastIndexByte(m.URL, '@'); i > pathStart(m.URL) {
		m.URL, m.Name = m.URL[:i], m.URL[i+1:]
	}
	m.URL = gitURL(m.URL)
	return m, strings.Contains(m.URL, "://") || isSCP(m.URL)
}

// pathStart is where the path of an address begins, behind user and host.
func pathStart(address string) int {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return strings.IndexByte(address, ':')
	}
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return len(scheme) + len("://") + i
	}
	return len(address)
}
