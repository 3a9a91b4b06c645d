package detect

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// Bounds of what one file may tell.
const (
	maxMentions = 10_000
	maxErrors   = 20
	maxURL      = 2_000 // bytes
	maxName     = 255
)

// findings collects what one file names.
type findings struct {
	file     string
	mentions []Mention
	errs     []error
	full     bool // there was more than maxMentions
}

func newFindings(f File) *findings { return &findings{file: f.Path} }

// add takes a mention, unless it cannot be told what it names: then it becomes
// an error. A name that is all of a hash is a commit, whatever the file calls it.
func (f *findings) add(m Mention) {
	m.URL, m.Name = withoutLogin(strings.TrimSpace(m.URL)), strings.TrimSpace(m.Name)
	m.Line = max(m.Line, 1)
	if m.File == "" {
		m.File = f.file
	}
	if m.Name == "HEAD" {
		m.Name = ""
	}
	if m.Kind == Any {
		m.unfold()
	}
	if m.Kind != Version && isHash(m.Name) {
		m.Kind = Commit
	}
	switch {
	case len(f.mentions) >= maxMentions:
		f.full = true
	case m.URL == "" || standIn.MatchString(m.URL) || ownerOnly.MatchString(m.URL) || m.Name == "FETCH_HEAD": // what that is, is only known in the clone
	case isComputed(m.URL):
		f.failIn(m.File, m.Line, "the address is computed")
	case isComputed(m.Name):
		f.failIn(m.File, m.Line, "the name of the branch is computed")
	case !isPlain(m.URL, maxURL) || !isPlainName(m) || strings.HasPrefix(m.URL, "-"):
		f.failIn(m.File, m.Line, "neither a branch nor an address looks like this")
	default:
		f.mentions = append(f.mentions, m)
	}
}

// computedLogin is what a web address may have before its host.
var computedLogin = regexp.MustCompile(`^(https?://)[^/@]*(?:[$#]\{|\$\w|\{\{|%\()[^/@]*@`)

// withoutLogin leaves a login out that is computed, such as a token: the report
// leaves it out anyway, and the rest says what is cloned.
func withoutLogin(url string) string { return computedLogin.ReplaceAllString(url, "$1") }

// standIn is an address that says that it is to be replaced.
var standIn = regexp.MustCompile(`(?i)^(?:https?://|ssh://git@|git@)(?:github|gitlab)\.com[:/](?:example|your[-_]?(?:org|organization|user|username|name))/`)

// ownerOnly is an address that lacks the repository: what is there was taken
// for a variable's value, and is none.
var ownerOnly = regexp.MustCompile(`^(?:https?://|ssh://git@|git@)(?:github|gitlab)\.com(?:[:/][\w.-]*)?/?$`)

// unfold takes a name that says itself what it is, such as "tags/v1", which git
// takes for "refs/tags/v1".
func (m *Mention) unfold() {
	name := strings.TrimPrefix(m.Name, "refs/")
	if tag, ok := strings.CutPrefix(name, "tags/"); ok {
		m.Name, m.Kind, m.TagFirst = tag, Tag, false
	} else if branch, ok := strings.CutPrefix(name, "heads/"); ok {
		m.Name, m.Kind, m.TagFirst = branch, Branch, false
	}
}

// fail notes what of the file could not be read. It never holds the text
// itself, which may hold a password.
func (f *findings) fail(line int, problem string) { f.failIn(f.file, line, problem) }

func (f *findings) failIn(file string, line int, problem string) {
	if len(f.errs) < maxErrors {
		f.errs = append(f.errs, fmt.Errorf("%s: line %d: %s", file, line, problem))
	}
}

func (f *findings) failed(err error) {
	if err != nil && len(f.errs) < maxErrors {
		f.errs = append(f.errs, fmt.Errorf("%s: %w", f.file, err))
	}
}

// done is what a detector returns.
func (f *findings) done() ([]Mention, error) {
	if f.full {
		f.failed(fmt.Errorf("it names more than %d remotes", maxMentions))
	}
	return f.mentions, errors.Join(f.errs...)
}

// isHash tells whether name is all of a commit's hash.
func isHash(name string) bool {
	return (len(name) == 40 || len(name) == 64) && isHex(name)
}

func isHex(s string) bool {
	return s != "" && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

var computed = regexp.MustCompile(`^=\w+=$|@\w+@|\{\{|\{%|<%|%\(|\$[A-Za-z0-9_({\[@*]|\{\w+\}|%[A-Z]\w*%|\(\(|_PLACEHOLDER\b`)

// isComputed tells whether some program has yet to put values into s.
func isComputed(s string) bool { return computed.MatchString(s) }

// isPlainName allows spaces and comparisons in a range of versions only.
func isPlainName(m Mention) bool {
	if m.Kind == Version {
		return isPlain(strings.NewReplacer(" ", "", "<", "", ">", "").Replace(m.Name), maxName)
	}
	return isPlain(m.Name, maxName)
}

func isPlain(s string, limit int) bool {
	return len(s) <= limit && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsGraphic(r) || r == '<' || r == '>'
	})
}
