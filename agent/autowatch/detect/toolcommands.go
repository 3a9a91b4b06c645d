package detect

import (
	"path"
	"slices"
	"strings"
	"sync"
)

// tool is a program that takes an address of git among its words.
type tool struct {
	verbs   string // the program and what it is to do; "|" between others that may stand there
	address func(word string) (m Mention, ok bool)
	option  string // what the address is given by, with a space around each; "" if it stands alone
	name    string // what a branch, tag or commit is given by, in the same way
	next    bool   // the name is the word behind the address
	all     bool   // there may be several addresses
	named   bool   // without a name it takes a version, which does not move
}

var tools = []tool{
	{verbs: "npm|yarn|pnpm|bun install|i|add", address: npmWord, all: true},
	{verbs: "yarn|pnpm|bun global add", address: npmWord, all: true},
	{verbs: "npx|bunx|pnpx", address: packageWord},
	{verbs: "degit|tiged|giget", address: degitWord},
	{verbs: "gem specific_install", address: repositoryWord, name: " -b --branch "},
	{verbs: "nimble install", address: nimbleWord, all: true},
	{verbs: "raco pkg install|update", address: hashWord, all: true},
	{verbs: "zef install", address: atWord, all: true},
	{verbs: "mbed add|import|deploy", address: hashWord},
	{verbs: "arduino-cli lib install", address: hashWord, all: true},
	{verbs: "pio|platformio lib|pkg install", address: hashWord, all: true},
	{verbs: "opam pin|repo|repository add|set-url", address: hashWord},
	{verbs: "mix archive.install|escript.install github|git", address: repositoryWord, name: " branch ref tag "},
	{verbs: "haxelib git", address: gitWord, next: true},
	{verbs: "pub global activate", address: gitWord, name: " --git-ref "},
	{verbs: "conan config install", address: gitWord},
	{verbs: "pod repo add", address: gitWord, next: true},
	{verbs: "cargo generate", address: repositoryWord, name: " -b --branch -t --tag "},
	{verbs: "cargo-generate", address: repositoryWord, name: " -b --branch -t --tag "},
	{verbs: "copier copy|update|recopy", address: repositoryWord, name: " -r --vcs-ref ", named: true},

	{verbs: "kubectl|oc|k apply|create|replace|delete", address: kustomizeTarget, option: " -k --kustomize ", all: true},
	{verbs: "kubectl|oc|k kustomize", address: kustomizeTarget},
	{verbs: "kustomize build", address: kustomizeTarget},
	{verbs: "terraform|tofu init", address: goGetter, option: " -from-module "},
	{verbs: "oc new-app|new-build", address: hashWord},
	{verbs: "s2i build", address: hashWord},
	{verbs: "argocd app create|set", address: gitWord, option: " --repo ", name: " --revision "},
	{verbs: "flux create source git", address: gitWord, option: " --url ", name: " --branch --tag --tag-semver --commit "},
	{verbs: "kpt pkg get", address: kptWord},
	{verbs: "ansible-pull", address: gitWord, option: " -U --url ", name: " -C --checkout "},
	{verbs: "docker|podman|buildah|nerdctl|buildx build|bud", address: contextWord},
	{verbs: "nix build|run|develop|shell|profile|bundle|flake|eval", address: flakeWord, all: true},
	{verbs: "nixos-rebuild|home-manager|darwin-rebuild switch|build|boot|test", address: flakeWord},
	{verbs: "nix-shell|nix-build|nix-env|nix-instantiate", address: searchPathWord, all: true},

	{verbs: "repo init", address: gitWord, option: " -u --manifest-url ", name: " -b --manifest-branch "},
	{verbs: "west init", address: gitWord, option: " -m --manifest-url ", name: " --mr --manifest-rev "},
	{verbs: "git subtree add|pull", address: gitWord, next: true},
	{verbs: "git submodule add", address: gitWord, name: " -b --branch "},
	{verbs: "git archive", address: gitWord, option: " --remote ", next: true},
}

// toolsByProgram are the tools that a word may begin.
var toolsByProgram = sync.OnceValue(func() map[string][]tool {
	by := map[string][]tool{}
	for _, t := range tools {
		programs, _, _ := strings.Cut(t.verbs, " ")
		for program := range strings.SplitSeq(programs, "|") {
			by[program] = append(by[program], t)
		}
	}
	return by
})

