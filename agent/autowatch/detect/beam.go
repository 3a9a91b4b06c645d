package detect

import (
	"path"
	"strings"
)

// mixFiles knows mix.exs and mix.lock of Elixir.
func mixFiles() Detector {
	return sheetDetector("mix", named("mix.exs", "mix.lock"), func(s *sheet) {
		if s.isFetched("mix.exs") {
			return
		}
		all := nested(tokens(s.text, lexis{comment: "#", quotes: `"`, triple: true, inner: "#{", wordSigns: "?!"}))
		r := &mixReader{sheet: s, attributes: map[string]string{}}
		r.group(all)
	})
}

// isFetched tells whether the file is one of a dependency: they are fetched to
// deps/NAME beside the manifest.
func (s *sheet) isFetched(manifest string) bool {
	above := path.Dir(path.Dir(s.file.Path))
	return path.Base(above) == "deps" && s.beside("../../"+manifest) != ""
}

type mixReader struct {
	*sheet
	attributes map[string]string // @branch "main"
}

func (r *mixReader) group(ts []token) {
	for i, t := range ts {
		if t.is('@') && i+2 < len(ts) && ts[i+1].is('w') && ts[i+2].is('s') && !ts[i+2].computed {
			r.attributes[ts[i+1].text] = ts[i+2].text
		}
		if t.is('{') && len(t.inside) > 2 && t.inside[0].is(':') && t.inside[2].is(',') {
			r.tuple(readOptions(t.inside), t.inside[1].text)
		}
		if t.is('[') { // the options of a dependency that a function returns
			r.tuple(readOptions(t.inside), "")
		}
		r.group(t.inside)
	}
}

// tuple reads {:name, git: "https://…", branch: "main"} and, of the lock,
// {:git, "https://…", "commit", [branch: "main"]}.
func (r *mixReader) tuple(o options, first string) {
	for _, place := range o.places {
		if len(place) == 1 && place[0].is('[') {
			for name, value := range readOptions(place[0].inside).named {
				o.named[name] = value
			}
		}
	}
	var url string
	var line int
	var ok bool
	switch {
	case first == "git" && len(o.places) > 2:
		url, ok = r.value(o.places[1])
		line = o.line
	case o.has("git"):
		url, ok = r.value(o.named["git"])
		line = o.lineOf("git")
	case o.has("github"):
		url, ok = r.value(o.named["github"])
		url, line = onForge("github", url), o.lineOf("github")
	default:
		return
	}
	var c choice
	for key, into := range map[string]*string{"branch": &c.branch, "tag": &c.tag, "ref": &c.commit} {
		if o.has(key) {
			v, known := r.value(o.named[key])
			*into, ok = v, ok && known
		}
	}
	if !ok {
		r.fail(line, "what is asked for is computed")
		return
	}
	r.note(line, c.mention(gitURL(url)))
}

func (r *mixReader) value(ts []token) (string, bool) {
	switch {
	case len(ts) == 1 && ts[0].is('s'):
		return ts[0].text, !ts[0].computed
	case len(ts) == 2 && ts[0].is('@'):
		v, ok := r.attributes[ts[1].text]
		return v, ok
	}
	return "", false
}

// rebarFiles knows rebar.config and rebar.lock of Erlang.
func rebarFiles() Detector {
	return sheetDetector("rebar", named("rebar.config", "rebar.lock"), func(s *sheet) {
		if s.isFetched("mix.exs") || s.isFetched("rebar.config") {
			return
		}
		s.rebarGroup(nested(tokens(s.text, lexis{comment: "%", quotes: `"`})))
	})
}

// rebarGroup looks for {git, "https://…", {branch, "main"}}.
func (s *sheet) rebarGroup(ts []token) {
	for _, t := range ts {
		o := readOptions(t.inside)
		if t.is('{') && len(o.places) >= 2 && len(o.places[0]) == 1 && strings.HasPrefix(o.places[0][0].text, "git") && o.places[1][0].is('s') {
			var c choice
			if len(o.places) > 2 {
				c = rebarChoice(o.places[2])
			}
			s.note(o.places[1][0].line, c.mention(gitURL(o.places[1][0].text)))
		}
		s.rebarGroup(t.inside)
	}
}

func rebarChoice(ts []token) choice {
	if ts[0].is('s') {
		return choice{name: ts[0].text}
	}
	o := readOptions(ts[0].inside)
	if len(o.places) != 2 || !o.places[1][0].is('s') {
		return choice{}
	}
	name := o.places[1][0].text
	switch o.places[0][0].text {
	case "branch":
		return choice{branch: name}
	case "tag":
		return choice{tag: name}
	}
	return choice{commit: name}
}
