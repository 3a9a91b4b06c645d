package detect

import (
	"path"
	"regexp"
	"strings"
)

// gemfiles knows Gemfile and its kin. It reads what is written out, and the
// defaults of variables of the environment; both sides of a condition count.
func gemfiles() Detector {
	wants := func(p string) bool {
		base := path.Base(p)
		if strings.HasSuffix(base, ".lock") || strings.HasSuffix(base, ".md") {
			return false
		}
		return strings.HasPrefix(base, "Gemfile") || strings.HasSuffix(base, ".gemfile") || base == "gems.rb" || base == "Appraisals"
	}
	return sheetDetector("bundler", wants, readGemfile)
}

// readGemfile reads it as it is, and again with each variable that a pipeline sets for it.
func readGemfile(s *sheet) {
	all := nested(tokens(s.text, lexis{comment: "#", quotes: `"'`, inner: "#{", wordSigns: "?!"}))
	for _, setting := range append([]gemSetting{{}}, s.gemSettings()...) {
		r := &gemReader{sheet: s, set: setting, vars: map[string]string{}, sources: map[string]gemSource{}, methods: map[string]*gemMethod{}}
		r.group(all)
	}
}

type gemReader struct {
	*sheet
	set     gemSetting // the variable of the environment that is known, if any
	vars    map[string]string
	sources map[string]gemSource // what git_source declares
	methods map[string]*gemMethod
	method  *gemMethod // the last that was begun
	call    int        // the line of a call of a method, while it is carried out
	reads   int        // files that were read
}

// maxMethodGems bounds what a call of a method costs.
const maxMethodGems = 10

// maxGemReads bounds how many files a Gemfile has read.
const maxGemReads = 20

// gemMethod is a method of one argument that asks for gems whose address holds
// the argument.
type gemMethod struct {
	argument string
	gems     []options
}

func (m *gemMethod) holds(o options) bool {
	if m == nil {
		return false
	}
	for _, value := range o.named {
		if len(value) == 1 && strings.Contains(value[0].text, "#{"+m.argument+"}") {
			return true
		}
	}
	return false
}

// define reads def plugin(name).
func (r *gemReader) define(ts []token) {
	r.method = nil
	if len(ts) >= 3 && ts[2].is('(') && len(ts[2].inside) > 0 {
		r.method = &gemMethod{argument: ts[2].inside[0].text}
		r.methods[ts[1].text] = r.method
	}
}

// carryOut notes what a method asks for with this argument.
func (r *gemReader) carryOut(m *gemMethod, argument []token) {
	v, ok := r.value(argument)
	if !ok || r.call > 0 {
		return
	}
	r.call = argument[0].line
	before, had := r.vars[m.argument]
	r.vars[m.argument] = v
	for _, o := range m.gems {
		r.gem(o)
	}
	delete(r.vars, m.argument)
	if had {
		r.vars[m.argument] = before
	}
	r.call = 0
}

// gemSource makes a URL of the value of an option: the expression in text that
// is the name of the block's argument stands for it.
type gemSource struct{ text, argument string }

func (r *gemReader) group(ts []token) {
	for _, phrase := range phrases(ts) {
		r.phrase(phrase)
		for _, t := range phrase {
			if t.inside != nil {
				r.group(t.inside)
			}
		}
	}
}

func (r *gemReader) phrase(ts []token) {
	if len(ts) >= 3 && ts[0].is('w') && ts[1].is('=') && !ts[2].is('=') {
		if v, ok := r.value(ts[2:]); ok {
			r.vars[ts[0].text] = v
		}
		return
	}
	switch ts[0].text {
	case "git_source":
		r.declare(ts)
		return
	case "def":
		r.define(ts)
		return
	}
	for i, t := range ts { // what follows is no part of the arguments
		if t.is('w') && i > 0 && (t.text == "do" || t.text == "if" || t.text == "unless") {
			ts = ts[:i]
			break
		}
	}
	word, args := ts[0], ts[1:]
	if name, _ := cutName(ts); name != "" || !word.is('w') {
		r.gem(readOptions(ts)) // a hash
		return
	}
	if len(args) == 1 && args[0].is('(') {
		args = args[0].inside
	}
	o := readOptions(args)
	if _, known := r.sources[word.text]; (isGemSource(word.text) || known) && len(o.places) > 0 {
		o.named[word.text] = o.places[0] // git "https://…" do
	}
	if m := r.methods[word.text]; m != nil && len(o.places) > 0 {
		r.carryOut(m, o.places[0])
		return
	}
	r.gem(o)
}

