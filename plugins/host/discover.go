package host

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wright-build/wright/plugins"
)

// discover lists the plugins of the directories, sorted by kind and name. A
// directory that cannot be read holds none.
func discover(dirs []string) []Info {
	var found []Info
	seen := map[key]bool{}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			k, ok := parseName(e.Name())
			path := filepath.Join(dir, e.Name())
			if !ok || seen[k] || !isExecutable(path) {
				continue
			}
			seen[k] = true
			found = append(found, Info{Kind: k.kind, Name: k.name, Path: path})
		}
	}
	slices.SortFunc(found, func(a, b Info) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return found
}

// find gives the path of one plugin.
func find(dirs []string, k key) (string, error) {
	if isName(k.name) {
		for _, dir := range dirs {
			path := filepath.Join(dir, plugins.BinaryName(k.kind, k.name))
			if isExecutable(path) {
				return path, nil
			}
		}
	}
	var names []string
	for _, i := range discover(dirs) {
		if i.Kind == k.kind {
			names = append(names, i.Name)
		}
	}
	return "", plugins.Errorf(plugins.NotFound, "no %s provider %.60q: no executable file %.80q in %s (%s)",
		k.kind, k.name, plugins.BinaryName(k.kind, k.name),
		cmp.Or(strings.Join(dirs, ", "), "no directory at all"),
		cmp.Or(prefixed("there is ", strings.Join(names, ", ")), "there is none of this kind"))
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// parseName reads wright-KIND-NAME.
func parseName(file string) (key, bool) {
	for _, kind := range plugins.Kinds() {
		if name, ok := strings.CutPrefix(file, plugins.BinaryName(kind, "")); ok && isName(name) {
			return key{kind, name}, true
		}
	}
	return key{}, false
}

// isName keeps names from a manifest from leaving the directories.
func isName(s string) bool {
	for i, c := range []byte(s) {
		letter := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		if !letter && (i == 0 || c != '-' && c != '_') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}
