package detect

import (
	"path"
	"regexp"
	"strings"
)

// bitbake knows the sources of Yocto's recipes. A recipe pins a commit, unless
// it asks for AUTOREV: then it follows its branch.
func bitbake() Detector {
	return sheetDetector("BitBake", named("*.bb", "*.bbappend", "*.inc", "*.bbclass"), func(s *sheet) {
		if strings.Contains(s.text, "git://") || strings.Contains(s.text, "gitsm://") || strings.Contains(s.text, "SRCREV") {
			b := &recipe{sheet: s, values: map[string]string{}, left: maxExtends}
			b.read(s.text, "")
			b.finish()
		}
	})
}

var bitbakeAssignment = regexp.MustCompile(`^(?:export\s+)?([\w${}-]+)((?::[\w-]+)*|(?:_[a-z]+)?)\s*(\?\?=|\?=|:=|\+=|=\+|\.=|=\.|=)\s*["'](.*)["']\s*$`)

// recipe is a recipe with the values that matter.
type recipe struct {
	*sheet
	values  map[string]string
	sources []recipeSource
	left    int // files that may be taken in
}

// recipeSource is a word of SRC_URI, with the file that has it, as the recipe
// would name it; "" for the recipe's own.
type recipeSource struct {
	iniLine
	file string
}

// read reads the recipe, or a file that it takes in.
func (r *recipe) read(text, file string) {
	var whole strings.Builder
	start := 0
	for n, line := range numbered(text) {
		if start == 0 {
			if strings.HasPrefix(line, "#") {
				continue
			}
			start = n
		}
		if rest, more := strings.CutSuffix(strings.TrimRight(line, " \t"), `\`); more && whole.Len() < maxURL*100 {
			whole.WriteString(rest + "\n")
			continue
		}
		whole.WriteString(line)
		r.takeIn(line, file)
		r.assignment(strings.TrimSpace(whole.String()), start, file)
		whole.Reset()
		start = 0
	}
}

// takeIn reads a file that lies beside the recipe and is a part of it: the
// source may stand there, and here what it is fetched at.
func (r *recipe) takeIn(line, file string) {
	words := strings.Fields(line)
	if len(words) != 2 || words[0] != "require" && words[0] != "include" || !strings.HasSuffix(words[1], ".inc") {
		return
	}
	if r.left--; r.left < 0 || isComputed(words[1]) {
		return
	}
	name := path.Join(path.Dir(file), words[1])
	r.read(r.beside(name), name)
}

func (r *recipe) assignment(text string, line int, file string) {
	flat := strings.ReplaceAll(text, "\n", " ")
	parts := bitbakeAssignment.FindStringSubmatch(flat)
	if parts == nil {
		return
	}
	name, value := parts[1], parts[4]
	if !strings.HasPrefix(name, "SRC_URI") {
		if strings.Contains(parts[3], "?") && r.values[name] != "" {
			return // a default for what has a value
		}
		r.values[name] = value
		return
	}
	for part := range strings.SplitSeq(text, "\n") {
		_, value, found := strings.Cut(part, `"`)
		if !found {
			value = part
		}
		for _, word := range strings.Fields(strings.ReplaceAll(value, `"`, " ")) {
			r.sources = append(r.sources, recipeSource{iniLine{word, line}, file})
		}
		line++
	}
}

var bitbakeVariable = regexp.MustCompile(`\$\{(\w+)\}`)

func (r *recipe) expand(text string) string {
	for range maxExpansion {
		if !strings.Contains(text, "${") || len(text) > maxURL {
			break
		}
		size := 0
		text = bitbakeVariable.ReplaceAllStringFunc(text, func(match string) string {
			value, ok := r.values[match[2:len(match)-1]]
			if size += len(value); !ok || size > maxURL {
				return match
			}
			return value
		})
	}
	return text
}

// finish takes the sources, at the revisions that the recipe has for them.
func (r *recipe) finish() {
	for _, source := range r.sources {
		words := strings.Split(r.expand(source.text), ";")
		scheme, rest, _ := strings.Cut(words[0], "://")
		if scheme != "git" && scheme != "gitsm" && scheme != "hg" {
			continue
		}
		options := map[string]string{}
		for _, word := range words[1:] {
			key, value, _ := strings.Cut(word, "=")
			options[key] = value
		}
		m := r.revision(options)
		if protocol := options["protocol"]; protocol != "" {
			scheme = protocol
		} else if scheme == "gitsm" {
			scheme = "git"
		}
		if m.Name == "" {
			continue // it stands in another file, and nearly all pin
		}
		m.URL = scheme + "://" + rest
		if strings.HasPrefix(words[0], "hg:") {
			m.VCS, m.Kind = "hg", Any
		}
		if source.file != "" {
			m.File = path.Join(path.Dir(r.file.Path), source.file)
		}
		if isRemote(m.URL) || source.file == "" && isComputed(m.URL) {
			r.note(source.line, m)
		}
	}
}

// revision is what a source is fetched at.
func (r *recipe) revision(options map[string]string) Mention {
	srcrev := options["rev"]
	for _, name := range []string{"SRCREV_" + options["name"], "SRCREV"} {
		if srcrev == "" {
			srcrev = r.values[name]
		}
	}
	tag := options["tag"]
	switch {
	case strings.Contains(srcrev, "AUTOREV"):
		if options["branch"] == "" {
			return Mention{Name: "master", Kind: Branch} // as BitBake has it
		}
		return Mention{Name: options["branch"], Kind: Branch}
	case tag != "":
		return Mention{Name: tag, Kind: Tag}
	}
	return Mention{Name: srcrev, Kind: orCommit(srcrev), TagFirst: true}
}
