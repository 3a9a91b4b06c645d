package logs

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"
)

// marker is the file that says that an attempt is finished. It is renamed when what
// was finished is in the bucket.
const (
	marker       = "finished"
	storedMarker = "stored"
)

// maxEscaped is how many bytes a part's name may take in the name of its file.
const maxEscaped = 200

// buildDir is where a build's output lies. The names are checked again,
// wherever they come from: they must not lead out of the logs.
func (l *Logs) buildDir(instance, build string) (string, error) {
	number, ok := strings.CutPrefix(build, instance+"-")
	if !label(instance) || !ok || !digits(number) {
		return "", fmt.Errorf("%q is not the name of a build of instance %q", build, instance)
	}
	return filepath.Join(l.dir, instance, build), nil
}

func (l *Logs) attemptDir(a Attempt) (string, error) {
	dir, err := l.buildDir(a.Instance, a.Build)
	if err != nil {
		return "", err
	}
	if a.Attempt < 1 {
		return "", fmt.Errorf("%s: attempts are numbered from 1", a)
	}
	return filepath.Join(dir, strconv.Itoa(a.Attempt)), nil
}

func label(s string) bool {
	for i := range len(s) {
		if !('a' <= s[i] && s[i] <= 'z' || '0' <= s[i] && s[i] <= '9' || s[i] == '-') {
			return false
		}
	}
	return s != "" && len(s) <= 63
}

func digits(s string) bool {
	return s != "" && len(s) <= 19 && strings.Trim(s, "0123456789") == ""
}

// fileName is where a part's bytes are: "01-test.part" while more may come,
// and "01-test.1234.log" when it has ended with that many. The size in the
// name betrays a file that lost its tail in a power cut.
func fileName(p Part) string {
	stem := fmt.Sprintf("%02d-%s", p.Number, escape(p.Name))
	if p.Ended {
		return stem + "." + strconv.FormatInt(p.Size, 10) + ".log"
	}
	return stem + ".part"
}

// parseFileName is the reverse of fileName. The size is known only of a part
// that has ended.
func parseFileName(s string) (p Part, ok bool) {
	number, rest, ok := strings.Cut(s, "-")
	if !ok || !digits(number) {
		return p, false
	}
	stem, ended := strings.CutSuffix(rest, ".log")
	if ended {
		dot := strings.LastIndexByte(stem, '.')
		if dot < 0 || !digits(stem[dot+1:]) {
			return p, false
		}
		p.Size, _ = strconv.ParseInt(stem[dot+1:], 10, 64)
		stem = stem[:dot]
	} else if stem, ok = strings.CutSuffix(rest, ".part"); !ok {
		return p, false
	}
	name, err := url.PathUnescape(stem)
	p.Name, p.Ended = name, ended
	p.Number, _ = strconv.Atoi(number)
	return p, err == nil && p.Number <= maxPart && fileName(p) == s
}

// fitName cuts a part's name to what a file's name can carry.
func fitName(name string) string {
	name = strings.ToValidUTF8(name, "\uFFFD")
	n := 0
	for i, r := range name {
		n += len(escape(string(r)))
		if n > maxEscaped || i+utf8.RuneLen(r) > maxEscaped {
			return name[:i]
		}
	}
	return name
}

// escape writes a part's name so that it can be part of a file's name.
func escape(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
