package detect

import "strings"

// mesonWraps knows the subprojects that Meson fetches from git or Mercurial.
func mesonWraps() Detector {
	return sheetDetector("Meson wrap", named("*.wrap"), func(s *sheet) {
		var m Mention
		line := 0
		for _, o := range iniOptions(s.text) {
			vcs, ok := strings.CutPrefix(o.section, "wrap-")
			if !ok || vcs != "git" && vcs != "hg" || len(o.lines) == 0 {
				continue
			}
			m.VCS = vcs
			switch o.name {
			case "url":
				m.URL, line = o.lines[0].text, o.lines[0].line
			case "revision":
				m.Name = o.lines[0].text
			}
		}
		if strings.EqualFold(m.Name, "head") || m.VCS == "hg" && m.Name == "tip" {
			m.Name = ""
		}
		s.note(line, m)
	})
}
