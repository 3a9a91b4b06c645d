package detect

import (
	"regexp"
	"strings"
)

// nixFetchers knows what Nix expressions fetch without a sum: fetchGit,
// fetchTarball of an archive that a forge makes, and getFlake. Only texts are understood.
func nixFetchers() Detector {
	return sheetDetector("Nix fetchers", named("*.nix"), func(s *sheet) {
		if !hintOfFetcher.MatchString(s.text) {
			return
		}
		scan := &nixScanner{text: s.text, line: 1}
		for t := scan.next(); t.kind != tokenEnd; {
			fetcher := t
			if t = scan.next(); fetcher.kind != tokenWord {
				continue
			}
			switch fetcher.text[strings.LastIndexByte(fetcher.text, '.')+1:] {
			case "fetchGit":
				s.nixGit(scan.fetched(t))
			case "fetchTarball":
				s.nixTarball(scan.fetched(t))
			case "getFlake", "__getFlake":
				s.nixFlake(scan.fetched(t))
			}
		}
	})
}

var hintOfFetcher = regexp.MustCompile(`fetchGit\b|fetchTarball\b|getFlake\b`)

// nixFlake notes a flake that an expression takes, unless its name is computed.
func (s *sheet) nixFlake(f nixFetched) {
	if in, ok := parseFlakeURL(f.texts["url"]); ok && !strings.Contains(f.texts["url"], "${") {
		in.line = f.line
		s.flakeInput(in)
	}
}

// nixFetched is what a fetcher is told: an address, or a set with texts in it.
type nixFetched struct {
	texts map[string]string
	line  int // of the address
}

// fetched reads what begins at t. Anything else than an address or a set has
// nothing in it.
func (p *nixScanner) fetched(t hclToken) nixFetched {
	f := nixFetched{map[string]string{}, t.line}
	if t.kind == tokenString || t.kind == tokenWord && strings.Contains(t.text, ":") {
		f.texts["url"] = t.text
	}
	if t.kind != tokenOther || t.text != "{" {
		return f
	}
	key, equals := "", false
	for open := 1; open > 0 && t.kind != tokenEnd; {
		t = p.next()
		switch {
		case t.kind == tokenOther && strings.Contains("{([", t.text):
			open++
		case t.kind == tokenOther && strings.Contains("})]", t.text):
			open--
		case open > 1:
		case t.text == ";" || t.text == "=":
			equals = t.text == "="
		case !equals:
			key = t.text
		case f.texts[key] == "":
			f.texts[key] = t.text
			if key == "url" {
				f.line = t.line
			}
		}
	}
	return f
}

func (s *sheet) nixGit(f nixFetched) {
	m := Mention{URL: f.texts["url"], Name: f.texts["ref"]}
	if !isRemote(m.URL) {
		return
	}
	if m.Name != "" && !strings.HasPrefix(m.Name, "refs/") {
		m.Kind = Branch // as Nix has it
	}
	if rev := f.texts["rev"]; rev != "" {
		m.Name, m.Kind = rev, Commit
	}
	s.note(f.line, m)
}

func (s *sheet) nixTarball(f nixFetched) {
	m, ok := archiveFile(f.texts["url"])
	if ok && f.texts["sha256"] == "" && f.texts["narHash"] == "" && !isComputed(m.Name) { // that is nearly always a commit
		s.note(f.line, m)
	}
}
