package detect

import (
	"regexp"
	"strings"
)

var (
	pipComment = regexp.MustCompile(`(^|\s)#.*$`)
	pipNamed   = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*\s*(\[[^\]]*\])?\s*@\s*`)
	pipEdit    = regexp.MustCompile(`^(-e|--editable)(\s+|=)`)
	// placeholder is an address of pip's manual, which stands for another one, as
	// inputs of tests have it: the hosts that nobody can have (RFC 2606), and one that it had before.
	placeholder = regexp.MustCompile(`(?i)^(\w+://)?([^/@]*@)?([\w-]+\.)*(example\.(com|net|org)|myproject\.org)([:/]|$)`)
)

// requirement is what a requirement of Python names where it is no version but
// a URL of a version control system, such as "name @ git+https://host/o/r@main",
// or of an archive that a forge makes.
// What follows the URL, a marker or an option, needs space or a semicolon before it.
func requirement(line string) (m Mention, ok bool) {
	line = strings.TrimSpace(pipComment.ReplaceAllString(line, ""))
	line = strings.Trim(pipEdit.ReplaceAllString(line, ""), `"', `)
	fields := strings.Fields(pipNamed.ReplaceAllString(line, ""))
	if len(fields) == 0 {
		return Mention{}, false
	}
	url, _, _ := strings.Cut(fields[0], ";")
	if strings.HasPrefix(url, "git://") { // as it was written before there was git+git
		url = "git+" + url
	}
	if m, ok := pipURL(url); ok {
		return m, !placeholder.MatchString(m.URL)
	}
	return archiveFile(url)
}

// requirement notes what a line requires.
func (s *sheet) requirement(line int, text string) {
	if m, ok := requirement(text); ok {
		s.note(line, m)
	}
}
