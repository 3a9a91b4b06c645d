package detect

import (
	"path"
	"slices"
	"strings"
)

// composerAdds tells whether a command has Composer add packages.
func composerAdds(command []dockerWord) bool {
	at := slices.IndexFunc(command, func(w dockerWord) bool {
		return strings.TrimSuffix(path.Base(w.text), ".phar") == "composer"
	})
	return at >= 0 && slices.ContainsFunc(command[at+1:], func(w dockerWord) bool { return w.text == "require" })
}

// composerPackages reads those of branches among "vendor/name:version" and
// "vendor/name version". Where they are is guessed as in composer.json.
func (sh *shell) composerPackages(command []dockerWord) []clone {
	var found []clone
	for i, w := range command {
		name, version, _ := strings.Cut(strings.Replace(sh.expand(w.text), "=", ":", 1), ":")
		if version == "" && i+1 < len(command) {
			version = sh.expand(command[i+1].text)
		}
		branch, commit, ok := composerBranch(version)
		m, known := (&composer{}).usual(name, branch)
		if ok && known && commit == "" {
			m.VCS, m.Name, m.Kind = "git", branch, Branch
			found = append(found, clone{Mention: m, line: w.line})
		}
	}
	return found
}
