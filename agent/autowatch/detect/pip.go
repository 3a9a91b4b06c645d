package detect

import (
	"path"
	"regexp"
	"strings"
)

// pipRequirements knows the files of requirements and constraints of pip, and
// what pip-tools makes them from.
func pipRequirements() Detector {
	return sheetDetector("pip", isRequirements, func(s *sheet) {
		first := 0
		var joined strings.Builder
		for n, line := range numbered(s.text) {
			if joined.Len() == 0 {
				first = n
			}
			before, goesOn := strings.CutSuffix(line, "\\")
			joined.WriteString(before + " ")
			if goesOn && !strings.HasPrefix(strings.TrimSpace(line), "#") {
				continue
			}
			s.requirementLine(first, joined.String())
			joined.Reset()
		}
		s.requirementLine(first, joined.String())
	})
}

var pipIncluded = regexp.MustCompile(`^\s*(?:-[rc]|--requirement|--constraint)[\s=]*["']?(https?://\S+?)["']?(?:\s|$)`)

// requirementLine reads a requirement, or the option that takes more of them
// from a file on a forge.
func (s *sheet) requirementLine(line int, text string) {
	if parts := pipIncluded.FindStringSubmatch(text); parts != nil {
		m, _ := rawFile(parts[1])
		s.note(line, m)
		return
	}
	s.requirement(line, text)
}

func isRequirements(p string) bool {
	base := strings.TrimSuffix(strings.ToLower(path.Base(p)), ".j2")
	switch path.Ext(base) {
	case ".txt", ".in", ".pip":
	default:
		return false
	}
	if strings.Contains(base, "requirement") || strings.Contains(base, "constraint") || base == "github.txt" { // as Open edX has it
		return true
	}
	for dir := range strings.SplitSeq(path.Dir(p), "/") {
		switch strings.ToLower(dir) {
		case "requirements", "requirement", "reqs", "constraints":
			return true
		}
	}
	return base == "pip.txt" && path.Base(path.Dir(p)) == "dependencies" // as Doodba has it
}

var (
	iniAbout  = regexp.MustCompile(`(?i)^(download[-_]url|url|home[-_]page)\s*[=:]`)
	iniKey    = regexp.MustCompile(`^[\w.-]+\s*[=:]\s*`)
	toxFactor = regexp.MustCompile(`^[\w,{}!.-]+\s*:\s+`)
)

// pythonIni knows setup.cfg and tox.ini. A line that is a requirement is taken
// for one whatever section it is in: nothing else is written like that.
func pythonIni() Detector {
	return sheetDetector("setup.cfg", named("setup.cfg", "tox.ini"), func(s *sheet) {
		tests := path.Base(s.file.Path) == "tox.ini"
		values := map[string]string{}
		if tests {
			values = toxSections(s.text)
		}
		for n, line := range numbered(s.text) {
			if tests {
				line = toxLine(line, values)
			}
			s.iniRequirement(n, line)
			if tests {
				s.iniFile(n, line)
				s.toxCommand(n, line)
			}
		}
	})
}

var iniAddress = regexp.MustCompile(`https?://[^\s"'{}$<>]+`)

// iniFile reads the files of branches that the tests are told to download, such
// as the images which they compare with. What of the path is computed does not matter.
func (s *sheet) iniFile(n int, line string) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' || line[0] == ';' || iniAbout.MatchString(line) {
		return
	}
	for _, address := range iniAddress.FindAllString(line, maxAddresses) {
		if m, ok := rawFile(address); ok {
			s.note(n, m)
		}
	}
}

// maxAddresses bounds how many are read of one line.
const maxAddresses = 20

var beginsAddress = regexp.MustCompile(`^(?:-e\s+)?(?:git\+|hg\+|git:|https?:)`)

func (s *sheet) iniRequirement(n int, line string) {
	line = strings.ReplaceAll(strings.TrimSpace(line), `\#`, "#") // as tox has it
	if line == "" || line[0] == '#' || line[0] == ';' || iniAbout.MatchString(line) {
		return
	}
	if !beginsAddress.MatchString(line) {
		line = toxFactor.ReplaceAllString(iniKey.ReplaceAllString(line, ""), "")
	}
	s.requirement(n, line)
}

// mayRequire is what an address among texts has where it is a requirement: one
// of an archive alone may only be where the project's own releases are.
var mayRequire = regexp.MustCompile(`\+|git:|@\s*https?://|#egg=`)

// setupScripts knows setup.py and the sessions of Nox, of which it reads the texts.
func setupScripts() Detector {
	return sheetDetector("setup.py", named("setup.py", "noxfile.py"), func(s *sheet) {
		all := tokens(s.text, lexis{comment: "#", quotes: `"'`, triple: true})
		for i, t := range all {
			if !t.is('s') || len(t.text) > maxURL || !mayRequire.MatchString(t.text) {
				continue
			}
			m, ok := requirement(t.text)
			formatted := i > 0 && all[i-1].is('w') && strings.ContainsAny(all[i-1].text, "fF") && !t.spaced
			formatted = formatted && strings.Contains(t.text, "{") || i+1 < len(all) && all[i+1].is('%') ||
				i+2 < len(all) && all[i+1].is('.') && all[i+2].text == "format"
			switch {
			case ok && formatted:
				s.fail(t.line, "the address is computed")
			case ok:
				s.note(t.line, m)
			}
		}
	})
}

// condaEnvironments knows environment.yml, and in it what pip is to install.
func condaEnvironments() Detector {
	return sheetDetector("conda", named("*environment*.yml", "*environment*.yaml"), func(s *sheet) {
		if !strings.Contains(s.text, "pip:") {
			return // most files of the name are none of Conda's
		}
		for _, root := range s.yamlTrees() {
			for _, item := range root.at("dependencies").list() {
				for _, required := range item.at("pip").list() {
					s.requirement(required.line, required.text)
				}
			}
		}
	})
}
