package manifests

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxURL bounds a URL, in bytes.
const maxURL = 2000

const urlHint = `write "https://host/path", "ssh://user@host/path", "user@host:path" or an absolute path`

// CheckURL says what is wrong with the URL of a remote, which may be https,
// http, ssh, git or file, the form user@host:path, or an absolute path. It
// refuses what could make git run or read something else, and passwords. Its
// errors never repeat the URL.
func CheckURL(vcs, url string) error {
	switch {
	case vcs != "git" && vcs != "hg":
		return instead(`write "git" or "hg"`, "%s is no version control system", show(vcs))
	case url == "":
		return instead(urlHint, "the URL is empty")
	case len(url) > maxURL:
		return fmt.Errorf("the URL is longer than %d bytes", maxURL)
	case !utf8.ValidString(url):
		return errors.New("the URL is not UTF-8")
	case strings.IndexFunc(url, isHidden) >= 0:
		return errors.New("the URL holds a control or invisible character")
	case url[0] == '-':
		return instead(urlHint, "the URL begins with -")
	case strings.Contains(url, "--upload-pack") || strings.Contains(url, "--receive-pack"):
		return instead(urlHint, "the URL holds an option of git")
	case url[0] == '/':
		return nil
	case strings.Contains(url, "://"):
		return checkSchemeURL(vcs, url)
	}
	if user, host, dir, ok := splitSCP(url); ok && vcs == "git" {
		return checkSCP(user, host, dir)
	}
	return instead(urlHint, "neither a URL nor an absolute path")
}

func checkSchemeURL(vcs, raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return instead(urlHint, "the URL cannot be parsed") // err repeats it
	}
	if !strings.HasPrefix(raw[len(u.Scheme):], "://") { // file:/x:// is no file URL to git
		return instead(urlHint, "the scheme is not followed by //")
	}
	if scheme := strings.ToLower(u.Scheme); scheme == "file" {
		if u.User != nil || u.Host != "" && u.Host != "localhost" || !strings.HasPrefix(u.Path, "/") {
			return instead("write file:///path", "a file URL names a path of this machine")
		}
	} else if !strings.Contains(" https http ssh git ", " "+scheme+" ") || scheme == "git" && vcs != "git" {
		return instead("write https, http, ssh, git or file", "the scheme %s is not allowed", show(scheme))
	} else if err := checkRemote(vcs, u); err != nil {
		return err
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(raw, "#") {
		return instead("end the URL with the path; the branch has its own key", "the URL has a query or a fragment")
	}
	if strings.IndexFunc(u.Path, isHidden) >= 0 {
		return errors.New("the URL holds an escaped control or invisible character")
	}
	return nil
}

// checkRemote holds the rules for URLs that name a host.
func checkRemote(vcs string, u *url.URL) error {
	if _, has := u.User.Password(); has {
		return instead("use a credential instead, and leave only the user", "the URL holds a password")
	}
	if err := checkUserHost(u.User.Username(), u.Hostname()); err != nil {
		return err
	}
	if port := u.Port(); port == "" && strings.HasSuffix(u.Host, ":") || len(port) > 5 {
		return errors.New("the URL has no valid port")
	}
	if vcs == "hg" && strings.Trim(u.Path, "/") == "" {
		return nil // hg serve of one repository
	}
	return checkRemotePath(u.Path)
}

func checkSCP(user, host, dir string) error {
	if strings.HasPrefix(dir, ":") {
		return instead("write https, http, ssh, git or file", "remote helpers are not allowed")
	}
	switch strings.ToLower(host) {
	case "file", "http", "https", "ssh", "git", "ext":
		return instead(urlHint, "the scheme is not followed by //")
	}
	if strings.Contains(user, ":") {
		return instead("use a credential instead, and leave only the user", "the URL holds a password")
	}
	if err := checkUserHost(user, host); err != nil {
		return err
	}
	return checkRemotePath(dir)
}

func checkUserHost(user, host string) error {
	switch {
	case host == "":
		return instead(urlHint, "the URL names no host")
	case strings.HasPrefix(host, "-") || strings.HasPrefix(user, "-"):
		return instead(urlHint, "a host or user begins with -")
	case !consists(host, "._-:"):
		return instead("write letters, digits, dots and dashes; punycode for others", "the host is not valid")
	case user != "" && !consists(user, "._-+@=%"):
		return instead("write letters, digits, dots and dashes", "the user is not valid")
	}
	return nil
}

// consists tells whether s is made of ASCII letters, digits and extra only.
func consists(s, extra string) bool {
	for _, r := range s {
		if r >= utf8.RuneSelf || !isBare(byte(r)) && !strings.ContainsRune(extra, r) {
			return false
		}
	}
	return true
}