func isGemSource(name string) bool {
	switch name {
	case "git", "github", "gitlab", "bitbucket", "gist":
		return true
	}
	return false
}

// declare reads git_source(:acme) { |repo| "https://git.acme.test/#{repo}.git" }.
func (r *gemReader) declare(ts []token) {
	var name string
	var source gemSource
	var look func(ts []token)
	look = func(ts []token) {
		for i, t := range ts {
			switch {
			case t.is(':') && name == "" && i+1 < len(ts):
				name = ts[i+1].text
			case t.is('|') && source.argument == "" && i+1 < len(ts):
				source.argument = ts[i+1].text
			case t.is('s') && source.text == "" && (strings.Contains(t.text, "://") || strings.Contains(t.text, "@")):
				source.text = t.text
			}
			look(t.inside)
		}
	}
	look(ts)
	if name != "" && source.text != "" {
		r.sources[name] = source
	}
}

// value is what is written as a text, as the name of a variable with one, or
// as the default of a variable of the environment.
func (r *gemReader) value(ts []token) (string, bool) {
	switch {
	case len(ts) == 0:
		return "", false
	case len(ts) == 1 && ts[0].is('s'):
		return r.filled(ts[0])
	case len(ts) == 1 && ts[0].text == "nil":
		return "", true
	case len(ts) == 1 && ts[0].is('w'):
		v, ok := r.vars[ts[0].text]
		return v, ok
	case ts[0].text != "ENV" && ts[0].text != "File":
		return "", false
	}
	if text, ok := r.fileRead(ts); ok {
		return text, true
	}
	if asked := askedVariable(ts); asked != "" && asked == r.set.name {
		return r.set.value, true
	}
	last := ts[len(ts)-1]
	if last.is('(') { // ENV.fetch("X", "main")
		if o := readOptions(last.inside); len(o.places) == 2 {
			return r.value(o.places[1])
		}
	}
	if last.is('s') && len(ts) >= 3 && (ts[len(ts)-2].is('|') || ts[len(ts)-2].is(',')) { // ENV["X"] || "main"
		return last.text, !last.computed
	}
	return "", false
}

// askedVariable is the name in ENV["X"] or ENV.fetch("X"), "" for anything else.
func askedVariable(ts []token) string {
	for _, t := range ts[:min(len(ts), 4)] {
		if (t.is('[') || t.is('(')) && len(t.inside) > 0 && t.inside[0].is('s') && ts[0].text == "ENV" {
			return t.inside[0].text
		}
	}
	return ""
}

// fileRead is what a file of the workspace says whose name is written out, as
// in File.read("x").chomp: its only line.
func (r *gemReader) fileRead(ts []token) (string, bool) {
	for i := 0; i+3 < len(ts); i++ {
		if ts[i].text != "File" || ts[i+2].text != "read" || !ts[i+3].is('(') {
			continue
		}
		name, ofFile := pathWritten(ts[i+3].inside)
		if ofFile {
			name = strings.TrimPrefix(name, "../") // from the file itself
		}
		if r.reads++; name == "" || r.reads > maxGemReads {
			return "", false
		}
		text := strings.TrimSpace(r.beside(name))
		return text, text != "" && len(text) <= maxURL && !strings.ContainsAny(text, " \t\n")
	}
	return "", false
}

// pathWritten is the only text in the argument of a call, and whether the path
// begins at the file that is read.
func pathWritten(ts []token) (name string, ofFile bool) {
	for _, t := range ts {
		inner, of := pathWritten(t.inside)
		switch {
		case t.is('s') && !t.computed:
			inner = t.text
		case t.text == "__FILE__":
			of = true
		}
		if inner != "" {
			name = inner
		}
		ofFile = ofFile || of
	}
	return name, ofFile
}

var rubyVariable = regexp.MustCompile(`#\{\w+\}`)

