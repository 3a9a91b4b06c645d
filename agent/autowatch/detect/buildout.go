package detect

import (
	"path"
	"regexp"
	"strings"
)

// buildout knows what zc.buildout fetches: with gp.vcsdevelop, with mr.developer,
// and with the recipes for Odoo, whose parts have a version, addons, merges and
// revisions. What a part is made of in another file, which this one extends, is
// for that file to tell, unless it is changed here. Files that it extends from
// a forge are followed like their repository.
func buildout() Detector {
	return sheetDetector("buildout", named("*.cfg"), func(s *sheet) {
		if !hintOfBuildout.MatchString(s.text) {
			return
		}
		b := &buildoutFile{sheet: s, values: map[string]string{}, places: map[string][]int{}, left: maxExtends, wordsLeft: maxListed, sections: map[string]*odooPart{}}
		own := iniOptions(s.text)
		b.extend(path.Base(s.file.Path), own)
		for _, o := range own {
			if o.sign != "-=" {
				b.option(o)
			}
		}
		b.developerSources()
		b.finish()
	})
}

var hintOfBuildout = regexp.MustCompile(`(?m)^\[(buildout|sources|remotes)\]|^recipe *=|^(vcs-extend-develop|addons|merges|revisions|extends) *\+?=`)

// maxExtends bounds the files that are extended, also through others.
const maxExtends = 30

// buildoutFile is a file with the values that it takes from those it extends.
type buildoutFile struct {
	*sheet
	values   map[string]string // of "section:option"
	options  []placedOption    // of all the files, what is extended first
	places   map[string][]int  // in options, of "section:option"
	sections map[string]*odooPart
	usual    *buildoutFile // the one that is taken by itself, once it was needed
	left     int           // files to extend

	wordsLeft int
}

// extend takes the values of options, after those of the files that they extend.
// file is where they are written.
func (b *buildoutFile) extend(file string, options []iniOption) {
	for _, o := range options {
		if o.section != "buildout" || o.name != "extends" {
			continue
		}
		for _, line := range o.lines {
			for _, name := range strings.Fields(line.text) {
				b.extendFile(path.Join(path.Dir(file), name), name)
			}
		}
	}
	for _, o := range options {
		b.set(o)
		name := o.section + ":" + o.name
		b.places[name] = append(b.places[name], len(b.options))
		b.options = append(b.options, placedOption{o, file})
	}
}

func (b *buildoutFile) extendFile(name, written string) {
	if b.left--; b.left < 0 || strings.Contains(written, "://") || isComputed(written) {
		return
	}
	if text := b.beside(name); text != "" {
		options := iniOptions(text)
		b.extend(name, options)
		for _, o := range options {
			if o.sign != "-=" {
				b.odoo(o, false)
			}
		}
	}
}

func (b *buildoutFile) set(o iniOption) {
	if len(o.lines) == 1 && o.sign == "=" { // the others are lists, which nothing is made of
		b.values[o.section+":"+o.name] = o.lines[0].text
	}
}

var buildoutVariable = regexp.MustCompile(`\$\{([\w.-]*):([\w.-]+)\}`)

// expand puts values in, those of the section for "${:option}".
func (b *buildoutFile) expand(section, text string) string {
	for range maxExpansion {
		if !strings.Contains(text, "${") || len(text) > maxURL {
			break
		}
		size := 0
		expanded := buildoutVariable.ReplaceAllStringFunc(text, func(match string) string {
			parts := buildoutVariable.FindStringSubmatch(match)
			if parts[1] == "" {
				parts[1] = section
			}
			value, ok := b.value(parts[1] + ":" + strings.ToLower(parts[2]))
			if size += len(value); !ok || size > maxURL {
				return match
			}
			return value
		})
		if expanded == text {
			break
		}
		text = expanded
	}
	return text
}

// value is that of "section:option". A file that does not extend what it needs
// is used together with the buildout that is taken by itself.
func (b *buildoutFile) value(name string) (string, bool) {
	if value, ok := b.values[name]; ok || path.Base(b.file.Path) == "buildout.cfg" {
		return value, ok
	}
	if b.usual == nil {
		b.usual = &buildoutFile{sheet: b.sheet, values: map[string]string{}, places: map[string][]int{}, left: maxExtends, sections: map[string]*odooPart{}}
		b.usual.extend("buildout.cfg", iniOptions(b.beside("buildout.cfg")))
	}
	value, ok := b.usual.values[name]
	return value, ok
}

// option reads an option of the file itself.
func (b *buildoutFile) option(o iniOption) {
	switch {
	case o.name == "vcs-extend-develop" || o.section == "buildout" && o.name == "develop":
		for _, line := range o.lines {
			b.requirement(line.line, b.expand(o.section, line.text))
		}
	case o.section == "buildout" && o.name == "extends":
		for _, line := range o.lines {
			m, _ := rawFile(line.text)
			b.note(line.line, m)
		}
	default:
		b.odoo(o, true)
	}
}
