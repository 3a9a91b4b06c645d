package detect

import "strings"

// isRemote tells whether an address leads to another machine.
func isRemote(address string) bool {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return isSCP(strings.TrimPrefix(address, "git+"))
	}
	return rest != "" && strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz+") == ""
}

// looksLikeGit tells whether an address that may be of anything is one of a git
// repository: by its scheme, by ".git", or by a forge where it is two words long.
func looksLikeGit(address string) bool {
	if isGitURL(address) {
		return true
	}
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok || scheme != "https" && scheme != "http" {
		return false
	}
	host, path, _ := strings.Cut(strings.TrimRight(rest, "/"), "/")
	host = strings.ToLower(host[strings.LastIndexByte(host, '@')+1:])
	words := strings.Count(path, "/") + 1
	switch {
	case path == "" || strings.ContainsAny(path, "?#"):
		return false
	case strings.HasSuffix(path, ".git"), strings.Contains(path, "/_git/"):
		return true
	case host == "github.com" || host == "bitbucket.org" || host == "codeberg.org" || host == "git.sr.ht":
		return words == 2
	case strings.HasPrefix(host, "gitlab."):
		return words >= 2 && !strings.Contains(path, "/-/")
	case strings.HasPrefix(host, "git.") || strings.HasPrefix(host, "opendev."):
		return words >= 2 && !isFile(path)
	case strings.HasSuffix(host, ".googlesource.com"):
		return true
	}
	return false
}

func isFile(path string) bool {
	return strings.ContainsRune(path[strings.LastIndexByte(path, '/')+1:], '.')
}
