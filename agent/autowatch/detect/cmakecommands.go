package detect

import (
	"path"
	"regexp"
	"strings"
)

var (
	cmakeCommand = regexp.MustCompile(`^(?:COMMAND|(?:DOWNLOAD|UPDATE|PATCH|CONFIGURE|BUILD|INSTALL|TEST)_COMMAND)$`)
	cmakeKeyword = regexp.MustCompile(`^[A-Z]{4,}(?:_[A-Z]+)*$`)
	cmakeGit     = regexp.MustCompile(`^\$\{(?:GIT|Git|git)(?:_EXECUTABLE)?\}$`)
	cmakeHere    = regexp.MustCompile(`^\$\{CMAKE_CURRENT_(?:SOURCE|LIST)_DIR\}/`)
	cmakeTop     = regexp.MustCompile(`^\$\{(?:CMAKE|PROJECT)_SOURCE_DIR\}/`)
)

// download notes file(DOWNLOAD …) of what a branch has, unless its sum is there.
func (r *cmakeReader) download(args []token) {
	address, line := r.after(args, "DOWNLOAD")
	_, hash := r.after(args, "EXPECTED_HASH")
	_, md5 := r.after(args, "EXPECTED_MD5")
	if m, ok := forgeFile(address); ok && hash+md5 == 0 {
		r.note(line, m)
	}
}

// run reads what execute_process, ExternalProject_Add and others of their kind run:
// each COMMAND goes to the next keyword.
func (r *cmakeReader) run(args []token) {
	var words []dockerWord
	inside, first := false, false
	for _, t := range args {
		switch {
		case t.is('w') && cmakeCommand.MatchString(t.text):
			words = append(words, dockerWord{";", t.line})
			inside, first = true, true
		case t.is('w') && cmakeKeyword.MatchString(t.text), first && t.text == "${CMAKE_COMMAND}":
			inside = false
		case inside:
			words = append(words, dockerWord{r.word(t.text, first), t.line})
			first = false
		}
	}
	if len(words) > 1 {
		sh := newShell(r.sheet, nil, r.calls)
		sh.run(words)
		sh.flush()
	}
}

// word is one of a command as a shell has it that stands where the file is.
func (r *cmakeReader) word(text string, first bool) string {
	if text = r.expand(text); first && cmakeGit.MatchString(text) {
		return "git"
	}
	text = cmakeHere.ReplaceAllString(text, "./")
	top := strings.Repeat("../", strings.Count(path.Clean(r.sheet.file.Path), "/"))
	return cmakeTop.ReplaceAllString(text, "./"+top)
}
