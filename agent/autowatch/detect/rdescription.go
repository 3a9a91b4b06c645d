package detect

import "strings"

// rDescriptions knows the field Remotes in DESCRIPTION of R packages.
func rDescriptions() Detector {
	return sheetDetector("r", named("DESCRIPTION"), func(s *sheet) {
		inField := false
		for n, line := range numbered(s.text) {
			if line != "" && line[0] != ' ' && line[0] != '\t' {
				line, inField = strings.CutPrefix(line, "Remotes:")
			}
			if !inField {
				continue
			}
			for item := range strings.SplitSeq(line, ",") {
				if m, ok := rRemote(strings.TrimSpace(item)); ok {
					s.note(n, m)
				}
			}
		}
	})
}

// rRemote reads "owner/name/dir@name", with "github::" or the like before it.
func rRemote(item string) (m Mention, ok bool) {
	if before, after, named := strings.Cut(item, "="); named && !strings.ContainsAny(before, "/:") {
		item = after // package=owner/name
	}
	kind, rest, ok := strings.Cut(item, "::")
	if !ok {
		kind, rest = "github", item
	}
	if kind == "git" {
		m, ok := pipURL("git+" + rest)
		return m, ok
	}
	if repo, number, isPull := strings.Cut(rest, "#"); isPull {
		return Mention{URL: onForge(kind, repo), Name: "refs/pull/" + number + "/head"}, kind == "github" && isDigits(number)
	}
	repo, name, _ := strings.Cut(rest, "@")
	if strings.HasPrefix(name, "*") { // *release
		return Mention{}, false
	}
	if parts := strings.Split(repo, "/"); len(parts) > 2 {
		repo = parts[0] + "/" + parts[1]
	}
	return choice{commit: name}.mention(onForge(kind, repo)), true
}