// filled is a text with the variables in it that are known. It tells whether
// nothing else is left to compute.
func (r *gemReader) filled(t token) (string, bool) {
	if !t.computed || len(t.text) > maxURL {
		return t.text, !t.computed
	}
	text := rubyVariable.ReplaceAllStringFunc(t.text, func(v string) string {
		if value, ok := r.vars[v[2:len(v)-1]]; ok {
			return value
		}
		return v
	})
	return text, !strings.Contains(text, "#{") && len(text) <= maxURL
}

// gem notes what the arguments of a gem name.
func (r *gemReader) gem(o options) {
	url, line, ok := r.url(o)
	if line == 0 {
		return
	}
	if r.call > 0 {
		line = r.call
	}
	var c choice
	for key, into := range map[string]*string{"branch": &c.branch, "tag": &c.tag, "ref": &c.commit, "commit": &c.commit} {
		if o.has(key) {
			v, known := r.value(o.named[key])
			*into, ok = v, ok && known
		}
	}
	if !ok && r.call == 0 && r.method.holds(o) && len(r.method.gems) < maxMethodGems {
		r.method.gems = append(r.method.gems, o)
		return
	}
	if !ok {
		r.fail(line, "what is asked for is computed")
		return
	}
	m := c.mention(url)
	if repo, number, isPull := strings.Cut(url, "/pull/"); isPull && m.Name == "" && isDigits(number) {
		m.URL, m.Name = repo, "refs/pull/"+number+"/head"
	}
	if !strings.HasPrefix(m.URL, ".") && !strings.HasPrefix(m.URL, "~") {
		r.note(line, m)
	}
}

// url is the repository that an option names, and its line, 0 if none does.
func (r *gemReader) url(o options) (url string, line int, ok bool) {
	for name, source := range r.sources {
		if o.has(name) {
			v, known := r.value(o.named[name])
			url, exact := source.fill(v)
			if known && !exact && isGemSource(name) {
				break
			}
			return url, o.lineOf(name), known && exact
		}
	}
	for _, name := range []string{"git", "github", "gitlab", "bitbucket", "gist"} {
		if !o.has(name) {
			continue
		}
		v, known := r.value(o.named[name])
		return gemURL(name, v), o.lineOf(name), known
	}
	return "", 0, false
}

// fill puts the value in. It tells whether nothing else is left to compute.
func (g gemSource) fill(value string) (string, bool) {
	if strings.Contains(value, "://") {
		return value, true
	}
	if !strings.Contains(value, "/") && strings.Contains(g.text, "github.com") {
		value += "/" + value
	}
	url := strings.ReplaceAll(g.text, "#{"+g.argument+"}", value)
	return url, !strings.Contains(url, "#{")
}

// gemURL is the repository that Bundler's own options mean.
func gemURL(option, value string) string {
	switch {
	case option == "git" || strings.Contains(value, "://"):
		return gitURL(value)
	case option == "gist":
		return "https://gist.github.com/" + value
	case value != "" && !strings.Contains(value, "/"):
		value += "/" + value
	}
	return onForge(option, value)
}

// gemfileLocks knows Gemfile.lock, which has a section for each repository.
func gemfileLocks() Detector {
	return sheetDetector("bundler-lock", named("Gemfile*.lock", "*.gemfile.lock", "gems.locked"), func(s *sheet) {
		section, line := map[string]string{}, 0
		flush := func() {
			if line > 0 {
				c := choice{branch: section["branch"], tag: section["tag"], commit: section["ref"]}
				m := c.mention(gitURL(section["remote"]))
				if c.commit != "" {
					m.Kind = resolved(c.commit, section["revision"])
					m.TagFirst = m.Kind == Any
				}
				s.note(line, m)
			}
			section, line = map[string]string{}, 0
		}
		inGit := false
		for n, text := range numbered(s.text) {
			key, value, ok := strings.Cut(text, ":")
			switch {
			case text != "" && text[0] != ' ':
				flush()
				inGit = strings.TrimSpace(text) == "GIT"
			case !inGit || !ok || !strings.HasPrefix(key, "  ") || strings.HasPrefix(key, "   "):
			default:
				key = strings.TrimSpace(key)
				section[key] = strings.TrimSpace(value)
				if key == "remote" {
					line = n
				}
			}
		}
		flush()
	})
}
