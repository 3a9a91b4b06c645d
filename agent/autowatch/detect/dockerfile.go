package detect

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// dockerfiles knows the repositories that an image is made of: those of ADD, and
// those that a RUN clones or has pip install, also in a shell script that it
// calls and that the image is given before.
func dockerfiles() Detector {
	wants := anyOf(named("Dockerfile", "dockerfile", "Dockerfile.*", "Dockerfile-*", "Dockerfile_*", "*.Dockerfile", "*.dockerfile", "Containerfile", "Containerfile.*", "*.Dockerfile.j2"), isAmongDockerfiles)
	return sheetDetector("Dockerfile", wants, func(s *sheet) {
		if !beginsImage.MatchString(s.text) {
			return
		}
		d := &dockerfile{sheet: s, values: map[string]string{}}
		d.calls = newScriptCalls(s, ".")
		for line, words := range instructions(s.text) {
			d.instruction(line, words)
		}
		d.noteClones()
	})
}

// isAmongDockerfiles wants what has the name of an image and lies in a directory
// of Dockerfiles.
func isAmongDockerfiles(file string) bool {
	return path.Ext(file) == "" && isBelow(strings.ToLower(file), "dockerfiles", "dockerfile")
}

var beginsImage = regexp.MustCompile(`(?im)^[ \t]*FROM[ \t]`)

// dockerfile is a Dockerfile with what its variables stand for so far.
type dockerfile struct {
	*sheet
	values map[string]string
	cloned []clone // in this stage
	// fetched is the name that was fetched last, of what was cloned last.
	fetched string
	// fetchedAs is the branch here that this made, "" for none.
	fetchedAs string
	remotes   map[string]string // those that were added, with their addresses
	copied    []string          // files and directories that the image is given
	// inContext says that all of the context lies where commands run.
	inContext bool
	calls     *scriptCalls
}

// dockerWord is a word of an instruction with its line.
type dockerWord struct {
	text string
	line int
}

func (d *dockerfile) instruction(line int, words []dockerWord) {
	switch strings.ToUpper(words[0].text) {
	case "FROM":
		d.noteClones()
		d.inContext = false
	case "WORKDIR":
		d.inContext = false
	case "ARG", "ENV":
		d.set(words[1:])
	case "COPY":
		d.copy(words[1:])
	case "ADD":
		d.copy(words[1:])
		for _, w := range words[1:] {
			if m, ok := buildContext(d.expand(w.text)); ok {
				d.note(line, m)
			} else if !slices.ContainsFunc(words, func(w dockerWord) bool { return strings.HasPrefix(w.text, "--checksum") }) {
				d.archive(w)
			}
		}
	case "RUN":
		d.run(words[1:])
	}
}

// set takes "NAME=value NAME2=value", or "NAME value".
func (d *dockerfile) set(words []dockerWord) {
	if len(words) == 2 && !strings.Contains(words[0].text, "=") {
		d.values[words[0].text] = d.expand(words[1].text)
		return
	}
	for _, w := range words {
		if name, value, ok := strings.Cut(w.text, "="); ok {
			d.values[name] = d.expand(value)
		}
	}
}

// copy takes what the image is given of the workspace.
func (d *dockerfile) copy(words []dockerWord) {
	files := copiedFiles(words)
	d.copied = append(d.copied, files...)
	d.inContext = d.inContext || slices.ContainsFunc(files, func(file string) bool { return slices.Contains([]string{".", "./", "Makefile", "GNUmakefile"}, file) })
}

// run reads the commands of one RUN. What one of them clones, another may check
// out, also that of a later RUN; what they set ends with it.
func (d *dockerfile) run(words []dockerWord) {
	set := d.values
	d.values = maps.Clone(set)
	defer func() { d.values = set }()
	summed := slices.ContainsFunc(words, func(w dockerWord) bool { return checksOf.MatchString(w.text) })
	sh := &shell{dockerfile: d, env: set, functions: map[string]*shellFunction{}, place: shellPlace{at: "."}}
	sh.each = func(command []dockerWord) {
		d.command(command, summed)
		for _, found := range sh.rCommand(command) {
			d.note(found.line, found.Mention)
		}
		d.copiedScripts(sh, command)
		d.copiedMakefile(sh, command)
	}
	sh.run(words)
}