func checkRemotePath(dir string) error {
	if strings.Trim(dir, "/") == "" {
		return instead(urlHint, "the URL has no path")
	}
	if strings.HasPrefix(dir, "-") || strings.HasPrefix(dir, "/-") {
		return instead(urlHint, "the path begins with -")
	}
	if strings.ContainsAny(dir, " \\") {
		return errors.New("the URL holds a space or a backslash")
	}
	for part := range strings.SplitSeq(dir, "/") {
		if part == ".." {
			return instead("write the path that is meant", `the path holds ".."`)
		}
	}
	return nil
}

// splitSCP splits user@host:path; ok is false for anything else. IPv6 hosts
// stand in brackets, which host is without.
func splitSCP(s string) (user, host, dir string, ok bool) {
	end := strings.IndexByte(s, ':')
	at := strings.IndexByte(s, '@')
	if at > end { // user:password@host:path, or an @ in the path
		if again := strings.IndexByte(s[at:], ':'); again > 0 && !strings.Contains(s[:at], "/") {
			end = at + again
		} else {
			at = -1
		}
	}
	rest := s[at+1:]
	if strings.HasPrefix(rest, "[") {
		i := strings.Index(rest, "]:")
		if i < 0 {
			return "", "", "", false
		}
		return s[:max(at, 0)], rest[1:i], rest[i+2:], true
	}
	if end <= at+1 || strings.Contains(s[:end], "/") {
		return "", "", "", false
	}
	return s[:max(at, 0)], s[at+1 : end], s[end+1:], true
}

// IsLocal tells whether a URL names a path of this machine, as everything does
// that names no host.
func IsLocal(raw string) bool {
	if scheme, _, ok := strings.Cut(raw, "://"); ok && !strings.Contains(scheme, "/") {
		return strings.EqualFold(scheme, "file")
	}
	_, host, dir, ok := splitSCP(raw)
	return !ok || strings.EqualFold(host, "file") && strings.HasPrefix(dir, "/")
}

// CanonicalURL is a key under which two spellings are one remote: scheme, user,
// default port, case of the host, ".git", trailing slashes and the form
// user@host:path make no difference. Local paths keep their ".git", since both
// may exist. What is no URL comes back as it is.
func CanonicalURL(raw string) string {
	if strings.HasPrefix(raw, "/") {
		return canonicalPath(raw)
	}
	u, err := url.Parse(raw)
	if !strings.Contains(raw, "://") {
		user, host, dir, ok := splitSCP(raw)
		if !ok || strings.HasPrefix(dir, ":") {
			return raw
		}
		dir = "/" + strings.TrimLeft(dir, "/")
		u, err = &url.URL{Scheme: "ssh", Host: bracketed(host), Path: dir, RawPath: dir}, nil
		if user != "" {
			u.User = url.User(user)
		}
	}
	if err != nil {
		return raw
	}
	u.Scheme = strings.ToLower(u.Scheme)
	if u.Scheme == "file" {
		return canonicalPath("/" + u.Path)
	}
	return canonical(u)
}

func canonicalPath(dir string) string {
	u := url.URL{Scheme: "file", Path: path.Clean(dir)}
	return u.String()
}

// canonical is "any://host/path". A port that is not the scheme's own tells servers
// apart, and the user does where the path begins at that user's home.
func canonical(u *url.URL) string {
	host := strings.ToLower(strings.TrimRight(u.Hostname(), "."))
	port := u.Port()
	if port == map[string]string{"https": "443", "http": "80", "ssh": "22", "git": "9418"}[u.Scheme] {
		port = ""
	}
	dir := strings.TrimRight(u.EscapedPath(), "/")
	dir = strings.TrimRight(strings.TrimSuffix(dir, ".git"), "/")
	var b strings.Builder
	b.WriteString("any://")
	if name := u.User.Username(); name != "" && strings.HasPrefix(dir, "/~/") {
		b.WriteString(url.User(name).String() + "@")
	}
	b.WriteString(bracketed(host))
	if port != "" {
		b.WriteString(":" + port)
	}
	b.WriteString(dir)
	return b.String()
}

// bracketed is host as it stands in a URL.
func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// SameRemote tells whether two URLs are spellings of one remote.
func SameRemote(a, b string) bool { return CanonicalURL(a) == CanonicalURL(b) }

// Ignores tells whether a pattern of Ignore covers the URL, in any spelling.
func (a AutoWatch) Ignores(raw string) bool {
	return slices.ContainsFunc(a.Ignore, func(pattern string) bool { return CoversURL(pattern, raw) })
}

// CoversURL tells whether a pattern such as "https://host/*", whose "*" stand
// for anything, covers the URL in any of its spellings.
func CoversURL(pattern, raw string) bool {
	return matches(pattern, raw) || matches(CanonicalURL(pattern), CanonicalURL(raw))
}

// matches tells whether s is pattern, whose "*" stand for anything.
func matches(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	last := len(parts) - 1
	if last == 0 {
		return pattern == s
	}
	s, ok := strings.CutPrefix(s, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1:last] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return strings.HasSuffix(s, parts[last])
}
