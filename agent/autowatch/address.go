package autowatch

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wright-build/wright/agent/autowatch/detect"
	"github.com/wright-build/wright/agent/workspace/gitfile"
	"github.com/wright-build/wright/manifests"
)

// address makes the URL of w one that anybody may have: absolute, and without
// credentials. Where it cannot be watched the URL is "" and warning says why.
func (f *finder) address(w manifests.Watch, dir string) (_ manifests.Watch, warning string) {
	url, stripped := stripLogin(w.URL)
	url = oneSlash(url)
	if isRelativePath(url) {
		url = filepath.Join(f.base, dir, url)
	}
	if err := manifests.CheckURL(w.VCS, url); err != nil {
		return manifests.Watch{}, fmt.Sprintf("its remote cannot be watched: %v", err)
	}
	if manifests.IsLocal(url) && !f.local {
		return manifests.Watch{}, "its remote is a path of this machine, and is not watched"
	}
	if stripped {
		warning = "the login in the URL of its remote was left out"
	}
	w.URL = url
	return w, warning
}

// oneSlash is a URL of http with single slashes in its path. Some write two, so that a
// package manager takes the remote for another one.
func oneSlash(url string) string {
	scheme, rest, ok := strings.Cut(url, "://")
	if s := strings.ToLower(scheme); !ok || s != "http" && s != "https" {
		return url
	}
	host, path, _ := strings.Cut(rest, "/")
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	if path = strings.TrimLeft(path, "/"); path == "" {
		return url
	}
	return scheme + "://" + host + "/" + path
}

// stripLogin takes a password out of a URL, and with http the user too, which
// may be a token.
func stripLogin(url string) (_ string, stripped bool) {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		return url, false
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	at := strings.LastIndexByte(rest[:end], '@')
	if at < 0 {
		return url, false
	}
	user, _, hasPassword := strings.Cut(rest[:at], ":")
	if s := strings.ToLower(scheme); s == "http" || s == "https" {
		return scheme + "://" + rest[at+1:], true
	}
	if !hasPassword {
		return url, false
	}
	return scheme + "://" + user + "@" + rest[at+1:], true
}

// isRelativePath reports whether git would take url for a path that does not begin with a slash.
func isRelativePath(url string) bool {
	if url == "" || url[0] == '/' || url[0] == '-' {
		return false
	}
	colon, slash := strings.IndexByte(url, ':'), strings.IndexByte(url, '/')
	return colon < 0 || slash >= 0 && slash < colon
}

// absolute is the URL of a mention in a work tree of base. What is on the host
// that the file itself names need not be on that of the work tree's remote.
func absolute(base string, m detect.Mention) (string, error) {
	path, ofHost := strings.CutPrefix(m.URL, "^/")
	if ofHost && m.Instead != "" && hostOf(base) != hostOf(m.Instead) {
		return m.Instead + "/" + path, nil
	}
	return relativeTo(base, m.URL)
}

// hostOf is the host of a remote, as it is compared.
func hostOf(url string) string {
	_, rest, _ := strings.Cut(manifests.CanonicalURL(url), "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// relativeTo makes the URL that a file names absolute: against base, which is
// the remote of the work tree that the file is in.
func relativeTo(base, url string) (string, error) {
	rest, ofHost := strings.CutPrefix(url, "^/")
	switch {
	case !ofHost && !gitfile.IsRelative(url):
		return url, nil
	case base == "":
		return "", fmt.Errorf("%.100q is relative to the remote of its work tree, which has none", url)
	case !ofHost:
		return gitfile.ResolveURL(base, url)
	case isOtherForge(base):
		return "", fmt.Errorf("%.100q is on the GitLab that runs this, and the remote of its work tree is on none", url)
	}
	if scheme, after, ok := strings.Cut(base, "://"); ok {
		host, _, _ := strings.Cut(after, "/")
		return scheme + "://" + host + "/" + rest, nil
	}
	if manifests.IsLocal(base) {
		return "", fmt.Errorf("%.100q is on the host of its work tree's remote, which is a path", url)
	}
	host, _, _ := strings.Cut(base, ":")
	return host + ":" + rest, nil
}

// atHome settles where a project is that is on the GitLab of a pipeline which
// does not say where it runs: on the host of the work tree's remote, if that may
// be a GitLab, and it remains unsure otherwise.
func atHome(m detect.Mention, base string) detect.Mention {
	path, ofHost := strings.CutPrefix(m.URL, "^/")
	switch {
	case !ofHost || !m.Unsure:
	case base != "" && !isOtherForge(base):
		m.Instead, m.Unsure = "", false
	default:
		m.URL = m.Instead + "/" + path
	}
	return m
}

// isOtherForge tells whether a remote is at a forge where a project cannot be
// what a pipeline of GitLab includes: the work tree is of a mirror.
func isOtherForge(url string) bool {
	return slices.Contains([]string{"github.com", "bitbucket.org", "codeberg.org"}, hostOf(url))
}
