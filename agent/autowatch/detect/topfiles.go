package detect

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// makefiles knows what the Makefile at the top clones, which a build calls
// although no pipeline may say so: what it makes by itself and what is usually
// asked of it, and of the other targets that a person can name what they clone,
// unless they are for changing the repository.
func makefiles() Detector {
	wants := func(file string) bool { return slices.Contains([]string{"Makefile", "makefile", "GNUmakefile"}, file) }
	return sheetDetector("Makefile", wants, func(s *sheet) {
		if !hintOfScript.MatchString(s.text) && !hintOfMake.MatchString(s.text) {
			return
		}
		sh := newShell(s, nil, newScriptCalls(s, "."))
		m := readMakefile(s.file.Path, s.text, sh.calls.open)
		sh.calls.makefiles[s.file.Path] = m
		usual := []string{m.first, "all", "build", "test", "install", "check"}
		sh.calls.make(sh, makeCall{file: s.file.Path, targets: usual})
		sh.clonesOnly = true
		others := slices.DeleteFunc(slices.Sorted(maps.Keys(m.rules)), isUpkeep)
		for _, vars := range append([]map[string]makeVariable{nil}, m.choices(sh.calls.open)...) {
			sh.calls.make(sh, makeCall{file: s.file.Path, targets: others, vars: vars})
		}
	})
}

var (
	hintOfMake = regexp.MustCompile(`\$[({]MAKE[)}]|\b(include|make)\b|\.sh\b`)
	upkeep     = regexp.MustCompile(`(?i)update|upgrade|release|publish|deploy|clean|bump|sync|^debug|^(a|ub|t|m)san|valgrind|^\.|[/%$]`)
)

// isUpkeep tells whether a target is a file, which others need, or is not for
// building what is here, or only for debugging it.
func isUpkeep(target string) bool {
	return upkeep.MatchString(target) || strings.HasPrefix(target, "-")
}

// topScripts knows what the shell scripts at the top clone, as long as they are
// not for changing the repository: they are there to be called by a build. One
// without an extension says itself that it is a script.
func topScripts() Detector {
	wants := func(file string) bool {
		return !strings.Contains(file, "/") && (isShellName(file) || !strings.Contains(file, ".")) && !isUpkeep(strings.TrimSuffix(file, path.Ext(file)))
	}
	return sheetDetector("scripts at the top", wants, func(s *sheet) {
		if !isShellName(s.file.Path) && !shebang.MatchString(s.text) {
			return
		}
		if !hintOfScript.MatchString(s.text) && !hintOfCall.MatchString(s.text) {
			return
		}
		sh := newShell(s, nil, newScriptCalls(s, "."))
		sh.clonesOnly = true
		words := scriptWords(&node{shape: isText, text: s.text + "\n"})
		sh.run(words[:min(len(words), maxWords)])
		sh.flush()
	})
}