// command reads one of a RUN that has a checksum somewhere, or not.
func (d *dockerfile) command(command []dockerWord, summed bool) {
	command = asClone(command)
	if added := d.added(command); len(added) > 0 {
		for _, m := range added {
			d.note(m.line, m.Mention)
		}
		return
	}
	for i, w := range command {
		rest := command[i+1:]
		switch {
		case (w.text == "git" || w.text == "hg") && len(rest) > 0:
			d.cloned = d.vcsCommand(w.text, rest, d.cloned)
			return
		case strings.Contains(w.text, "git+") || strings.Contains(w.text, "hg+"):
			d.requirement(w.line, d.expand(w.text))
		case !summed:
			d.archive(w)
		}
	}
}

// checksOf are the programs that hold what was downloaded against a sum.
var checksOf = regexp.MustCompile(`^(sha\d+sum|md5sum|shasum|b2sum)$`)

// archive takes a word that is the address of an archive which a forge makes, or
// of a file of a branch.
func (d *dockerfile) archive(w dockerWord) {
	address := d.expand(w.text)
	if !strings.Contains(address, "://") {
		return
	}
	m, ok := archiveFile(address)
	if !ok {
		m, ok = downloadedFile(address)
	}
	if ok && !isComputed(m.URL) && !isComputed(m.Name) {
		d.note(w.line, m)
	}
}

// noteClones ends a stage.
func (d *dockerfile) noteClones() {
	for _, c := range d.cloned {
		d.note(c.line, c.Mention)
	}
	d.cloned = nil
}

// clone is a repository that a command clones, with the line where it does.
type clone struct {
	Mention
	line int
	at   string // where it was cloned, as the sheet sees it; "" if that is not known
	into string // the directory there, "" for that of its name
	// shallow says that it has nothing else than what was cloned.
	shallow bool
}

// vcsCommand reads the words behind "git" or "hg". A checkout is taken for one
// of what was cloned last.
func (d *dockerfile) vcsCommand(vcs string, words []dockerWord, cloned []clone) []clone {
	verb, rest := verbOf(words)
	switch verb {
	case "clone":
		d.fetched, d.fetchedAs, d.remotes = "", "", nil
		if c := d.readClone(vcs, rest); (isRemote(c.URL) || isComputed(c.URL)) && !isRepeated(cloned, c) {
			return append(cloned, c)
		}
	case "init":
		d.fetched, d.fetchedAs, d.remotes = "", "", nil
	case "remote":
		d.addRemote(rest)
	case "fetch", "pull":
		return d.fetch(vcs, rest, cloned)
	case "checkout", "reset", "update", "switch":
		name := d.expand(checkedOut(vcs, rest))
		if name == "HEAD" || d.fetched == "" && isComputed(name) && len(cloned) > 0 && cloned[len(cloned)-1].shallow {
			break // where the clone is already, or of what is around it
		}
		if name == "FETCH_HEAD" || name != "" && name == d.fetchedAs {
			name = d.fetched
		}
		if len(cloned) > 0 && name != "" && name != cloned[len(cloned)-1].Name && !isPosition(name) {
			last := &cloned[len(cloned)-1]
			last.Name, last.TagFirst, last.Kind = strings.TrimPrefix(name, "origin/"), vcs == "git", Any
		}
	}
	return cloned
}

// isRepeated tells whether the last clone is tried again, as in a loop that ends
// with the first that succeeds.
func isRepeated(cloned []clone, c clone) bool {
	if len(cloned) == 0 {
		return false
	}
	last := cloned[len(cloned)-1]
	c.File, c.at = last.File, last.at
	return c == last
}

// addRemote reads "add name address", for a repository that is made empty.
func (d *dockerfile) addRemote(words []dockerWord) {
	words = slices.DeleteFunc(slices.Clone(words), func(w dockerWord) bool { return strings.HasPrefix(w.text, "-") })
	if len(words) == 3 && words[0].text == "add" && len(d.remotes) < maxItems {
		if d.remotes == nil {
			d.remotes = map[string]string{}
		}
		d.remotes[words[1].text] = d.expand(words[2].text)
	}
}

