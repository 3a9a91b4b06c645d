package detect

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// placedOption is an option with the file that it is in, as the file that is
// read would name it.
type placedOption struct {
	iniOption
	file string
}

// developerSources takes the sources of mr.developer that the buildout checks
// out. The others are only there for people to ask for, and a file that asks for
// none is a part of those that do.
func (b *buildoutFile) developerSources() {
	if b.isPart() {
		return
	}
	wanted := b.words("buildout", "auto-checkout", 0) // "*" for all
	section := cmp.Or(b.values["buildout:sources"], "sources")
	last := map[string]int{}
	for i, o := range b.options {
		if o.section == section {
			last[o.name] = i
		}
	}
	for i, o := range b.options {
		if o.section != section || last[o.name] != i || len(o.lines) == 0 || !wanted["*"] && !wanted[o.name] {
			continue
		}
		m := developerSource(strings.Fields(b.expand(section, o.whole())))
		m.File = path.Join(path.Dir(b.file.Path), o.file)
		b.note(o.lines[0].line, m)
	}
}

// isPart tells whether the buildout that is taken by itself extends this file: then it
// says what of the sources here is checked out.
func (b *buildoutFile) isPart() bool {
	file := path.Base(b.file.Path)
	if file == "buildout.cfg" {
		return false
	}
	for _, o := range iniOptions(b.beside("buildout.cfg")) {
		if o.section == "buildout" && o.name == "extends" && slices.Contains(strings.Fields(o.whole()), file) {
			return true
		}
	}
	return false
}

// maxListed bounds the words that lists of a buildout are put together of.
const maxListed = 100_000

// words are those of a list, which may have lists in it: "${section:option}".
func (b *buildoutFile) words(section, option string, depth int) map[string]bool {
	words := map[string]bool{}
	for _, i := range b.places[section+":"+option] {
		o := b.options[i]
		if b.wordsLeft--; b.wordsLeft < 0 {
			return words
		}
		if o.sign == "=" {
			clear(words)
		}
		for _, word := range strings.Fields(o.whole()) {
			if b.wordsLeft--; b.wordsLeft < 0 {
				return words
			}
			list := map[string]bool{strings.ToLower(word): true}
			if parts := buildoutVariable.FindStringSubmatch(word); parts != nil && depth < maxExpansion {
				list = b.words(cmp.Or(parts[1], section), strings.ToLower(parts[2]), depth+1)
			}
			for each := range list {
				words[each] = o.sign != "-="
			}
		}
	}
	return words
}

// developerSource reads "git URL branch=x rev=y", as mr.developer has it.
func developerSource(words []string) (m Mention) {
	if len(words) < 2 || words[0] != "git" && words[0] != "hg" {
		return Mention{}
	}
	m = Mention{VCS: words[0], URL: words[1]}
	for _, word := range words[2:] {
		switch key, value, _ := strings.Cut(word, "="); key {
		case "branch":
			m.Name, m.Kind = value, Branch
		case "rev", "tag":
			m.Name, m.Kind, m.TagFirst = value, Any, true
		}
		if m.Kind == Any && m.TagFirst {
			break // pinned, whatever the branch
		}
	}
	if m.VCS == "hg" {
		m.Kind, m.TagFirst = Any, false
	}
	return m
}
