package manifests

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxRef bounds the name of a ref, in bytes.
const maxRef = 250

// CheckRef says what is wrong with the full name of a ref, by the rules of
// git check-ref-format. HEAD is allowed.
func CheckRef(ref string) error {
	if ref == "HEAD" {
		return nil
	}
	if !strings.HasPrefix(ref, "refs/") || strings.Count(ref, "/") < 2 {
		return instead(`write the full name, such as "refs/heads/main"`, "%s is no full ref", show(ref))
	}
	if err := checkRefName(ref); err != nil {
		return fmt.Errorf("%s %w", show(ref), err)
	}
	return nil
}

// checkRefName holds the rules for all of a ref and for the part that a branch
// or tag is called by.
func checkRefName(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("is empty")
	case len(s) > maxRef:
		return fmt.Errorf("is longer than %d bytes", maxRef)
	case !utf8.ValidString(s):
		return fmt.Errorf("is not UTF-8")
	case s[0] == '-':
		return fmt.Errorf("begins with -")
	case strings.HasSuffix(s, "."):
		return fmt.Errorf("ends with a dot")
	case strings.IndexFunc(s, isHidden) >= 0:
		return fmt.Errorf("holds a control or invisible character")
	case s == "@":
		return fmt.Errorf("is only @")
	}
	for _, not := range []string{" ", "~", "^", ":", "?", "*", "[", `\`, "..", "@{"} {
		if strings.Contains(s, not) {
			return fmt.Errorf("holds %q, which git does not allow in a ref", not)
		}
	}
	for part := range strings.SplitSeq(s, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return fmt.Errorf("has a part that is empty, begins with a dot or ends with .lock")
		}
	}
	return nil
}

// shortRef is the value of key, a branch or tag, if it may stand after prefix.
func (t table) shortRef(key, prefix string) (string, bool) {
	s, ok := t.text(key)
	if !ok {
		return "", false
	}
	err := checkRefName(s)
	switch {
	case key == "bookmark" && s == "@": // Mercurial's main one
		return s, true
	case err != nil:
		err = fmt.Errorf("%s %w", show(s), err)
	case len(prefix)+len(s) > maxRef:
		err = fmt.Errorf("%s is longer than %d bytes", show(s), maxRef)
	case strings.HasPrefix(s, "refs/"):
		err = instead(fmt.Sprintf("write %s = %s", key, show(strings.TrimPrefix(s, prefix))), "%s is a full ref", show(s))
	case s == "HEAD":
		err = instead("leave "+key+" out to follow the remote's HEAD", `"HEAD" is no %s`, key)
	default:
		return s, true
	}
	t.bad(key, err)
	return "", false
}

// ref reads branch, tag, bookmark or ref, of which at most one may be there.
func (t table) ref(vcs string) string {
	ref, used := "HEAD", ""
	for _, key := range []string{"branch", "tag", "bookmark", "ref"} {
		if !t.has(key) {
			continue
		}
		if used != "" {
			t.bad(key, instead("keep one of them", "%s and %s exclude each other", used, key))
			continue
		}
		used = key
		name, ok := t.fullRef(key)
		switch {
		case ok && key == "bookmark" && vcs != "hg":
			t.bad(key, instead("write branch", "only Mercurial has bookmarks"))
		case ok:
			ref = name
		}
	}
	return ref
}

func (t table) fullRef(key string) (string, bool) {
	if prefix := refPrefixes()[key]; prefix != "" {
		s, ok := t.shortRef(key, prefix)
		return prefix + s, ok
	}
	s, ok := t.text(key)
	if !ok {
		return "", false
	}
	if err := CheckRef(s); err != nil {
		t.bad(key, err)
		return "", false
	}
	return s, true
}

const (
	branchPrefix   = "refs/heads/"
	tagPrefix      = "refs/tags/"
	bookmarkPrefix = "refs/bookmarks/"
)

// refPrefixes says what the short names of refs stand for. Mercurial's branches,
// tags and bookmarks are named in the same way.
func refPrefixes() map[string]string {
	return map[string]string{"branch": branchPrefix, "tag": tagPrefix, "bookmark": bookmarkPrefix}
}

// refKeys are the keys that name refs of a version control system, in order.
func refKeys(vcs string) []string {
	if vcs == "hg" {
		return []string{"branch", "tag", "bookmark"}
	}
	return []string{"branch", "tag"}
}

// isCommit tells whether s is a whole commit ID, SHA-1 or SHA-256.
func isCommit(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}
