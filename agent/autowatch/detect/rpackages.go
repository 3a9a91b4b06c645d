package detect

import (
	"path"
	"regexp"
	"strings"
)

// rInstallers knows install.R, which images for notebooks run.
func rInstallers() Detector {
	return sheetDetector("install.R", named("install.R"), func(s *sheet) {
		for _, found := range rInstalls(s.text) {
			s.note(found.line, found.Mention)
		}
	})
}

var (
	rInstall = regexp.MustCompile(`\b(?:install_(github|gitlab|bitbucket|git)|pak::(?:pak|pkg_install)|(?:renv|BiocManager)::install)\(\s*(?:(?:repo|pkg|url)\s*=\s*)?(?:c\(\s*)?` +
		`((?:\\?["'][^"'\\\n]*\\?["']\s*,?\s*)+|\\[^"'\\\s]+\\)[^()]*`)
	rText = regexp.MustCompile(`\\?["']([^"'\\]+)\\?["']|\\([^"'\\\s]+)\\`)
	rRef  = regexp.MustCompile(`\b(?:ref|branch)\s*=\s*\\?["']([\w./-]+)\\?["']`)
	rName = regexp.MustCompile(`^(?:(?:github|gitlab|bitbucket)::)?[\w.-]+/[\w.-]+(?:/[\w./-]+)?(?:[@#][\w./*-]+)?$`)
)

// rInstalls reads the calls of R that install packages from forges.
func rInstalls(text string) []clone {
	var found []clone
	line, counted := 1, 0
	for _, at := range rInstall.FindAllStringSubmatchIndex(text, maxItems) {
		line += strings.Count(text[counted:at[0]], "\n")
		counted = at[0]
		start := text[strings.LastIndexByte(text[:at[0]], '\n')+1 : at[0]]
		if strings.Contains(start, "#") {
			continue // a comment
		}
		forge := ""
		if at[2] >= 0 {
			forge = text[at[2]:at[3]]
		}
		ref := ""
		if parts := rRef.FindStringSubmatch(text[at[0]:at[1]]); parts != nil {
			ref = parts[1]
		}
		for _, item := range rText.FindAllStringSubmatch(text[at[4]:at[5]], maxItems) {
			if m, ok := rPackage(forge, item[1]+item[2], ref); ok {
				found = append(found, clone{Mention: m, line: line})
			}
		}
	}
	return found
}

// rPackage is one that is installed from a forge, "" for what its name says.
func rPackage(forge, item, ref string) (m Mention, ok bool) {
	switch {
	case forge == "git":
		m, ok = Mention{URL: item}, isRemote(item)
	case !rName.MatchString(item):
		return Mention{}, false
	case forge != "" && !strings.Contains(item, "::"):
		item = forge + "::" + item
		fallthrough
	default:
		m, ok = rRemote(item)
	}
	if ok && ref != "" {
		m = choice{commit: ref}.mention(m.URL)
	}
	return m, ok
}

// bytesOfStep is how much text costs about as much to search as a step does.
const bytesOfStep = 64

// rCommand reads what a command has R install: "Rscript -e", a script that it
// runs, or the program of rocker's images.
func (sh *shell) rCommand(command []dockerWord) (found []clone) {
	for i, w := range command {
		if strings.Contains(w.text, "install") || strings.Contains(w.text, "pak::") {
			sh.steps += len(w.text) / bytesOfStep
			for _, c := range rInstalls(sh.expand(w.text)) {
				c.line = w.line
				found = append(found, c)
			}
		}
		if i > 0 && path.Base(command[i-1].text) == "Rscript" && strings.EqualFold(path.Ext(w.text), ".R") && sh.calls != nil {
			found = append(found, sh.rScript(w.text)...)
		}
		if i > 0 && path.Base(command[0].text) == "installGithub.r" {
			if m, ok := rPackage("github", sh.expand(w.text), ""); ok {
				found = append(found, clone{Mention: m, line: w.line})
			}
		}
	}
	return found
}

// rScript reads one of the workspace, once.
func (sh *shell) rScript(name string) []clone {
	for _, dir := range sh.calls.around(sh) {
		file := path.Join(dir, name)
		if sh.calls.ran[file] || len(sh.calls.ran) >= maxScriptRuns {
			return nil
		}
		text := sh.calls.open(file)
		if text == "" {
			continue
		}
		sh.calls.ran[file] = true
		found := rInstalls(text)
		for i := range found {
			found[i].File = path.Join(path.Dir(sh.file.Path), file)
		}
		return found
	}
	return nil
}

// rStep reads a step whose shell is R.
func (s *sheet) rStep(script *node) {
	for n, line := range script.lines() {
		for _, found := range rInstalls(line) {
			s.note(n, found.Mention)
		}
	}
}

// rInputs reads the packages that r-lib's action is told to install besides.
func (s *sheet) rInputs(with *node) {
	for _, key := range []string{"packages", "extra-packages"} {
		for item := range strings.FieldsFuncSeq(with.value(key), func(r rune) bool { return strings.ContainsRune(", \t\n", r) }) {
			if m, ok := rPackage("", item, ""); ok {
				s.note(with.lineOf(key), m)
			}
		}
	}
}