// toolFetches reads a command of one of the tools.
func (d *dockerfile) toolFetches(command []dockerWord) []clone {
	const maxBegun = 10 // each reads the rest of the command
	begun := 0
	for i, w := range command {
		for _, t := range toolsByProgram()[path.Base(w.text)] {
			if n := t.begins(command[i:]); n > 0 && begun < maxBegun {
				begun++
				if found := d.fetchedBy(t, command[i+n:]); len(found) > 0 {
					return found
				}
			}
		}
	}
	return nil
}

// begins tells how many words a command's program and verbs take, 0 if they are
// others. Options and what they are given may stand between them.
func (t *tool) begins(command []dockerWord) int {
	const maxBetween = 10
	command = command[:min(len(command), maxBetween)]
	n := 0
	for verb := range strings.FieldsSeq(t.verbs) {
		those := strings.Split(verb, "|")
		for n > 0 && n < len(command) && (isOption(command[n].text) || isOption(command[n-1].text) && !slices.Contains(those, command[n].text)) {
			n++
		}
		if n >= len(command) || !slices.Contains(those, path.Base(command[n].text)) {
			return 0
		}
		n++
	}
	return n
}

// fetchedBy reads the words behind a tool's verbs.
func (d *dockerfile) fetchedBy(t tool, words []dockerWord) []clone {
	var found []clone
	option, name := d.optionOf(words, t.name)
	for i, w := range words {
		text, ok := argument(words, i, t.option)
		if !ok || len(found) == maxItems || len(found) > 0 && !t.all {
			continue
		}
		m, ok := t.address(d.expand(text))
		if !ok {
			continue
		}
		if t.next && i+1 < len(words) && !isOption(words[i+1].text) {
			name = d.expand(words[i+1].text)
		}
		if name != "" {
			m.Name, m.Kind = givenName(option, name)
		}
		if name != "" || !t.named {
			found = append(found, clone{Mention: m, line: w.line})
		}
	}
	return found
}

// optionOf is the last of these options that is there, and its value.
func (d *dockerfile) optionOf(words []dockerWord, options string) (option, value string) {
	for i, w := range words {
		o, v, inline := strings.Cut(w.text, "=")
		if !strings.Contains(options, " "+o+" ") {
			continue
		}
		if !inline && i+1 < len(words) {
			v = words[i+1].text
		}
		option, value = o, d.expand(v)
	}
	return option, value
}

// givenName is what an option wants of a repository.
func givenName(option, name string) (string, Kind) {
	if strings.Contains(option, "tag") || option == "-t" {
		return name, Tag
	}
	return name, orCommit(name)
}

// argument is the word at i where it may be the address: one that stands alone,
// or, where options tell it, what is given by one of them.
func argument(words []dockerWord, i int, options string) (text string, ok bool) {
	text, before := words[i].text, ""
	if i > 0 {
		before = words[i-1].text
	}
	if options == "" {
		isValue := repoWord.MatchString(text) && isOption(before) && !strings.Contains(withoutValue, " "+before+" ")
		return text, !isOption(text) && !isValue
	}
	if o, value, inline := strings.Cut(text, "="); inline && strings.Contains(options, " "+o+" ") {
		return value, true
	}
	return text, strings.Contains(options, " "+before+" ") && before != ""
}

// withoutValue are options that owner/name may follow; of others it is the value.
const withoutValue = " -g --global -D -S --save --save-dev --save-exact --no-save -y --yes -f --force --legacy-peer-deps --dev -l --no-input "

func isOption(word string) bool { return strings.HasPrefix(word, "-") }

// asClone is a command that clones in another's name as git's own.
func asClone(command []dockerWord) []dockerWord {
	for i := range command {
		rest := command[i:]
		switch {
		case hasVerbs(rest, "gh", "repo", "clone") && len(rest) > 3:
			return cloneOf(rest[3:], true)
		case hasVerbs(rest, "hub", "clone") && len(rest) > 2:
			return cloneOf(rest[2:], true)
		case hasVerbs(rest, "git", "lfs", "clone"):
			return cloneOf(rest[3:], false)
		case hasVerbs(rest, "git-lfs", "clone"):
			return cloneOf(rest[2:], false)
		}
	}
	return command
}

func hasVerbs(command []dockerWord, verbs ...string) bool {
	return len(command) >= len(verbs) && slices.Equal(texts(command[:len(verbs)]), verbs)
}

// cloneOf is "git clone" with these words, where owner/name may be at GitHub.
func cloneOf(words []dockerWord, short bool) []dockerWord {
	if len(words) == 0 {
		return nil
	}
	line := words[0].line
	command := []dockerWord{{"git", line}, {"clone", line}}
	for _, w := range words {
		if short && repoWord.MatchString(w.text) {
			w.text, short = onForge("github", w.text), false
		}
		command = append(command, w)
	}
	return command
}
