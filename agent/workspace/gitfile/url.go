package gitfile

import (
	"errors"
	"strings"
)

// IsRelative reports whether a submodule's URL is relative to its superproject's.
func IsRelative(url string) bool {
	return url == "." || url == ".." || strings.HasPrefix(url, "./") || strings.HasPrefix(url, "../")
}

// ResolveURL makes a submodule's URL absolute as git does, against the URL of
// the superproject's remote. What is not relative is returned as it is.
func ResolveURL(base, url string) (string, error) {
	if !IsRelative(url) {
		return url, nil
	}
	base = strings.TrimRight(base, "/")
	separator := "/"
	for rest := url; ; {
		switch {
		case rest == ".." || strings.HasPrefix(rest, "../"):
			var ok bool
			if base, separator, ok = chop(base, separator); !ok {
				return "", errors.New("the relative URL leads above the superproject's")
			}
			rest = strings.TrimPrefix(rest[2:], "/")
		case rest == "." || strings.HasPrefix(rest, "./"):
			rest = strings.TrimPrefix(rest[1:], "/")
		case rest == "":
			return base, nil
		default:
			return base + separator + strings.TrimRight(rest, "/"), nil
		}
	}
}

// chop takes the last component off a URL. After a colon, as in
// user@host:project, the next component is joined with a colon again.
func chop(base, separator string) (string, string, bool) {
	if i := strings.LastIndexByte(base, '/'); i >= 0 {
		if rest := base[:i]; !strings.HasSuffix(rest, ":/") && !strings.HasSuffix(rest, ":") {
			return rest, separator, true
		}
		return "", "", false // only scheme://host is left
	}
	if i := strings.LastIndexByte(base, ':'); i >= 0 {
		return base[:i], ":", true
	}
	return "", "", false
}
