package detect

import (
	"path"
	"strings"
)

// mxdev knows the packages of mxdev, which came after mr.developer.
func mxdev() Detector {
	return sheetDetector("mxdev", named("mx.ini"), func(s *sheet) {
		x := &mxdevFile{sheet: s, settings: map[string]string{}, packages: map[string]*mxdevPackage{}, left: maxExtends}
		x.read(path.Base(s.file.Path), s.text)
		for _, p := range x.packages {
			p.URL = settingsInto(p.URL, x.settings)
			use := p.use
			if use == "" {
				use = x.settings["default-use"]
			}
			if p.VCS == "git" && !strings.EqualFold(use, "false") {
				s.note(p.Line, p.Mention)
			}
		}
	})
}

// mxdevFile is a configuration with what it includes.
type mxdevFile struct {
	*sheet
	settings map[string]string
	packages map[string]*mxdevPackage
	left     int
}

type mxdevPackage struct {
	Mention
	use string
}

// read takes the options of a file, after those of the files that it includes.
func (x *mxdevFile) read(file, text string) {
	options := iniOptions(text)
	for _, o := range options {
		if o.section != "settings" || o.name != "include" {
			continue
		}
		for _, name := range strings.Fields(o.whole()) {
			if x.left--; x.left >= 0 && !strings.Contains(name, "://") {
				name = path.Join(path.Dir(file), name)
				x.read(name, x.beside(name))
			}
		}
	}
	for _, o := range options {
		if len(o.lines) > 0 {
			x.option(file, o)
		}
	}
}

func (x *mxdevFile) option(file string, o iniOption) {
	value := o.lines[0]
	if o.section == "settings" {
		x.settings[o.name] = value.text
		return
	}
	p := x.packages[o.section]
	if p == nil {
		p = &mxdevPackage{Mention: Mention{VCS: "git", Name: "main", Kind: Branch}} // as mxdev has it
		x.packages[o.section] = p
	}
	switch o.name {
	case "url":
		p.URL, p.Line, p.File = value.text, value.line, path.Join(path.Dir(x.file.Path), file)
	case "branch":
		p.Name = value.text
	case "vcs":
		p.VCS = value.text
	case "use":
		p.use = value.text
	}
}

func settingsInto(url string, settings map[string]string) string {
	return buildoutVariable.ReplaceAllStringFunc(url, func(match string) string {
		parts := buildoutVariable.FindStringSubmatch(match)
		if value, ok := settings[strings.ToLower(parts[2])]; ok && parts[1] == "settings" && len(value) < maxURL {
			return value
		}
		return match
	})
}
