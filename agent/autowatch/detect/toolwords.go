package detect

import (
	"regexp"
	"strings"
)

// gitWord is an address alone.
func gitWord(word string) (m Mention, ok bool) {
	return Mention{URL: gitURL(word)}, looksLikeGit(word)
}

// hashWord is "address#name", where an image may stand before it, "image~address".
func hashWord(word string) (m Mention, ok bool) {
	if image, address, found := strings.Cut(word, "~"); found && !strings.Contains(image, "://") {
		word = address
	}
	address, name, _ := strings.Cut(word, "#")
	address, _, _ = strings.Cut(address, "?")
	return choice{commit: name}.mention(gitURL(address)), looksLikeGit(address)
}

// atWord is "address@name".
func atWord(word string) (m Mention, ok bool) {
	name := ""
	if at := strings.LastIndexByte(word, '@'); at > strings.LastIndexByte(word, '/') {
		word, name = word[:at], word[at+1:]
	}
	return choice{commit: name}.mention(gitURL(word)), looksLikeGit(word)
}

var forgeWords = map[string]string{"gh": "github", "github": "github", "gl": "gitlab", "gitlab": "gitlab", "bb": "bitbucket", "bitbucket": "bitbucket"}

// repositoryWord is an address, or "owner/name" at GitHub or at the forge before it.
func repositoryWord(word string) (m Mention, ok bool) {
	if forge, rest, found := strings.Cut(word, ":"); found && forgeWords[forge] != "" {
		url := onForge(forgeWords[forge], rest)
		return Mention{URL: url}, url != ""
	}
	if repoWord.MatchString(word) {
		return Mention{URL: onForge("github", word)}, true
	}
	return gitWord(word)
}

// degitWord is a repository with a directory of it and a name behind it.
func degitWord(word string) (m Mention, ok bool) {
	address, name, _ := strings.Cut(word, "#")
	if parts := strings.Split(address, "/"); len(parts) > 2 && !strings.Contains(address, "://") {
		address = strings.Join(parts[:2], "/")
	}
	m, ok = repositoryWord(address)
	return choice{commit: name}.mention(m.URL), ok
}

// npmWord is what npm and its kin take for a package from git.
func npmWord(word string) (m Mention, ok bool) {
	if strings.HasSuffix(word, ".tgz") || strings.HasSuffix(word, ".tar.gz") {
		return Mention{}, false
	}
	return npmSpec(word)
}

// packageWord is one that is run once: owner/name may also be for the package to read.
func packageWord(word string) (m Mention, ok bool) {
	if !strings.Contains(word, ":") {
		return Mention{}, false
	}
	return npmWord(word)
}

var nimbleAddress = regexp.MustCompile(`^((?:https?|git|ssh)://[^\s#@]+)@?([#@]?\S*)$`)

func nimbleWord(word string) (m Mention, ok bool) {
	parts := nimbleAddress.FindStringSubmatch(word)
	if parts == nil {
		return Mention{}, false
	}
	m = nimMention(parts[1], parts[2])
	return m, m.Kind != Latest
}

// contextWord is what an image is built from: "address#name:directory".
func contextWord(word string) (m Mention, ok bool) {
	address, fragment, _ := strings.Cut(word, "#")
	name, _, _ := strings.Cut(fragment, ":")
	if rest, found := strings.CutPrefix(address, "github.com/"); found {
		address = onForge("github", rest)
	} else if !isGitURL(address) && !strings.HasSuffix(address, ".git") {
		return Mention{}, false
	}
	return choice{commit: name, branchFirst: true}.mention(gitURL(address)), looksLikeGit(address)
}

// flakeWord is a flake that is named by where it is.
func flakeWord(word string) (m Mention, ok bool) {
	in, ok := parseFlakeURL(word)
	if !ok || in.address() == "" || !strings.Contains(word, ":") {
		return Mention{}, false
	}
	if in.rev != "" {
		return Mention{URL: in.address(), Name: in.rev, Kind: Commit}, true
	}
	return Mention{URL: in.address(), Name: in.ref}, true
}

// searchPathWord is "name=address" of an archive, as Nix is told where to look.
func searchPathWord(word string) (m Mention, ok bool) {
	_, address, _ := strings.Cut(word, "=")
	return archiveFile(address)
}

var kptAddress = regexp.MustCompile(`^(https?://\S+?\.git|https?://github\.com/[^/\s]+/[^/@\s]+)(?:/[^@\s]*)?(?:@(\S+))?$`)

func kptWord(word string) (m Mention, ok bool) {
	parts := kptAddress.FindStringSubmatch(word)
	if parts == nil {
		return Mention{}, false
	}
	return choice{commit: parts[2]}.mention(parts[1]), true
}

var (
	juliaCall = regexp.MustCompile(`\b(?:Pkg\.)?(?:add|clone|develop)\(([^()]*(?:PackageSpec\([^()]*\)[^()]*)*)\)`)
	juliaURL  = regexp.MustCompile(`(?:\burl *= *|^\s*)"((?:https?://|git@|git://)[^"\s]+)"`)
	juliaRev  = regexp.MustCompile(`\brev *= *"([^"\s]+)"`)
)

// juliaPackages reads the packages that a program of Julia adds by their addresses.
func (d *dockerfile) juliaPackages(command []dockerWord) []clone {
	var found []clone
	julia := false
	for _, w := range command {
		julia = julia || strings.HasPrefix(w.text[strings.LastIndexByte(w.text, '/')+1:], "julia")
		if !julia || !strings.Contains(w.text, "(") {
			continue
		}
		for _, call := range juliaCall.FindAllStringSubmatch(d.expand(w.text), maxItems) {
			url, rev := juliaURL.FindStringSubmatch(call[1]), juliaRev.FindStringSubmatch(call[1])
			if url != nil && rev != nil {
				found = append(found, clone{Mention: choice{commit: rev[1]}.mention(url[1]), line: w.line})
			} else if url != nil {
				found = append(found, clone{Mention: Mention{URL: url[1]}, line: w.line})
			}
		}
	}
	return found
}
