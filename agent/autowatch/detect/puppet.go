package detect

import (
	"regexp"
	"strings"
)

// puppetManifests knows what manifests of Puppet check out with vcsrepo, and the
// files of branches that they download.
func puppetManifests() Detector {
	wants := func(file string) bool {
		return strings.HasSuffix(file, ".pp") && !isBelow(file, "examples", "tests", "spec")
	}
	return sheetDetector("Puppet", wants, func(s *sheet) {
		if !hintOfPuppet.MatchString(s.text) {
			return
		}
		flat := tokens(s.text, lexis{comment: "#", quotes: `"'`, inner: "${", wordSigns: "$"})
		p := &puppetManifest{sheet: s, vars: map[string]string{}}
		p.assignments(flat)
		p.resources(nested(flat))
	})
}

var hintOfPuppet = regexp.MustCompile(`\bvcsrepo\b|https?://(raw\.)?git`)

type puppetManifest struct {
	*sheet
	vars map[string]string // "" where there are several values
}

// assignments takes the variables, and the parameters with defaults, that are
// texts. One that has several values is not known.
func (p *puppetManifest) assignments(ts []token) {
	for i := 0; i+2 < len(ts); i++ {
		name, isVariable := strings.CutPrefix(ts[i].text, "$")
		if !ts[i].is('w') || !isVariable || !ts[i+1].is('=') || !ts[i+2].is('s') {
			continue
		}
		value, ok := p.text(ts[i+2 : i+3])
		if before, known := p.vars[name]; !ok || known && before != value {
			value = ""
		}
		p.vars[name] = value
	}
}

var puppetVariable = regexp.MustCompile(`\$\{\w+\}`)

// text is a value that is written out, or a variable's that is.
func (p *puppetManifest) text(value []token) (string, bool) {
	if len(value) != 1 {
		return "", len(value) == 0
	}
	t := value[0]
	switch name, isVariable := strings.CutPrefix(t.text, "$"); {
	case t.is('w') && isVariable:
		return p.vars[name], p.vars[name] != ""
	case t.is('s') && t.computed && len(t.text) <= maxURL:
		text := puppetVariable.ReplaceAllStringFunc(t.text, func(v string) string {
			if known := p.vars[v[2:len(v)-1]]; known != "" {
				return known
			}
			return v
		})
		return text, len(text) <= maxURL && !strings.Contains(text, "${")
	}
	return t.text, !t.computed
}

// resources reads "vcsrepo { '/srv/x': source => …, }" wherever it stands.
func (p *puppetManifest) resources(ts []token) {
	for i, t := range ts {
		if i > 0 && t.is('{') && ts[i-1].is('w') {
			p.resource(ts[i-1].text, t.inside)
		}
		p.resources(t.inside)
	}
}

func (p *puppetManifest) resource(kind string, body []token) {
	for i, t := range body {
		if t.is(':') { // the title is before it
			body = body[i+1:]
			break
		}
	}
	o := readOptions(body)
	if !o.has("source") {
		return
	}
	switch kind {
	case "vcsrepo":
		p.checkout(o)
	case "file", "archive":
		p.download(o)
	}
}

func (p *puppetManifest) checkout(o options) {
	line := o.lineOf("source")
	ensure, _ := p.text(o.named["ensure"])
	provider, _ := p.text(o.named["provider"])
	url, known := p.text(o.named["source"])
	name, named := p.text(o.named["revision"])
	switch {
	case ensure == "absent" || provider != "git" && provider != "hg" && (provider != "" || !looksLikeGit(url)):
	case !known || !named:
		p.fail(line, "what is asked for is computed")
	case isRemote(url):
		p.note(line, Mention{VCS: provider, URL: url, Name: name})
	}
}

// download reads where a file comes from. One with its sum beside it stays what it is.
func (p *puppetManifest) download(o options) {
	url, known := p.text(o.named["source"])
	if !known || o.has("checksum") || o.has("checksum_value") {
		return
	}
	if m, ok := forgeFile(url); ok {
		p.note(o.lineOf("source"), m)
	}
}

var (
	puppetModuleDir = regexp.MustCompile(`(?m)^[ \t]*moduledir[ \t(]+["']([^"'\n]+)["']`)
	puppetModule    = regexp.MustCompile(`(?m)^[ \t]*mod[ \t(]+["'](?:[\w-]+[/-])?(\w+)["']`)
)

// maxPuppetModules bounds how many modules of a Puppetfile count.
const maxPuppetModules = 1000

// PuppetModules are the directories, from that of a Puppetfile, that the modules
// it names are put into: other people's files, where they are kept with the rest.
func PuppetModules(puppetfile string) []string {
	dir := "modules"
	if parts := puppetModuleDir.FindStringSubmatch(puppetfile); parts != nil {
		dir = parts[1]
	}
	var dirs []string
	for _, parts := range puppetModule.FindAllStringSubmatch(puppetfile, maxPuppetModules) {
		dirs = append(dirs, dir+"/"+parts[1])
	}
	return dirs
}