// fetch reads "origin branch" behind a clone, or "address branch", also where the
// address was given a name.
func (d *dockerfile) fetch(vcs string, words []dockerWord, cloned []clone) []clone {
	var places []dockerWord
	for i := 0; i < len(words); i++ {
		if w := words[i]; w.text == "--depth" || w.text == "-j" {
			i++
		} else if !strings.HasPrefix(w.text, "-") {
			places = append(places, w)
		}
	}
	if vcs != "git" || len(places) != 2 {
		return cloned
	}
	name, as, _ := strings.Cut(strings.TrimPrefix(d.expand(places[1].text), "+"), ":")
	d.fetched, d.fetchedAs = name, as
	url := d.expand(places[0].text)
	if added := d.remotes[url]; added != "" {
		url = added
	}
	if isRemote(url) {
		return append(cloned, clone{Mention: Mention{VCS: vcs, URL: url, Name: name}, line: places[0].line})
	}
	return cloned
}

// isPosition tells whether a name is none of a remote's: where something is in
// the clone.
func isPosition(name string) bool {
	return strings.HasSuffix(name, "_HEAD") || strings.ContainsAny(name, "~^") || strings.Contains(name, "@{")
}

// checkedOut is what the arguments of a checkout name, "" if that is a branch
// it makes, or files.
func checkedOut(vcs string, words []dockerWord) string {
	for i := 0; i < len(words); i++ {
		switch w := words[i].text; {
		case w == "--":
			return ""
		case vcs == "git" && strings.Contains(" -b -B -c -C --create --orphan ", " "+w+" "):
			i++ // its name here
		case !strings.HasPrefix(w, "-"):
			return w
		}
	}
	return ""
}

// verbOf finds the verb behind options such as "-C directory".
func verbOf(words []dockerWord) (verb string, rest []dockerWord) {
	for i := 0; i < len(words); i++ {
		switch w := words[i].text; {
		case w == "-C" || w == "-c" || w == "--git-dir" || w == "--work-tree":
			i++
		case !strings.HasPrefix(w, "-"):
			return w, words[i+1:]
		}
	}
	return "", nil
}

// withArgument are the options of a clone whose argument is the next word.
const withArgument = " -b --branch -o --origin --depth -c --config -j --jobs --reference --template -u --upload-pack " +
	"--separate-git-dir --shallow-since --shallow-exclude --filter -r --rev --updaterev --server-option --reference-if-able "

// givenLogin is a name and a password for a remote that come from elsewhere.
var givenLogin = regexp.MustCompile(`://[^/@]*\$[^/@]*@`)

// readClone reads the arguments of a clone.
func (d *dockerfile) readClone(vcs string, words []dockerWord) clone {
	c := clone{Mention: Mention{VCS: vcs}}
	for i := 0; i < len(words); i++ {
		option, value, inline := strings.Cut(words[i].text, "=")
		switch {
		case !strings.HasPrefix(option, "-"):
			if c.URL == "" || isUnknownWord(c.URL) && isRemote(words[i].text) {
				c.URL, c.line = givenLogin.ReplaceAllString(d.expand(words[i].text), "://"), words[i].line
			} else {
				c.into = d.expand(words[i].text)
			}
			continue
		case strings.HasPrefix(option, "-b") && len(option) > 2 && option[1] != '-':
			option, value = "-b", option[2:]
		case !inline && strings.Contains(withArgument, " "+option+" ") && i+1 < len(words):
			i++
			value = words[i].text
		}
		switch option {
		case "--depth":
			c.shallow = true
		case "-b", "--branch", "-r", "--rev", "-u", "--updaterev":
			if vcs == "hg" || option == "-b" || option == "--branch" {
				c.Name = d.expand(value)
			}
		}
	}
	return c
}

// isUnknownWord tells whether a word is all of a variable that is not known:
// before the address those are options.
func isUnknownWord(text string) bool {
	return strings.HasPrefix(text, "$") && variableLength(text) == len(text)
}
