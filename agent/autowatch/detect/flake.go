package detect

import (
	"net/url"
	"path"
	"slices"
	"strings"
)

// flakes knows the inputs of Nix flakes, as written and as locked.
func flakes() Detector {
	return sheetDetector("Nix flake", notBelow(isFlake, "docs", "doc"), func(s *sheet) {
		if strings.HasSuffix(s.file.Path, ".lock") {
			if !s.isOrphan() {
				findFlakeLock(s)
			}
			return
		}
		inputs := map[string]*flakeInput{}
		attributes := nixAttributes(s.text)
		for _, a := range attributes {
			s.flakeAttribute(inputs, a)
		}
		s.flakeArguments(attributes)
		for _, in := range inputs {
			s.flakeInput(*in)
		}
	})
}

// isOrphan tells whether a lock has outlived its flake, so that nobody reads it.
func (s *sheet) isOrphan() bool {
	if s.file.List == nil {
		return false
	}
	names := s.file.List(".")
	return slices.Contains(names, "flake.lock") && !slices.Contains(names, "flake.nix")
}

// isFlake leaves out what "nix flake init" copies for others to begin with.
func isFlake(file string) bool {
	dirs := strings.Split(path.Dir(file), "/")
	return named("flake.nix", "flake.lock")(file) && !slices.Contains(dirs, "templates") && !slices.Contains(dirs, "template")
}

// flakeInput is an input that is written as a set instead of a URL.
type flakeInput struct {
	kind, owner, repo, host, ref, rev, url string
	line                                   int
}

// flakeAttribute takes one attribute below inputs.
func (s *sheet) flakeAttribute(inputs map[string]*flakeInput, a nixAttribute) {
	path := a.path
	if len(path) == 2 { // a URL without a set, which older flakes had
		path = append(path[:2:2], "url")
	}
	if len(path) != 3 || path[0] != "inputs" {
		return // such as an input of an input, which only follows another
	}
	if path[2] == "url" {
		if in, ok := parseFlakeURL(a.value); ok {
			in.line = a.line
			s.flakeInput(in)
		}
		return
	}
	if inputs[path[1]] == nil {
		inputs[path[1]] = &flakeInput{line: a.line}
	}
	inputs[path[1]].set(path[2], a.value)
}

func (in *flakeInput) set(key, value string) {
	switch key {
	case "type":
		in.kind = value
	case "owner":
		in.owner = value
	case "repo":
		in.repo = value
	case "host":
		in.host = value
	case "ref":
		in.ref = value
	case "rev":
		in.rev = value
	case "url":
		in.url = value
	}
}

// flakeInput adds what an input names, unless it is an archive, a path or an
// entry of a registry that is not known.
func (s *sheet) flakeInput(in flakeInput) {
	m := Mention{URL: in.address(), Name: in.ref}
	if in.kind == "hg" {
		m.VCS = "hg"
	}
	if in.rev != "" {
		m.Name, m.Kind = in.rev, Commit
	}
	s.note(in.line, m)
}

func (in *flakeInput) address() string {
	hosts := map[string]string{"github": "github.com", "gitlab": "gitlab.com", "sourcehut": "git.sr.ht"}
	switch {
	case hosts[in.kind] != "" && in.owner != "" && in.repo != "":
		host := hosts[in.kind]
		if in.host != "" {
			host = in.host
		}
		return "https://" + host + "/" + in.owner + "/" + in.repo
	case in.kind == "git" || in.kind == "hg":
		return in.url
	}
	return ""
}

// parseFlakeURL reads a reference such as "github:owner/repo/branch?dir=x" or
// "git+https://host/repo?ref=branch&rev=hash".
func parseFlakeURL(text string) (flakeInput, bool) {
	text, _, _ = strings.Cut(text, "#")
	scheme, rest, ok := strings.Cut(text, ":")
	if !ok {
		return parseRegistered(text)
	}
	rest, query, _ := strings.Cut(rest, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return flakeInput{}, false
	}
	in := flakeInput{kind: scheme, ref: values.Get("ref"), rev: values.Get("rev"), host: values.Get("host")}
	switch scheme {
	case "flake":
		return parseRegistered(rest)
	case "github", "gitlab", "sourcehut":
		parts := strings.SplitN(rest, "/", 3)
		if len(parts) < 2 {
			return in, false
		}
		in.owner, in.repo = strings.ReplaceAll(parts[0], "%2F", "/"), parts[1]
		if len(parts) == 3 {
			in.ref = parts[2]
		}
		return in, true
	case "git", "git+https", "git+http", "git+ssh", "git+git", "hg+https", "hg+http", "hg+ssh":
		vcs, transport, both := strings.Cut(scheme, "+")
		if !both {
			transport = scheme
		}
		in.kind, in.url = vcs, transport+":"+rest
		return in, strings.HasPrefix(rest, "//")
	}
	return in, false
}

// findFlakeLock reads what the inputs of a lock were asked for. What another
// flake asks for does not count: it is as that one's own lock has it, and comes
// along only when that one moves.
func findFlakeLock(s *sheet) {
	nodes := s.jsonTree().at("nodes")
	direct := map[string]bool{}
	for _, input := range nodes.at("root", "inputs").members() {
		direct[input.text] = true
	}
	for _, n := range nodes.members() {
		if direct[n.key] {
			s.flakeInput(lockedInput(n))
		}
	}
}

func lockedInput(n *node) flakeInput {
	original := n.at("original")
	in := flakeInput{line: n.lineOf("original")}
	if original.str("type") == "indirect" && original.str("ref") != "" {
		for _, part := range n.at("locked").members() { // where the registry led
			in.set(part.key, part.text)
		}
		in.ref, in.rev = original.str("ref"), ""
		return in
	}
	for _, part := range original.members() {
		in.set(part.key, part.text)
	}
	return in
}
