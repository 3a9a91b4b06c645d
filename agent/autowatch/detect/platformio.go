package detect

import (
	"regexp"
	"strings"
)

// platformio knows the libraries, platforms and packages that platformio.ini
// names by their repositories.
func platformio() Detector {
	return sheetDetector("PlatformIO", named("platformio.ini"), func(s *sheet) {
		p := &platformioFile{sheet: s, values: map[string]iniOption{}, taken: map[iniLine]bool{}}
		options := iniOptions(s.text)
		for _, o := range options {
			p.values[o.section+"."+o.name] = o
		}
		for _, o := range options {
			switch o.name {
			case "lib_deps", "platform", "platform_packages":
				p.take(o, 0)
			}
		}
	})
}

type platformioFile struct {
	*sheet
	values map[string]iniOption
	taken  map[iniLine]bool
}

var iniReference = regexp.MustCompile(`\$\{([\w:-]+\.\w+)\}`)

// take reads an option, and those whose values it takes over.
func (p *platformioFile) take(o iniOption, depth int) {
	for _, line := range o.lines {
		if p.taken[line] || depth > maxDepth {
			continue
		}
		p.taken[line] = true
		for _, parts := range iniReference.FindAllStringSubmatch(line.text, -1) {
			if other, ok := p.values[parts[1]]; ok {
				p.take(other, depth+1)
			}
		}
		for entry := range strings.SplitSeq(line.text, ",") {
			p.requires(line.line, entry)
		}
	}
}

var namedPackage = regexp.MustCompile(`^[\w./-]+\s*[=@]\s*`)

// requires reads "name=address#ref" or "name @ address#ref", the name being
// optional. PlatformIO clones with --branch.
func (p *platformioFile) requires(line int, entry string) {
	address, _, _ := strings.Cut(namedPackage.ReplaceAllString(strings.TrimSpace(entry), ""), " ")
	if m, ok := archiveFile(address); ok {
		p.note(line, m)
		return
	}
	address, name, _ := strings.Cut(address, "#")
	if looksLikeGit(address) {
		p.note(line, choice{commit: name, branchFirst: true}.mention(gitURL(address)))
	}
}
