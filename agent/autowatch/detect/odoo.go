package detect

import (
	"path"
	"strings"
)

// odooPart is a part of a buildout that is made of repositories.
type odooPart struct {
	places    []odooPlace
	urls      map[string]string  // by directory
	revisions map[string]iniLine // by directory, "" for the main software
}

// odooPlace is a repository with the directory that it is fetched into.
type odooPlace struct {
	Mention
	dir  string
	line int  // where it stands, if in this file
	main bool // it is the main software
	ours bool // it stands in this file
}

// odoo reads an option of a part, as it stands in this file (ours) or in one
// that it extends.
func (b *buildoutFile) odoo(o iniOption, ours bool) {
	switch o.name {
	case "version", "addons", "merges", "revisions":
	default:
		return
	}
	part := b.sections[o.section]
	if part == nil {
		part = &odooPart{urls: map[string]string{}, revisions: map[string]iniLine{}}
		b.sections[o.section] = part
	}
	for _, line := range o.lines {
		words := strings.Fields(b.expand(o.section, line.text))
		switch {
		case o.name != "revisions":
			part.add(o, words, line.line, ours)
		case len(words) == 1:
			part.revise("", words[0], line.line, ours)
		case len(words) > 1:
			part.revise(path.Clean(words[0]), words[1], line.line, ours)
		}
	}
}

// add takes "git URL directory ref", for a merge also with "origin" for the URL
// of that directory.
func (p *odooPart) add(o iniOption, words []string, line int, ours bool) {
	if len(words) < 4 || words[0] != "git" && words[0] != "hg" {
		return
	}
	place := odooPlace{dir: path.Clean(words[2]), line: line, main: o.name == "version", ours: ours}
	place.Mention = Mention{VCS: words[0], URL: words[1], Name: words[3]}
	if o.name == "merges" {
		if !isRemote(place.URL) && !strings.Contains(place.URL, "/") {
			place.URL = p.urls[place.dir]
		}
		place.dir = "\x00" // no revision is meant for it
	} else {
		p.urls[place.dir] = place.URL
	}
	p.places = append(p.places, place)
}

func (p *odooPart) revise(dir, name string, line int, ours bool) {
	if !ours {
		line = 0
	}
	p.revisions[dir] = iniLine{name, line}
}

// finish takes what the parts are made of, at the revisions that they are set to.
func (b *buildoutFile) finish() {
	for _, part := range b.sections {
		for _, place := range part.places {
			line := place.line
			set, ok := part.revisions[place.dir]
			if !ok && place.main {
				set, ok = part.revisions[""]
			}
			if ok {
				place.Name, place.TagFirst = set.text, true
			}
			if !place.ours && set.line > 0 {
				place.ours, line = true, set.line // changed here
			}
			if place.ours {
				b.note(line, place.Mention)
			}
		}
	}
}
