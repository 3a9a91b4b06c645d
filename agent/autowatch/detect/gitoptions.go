package detect

import (
	"cmp"
	"regexp"
	"strings"
)

// added is what a command of a package manager or another tool fetches from git.
func (d *dockerfile) added(command []dockerWord) []clone {
	if m, ok := d.addedFromGit(command); ok {
		return []clone{m}
	}
	if found := d.toolFetches(command); len(found) > 0 {
		return found
	}
	return d.juliaPackages(command)
}

// addedFromGit reads the command of a package manager that adds or installs a
// package from a repository, named by options or by its path, or a plugin.
func (d *dockerfile) addedFromGit(command []dockerWord) (m clone, ok bool) {
	for i := 0; i+1 < len(command); i++ {
		rest := command[i+2:]
		switch command[i].text + " " + command[i+1].text {
		case "bundle add", "cargo add", "cargo install", "cargo binstall":
			return d.gitOptions(rest)
		case "go install", "go get", "go run":
			return d.goPackage(rest)
		case "asdf plugin":
			if len(rest) > 0 && rest[0].text == "add" {
				return d.plugin(rest[1:])
			}
		case "asdf plugin-add":
			return d.plugin(rest)
		case "helm plugin":
			if len(rest) > 0 && (rest[0].text == "install" || rest[0].text == "add") {
				return d.helmPlugin(rest[1:])
			}
		case "bench init":
			return d.benchInit(rest)
		case "bench get-app":
			return d.benchApp(rest)
		case "jb install":
			return d.jsonnetPackage(rest)
		case "kurtosis run":
			return d.kurtosisPackage(rest)
		case "buf breaking":
			return d.comparison(rest)
		}
		if cookiecutter.MatchString(command[i].text) {
			return d.template(command[i+1:])
		}
	}
	return clone{}, false
}

var goVersion = regexp.MustCompile(`^(v\d.*|latest|upgrade|patch|none|)$`)

// goPackage reads "module/path@branch": versions do not move.
func (d *dockerfile) goPackage(words []dockerWord) (m clone, ok bool) {
	for _, w := range words {
		module, name, _ := strings.Cut(d.expand(w.text), "@")
		if url := moduleURL(module); url != "" && !goVersion.MatchString(name) {
			return clone{Mention: Mention{URL: url, Name: name, TagFirst: true}, line: w.line}, true
		}
	}
	return clone{}, false
}

// kurtosisPackage reads "github.com/owner/repository/directory@name".
func (d *dockerfile) kurtosisPackage(words []dockerWord) (m clone, ok bool) {
	for _, w := range words {
		if parts := jsonnetPath.FindStringSubmatch(d.expand(w.text)); parts != nil {
			return clone{Mention: Mention{URL: "https://" + parts[1], Name: parts[2], TagFirst: true}, line: w.line}, true
		}
	}
	return clone{}, false
}

var jsonnetPath = regexp.MustCompile(`^(?:https://)?((?:github|gitlab)\.com/[\w.-]+/[\w.-]+?)(?:\.git)?(?:/[\w./-]+)?(?:@(\S+))?$`)

// jsonnetPackage reads "host/owner/repository/directory@name". Without a name
// jsonnet-bundler takes "master".
func (d *dockerfile) jsonnetPackage(words []dockerWord) (m clone, ok bool) {
	for _, w := range words {
		if parts := jsonnetPath.FindStringSubmatch(d.expand(w.text)); parts != nil {
			return clone{Mention: Mention{URL: "https://" + parts[1], Name: cmp.Or(parts[2], "master"), TagFirst: true}, line: w.line}, true
		}
	}
	return clone{}, false
}

var comparedBranch = regexp.MustCompile(`^(?:--against=)?(https?://[^#]+\.git)#(?:[^#]*,)?branch=([^,#]+)`)

// comparison reads "address.git#branch=name".
func (d *dockerfile) comparison(words []dockerWord) (m clone, ok bool) {
	for _, w := range words {
		if parts := comparedBranch.FindStringSubmatch(d.expand(w.text)); parts != nil {
			return clone{Mention: Mention{URL: parts[1], Name: parts[2], Kind: Branch}, line: w.line}, true
		}
	}
	return clone{}, false
}

// plugin reads "name address" and maybe a name behind it.
func (d *dockerfile) plugin(words []dockerWord) (m clone, ok bool) {
	if len(words) < 2 || !isRemote(words[1].text) {
		return clone{}, false
	}
	m = clone{Mention: Mention{URL: d.expand(words[1].text)}, line: words[1].line}
	if len(words) > 2 && isPlainWord(words[2].text) {
		m.Name = words[2].text
	}
	return m, true
}

// helmPlugin reads "address --version name". Without a name Helm takes the HEAD.
func (d *dockerfile) helmPlugin(words []dockerWord) (m clone, ok bool) {
	for i, w := range words {
		option, value, inline := strings.Cut(w.text, "=")
		switch address := d.expand(w.text); {
		case option == "--version" && inline:
			m.Name = d.expand(value)
		case option == "--version" && i+1 < len(words):
			m.Name = d.expand(words[i+1].text)
		case looksLikeGit(address):
			m.URL, m.line, ok = address, w.line, true
		}
	}
	return m, ok
}

var cookiecutter = regexp.MustCompile(`(?:^|[/}])cookiecutter$`) // maybe in a directory that a variable names

// template reads "-c name address", of what a project or a part of it is made from.
func (d *dockerfile) template(words []dockerWord) (m clone, ok bool) {
	for i, w := range words {
		option, value, inline := strings.Cut(w.text, "=")
		if !inline && i+1 < len(words) {
			value = words[i+1].text
		}
		address := w.text
		if short, found := strings.CutPrefix(address, "gh:"); found {
			address = onForge("github", short)
		}
		switch {
		case option == "-c" || option == "--checkout":
			m.Name, m.TagFirst = d.expand(value), true
		case looksLikeGit(address):
			m.URL, m.line = gitURL(address), w.line
		}
	}
	return m, m.URL != ""
}

// gitOptions reads "--git URL --branch name" and its kin.
func (d *dockerfile) gitOptions(words []dockerWord) (m clone, ok bool) {
	var c choice
	for i := range words {
		option, value, inline := strings.Cut(words[i].text, "=")
		if !inline && i+1 < len(words) {
			value = words[i+1].text
		}
		switch value = d.expand(value); option {
		case "--git":
			m.URL, m.line = value, words[i].line
		case "--github":
			m.URL, m.line = onForge("github", value), words[i].line
		case "--branch":
			c.branch = value
		case "--tag":
			c.tag = value
		case "--ref", "--rev":
			c.commit = value
		}
	}
	line := m.line
	m = clone{Mention: c.mention(m.URL), line: line}
	return m, m.URL != ""
}
