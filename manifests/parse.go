package manifests

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// maxFile bounds a manifest and a watch file, in bytes.
const maxFile = 256 << 10

// Parse reads the manifest in text; file gives the instance its name. Its error
// is always Errors, with all that is wrong with the text.
func Parse(file string, text []byte) (*Manifest, error) {
	instance, nameErr := InstanceName(file)
	t, errs := decode(file, text, Keys())
	digest := sha256.Sum256(text)
	m := &Manifest{Instance: instance, File: file, Digest: hex.EncodeToString(digest[:])}
	if errs == nil {
		m.read(t)
		errs = t.errors()
	}
	if nameErr != nil {
		errs = append(asErrors(file, nameErr), errs...)
		errs = errs[:min(len(errs), maxErrors)]
	}
	if errs != nil {
		return nil, errs
	}
	return m, nil
}

// InstanceName is the instance that a file describes: its base name without
// ".toml", which must be a DNS label.
func InstanceName(file string) (string, error) {
	base := filepath.Base(file)
	name, isTOML := strings.CutSuffix(base, ".toml")
	if !isTOML {
		return "", nameError(file, fmt.Sprintf("the file name %s does not end in .toml", show(base)), "name it after the instance, such as shop.toml")
	}
	if isLabel(name) {
		return name, nil
	}
	hint := "use a-z, 0-9 and - inside, at most 63 characters"
	if lower := strings.ToLower(name); lower != name && isLabel(lower) {
		hint = "write " + lower + ".toml"
	}
	return "", nameError(file, fmt.Sprintf("the file name gives no instance: %s is not a DNS label", show(name)), hint)
}

func nameError(file, message, hint string) error {
	return Errors{{Place: Place{File: file, Line: 1, Column: 1}, Message: message, Hint: hint}}
}

// isLabel tells whether s is a DNS label in lower case.
func isLabel(s string) bool {
	return s != "" && len(s) <= 63 && s[0] != '-' && s[len(s)-1] != '-' &&
		!strings.Contains(s, "_") && s == strings.ToLower(s) && consists(s, "")
}

// decode turns text into a table, or says why it is no TOML.
func decode(file string, text []byte, docs []KeyDoc) (table, Errors) {
	if err := checkText(file, text); err != nil {
		return table{}, Errors{err}
	}
	r := &reader{lines: newLines(file, string(text)), schema: newSchema(docs)}
	s, err := scan(string(text))
	if errors.Is(err, errTooDeep) || err != nil && !mayDecode(string(text)) {
		return table{}, Errors{r.scanFailure(err)}
	}
	values, decodeErr := unmarshal(string(text))
	if decodeErr != nil {
		return table{}, Errors{r.syntax(s, decodeErr)}
	}
	if err != nil {
		return table{}, Errors{r.scanFailure(err)}
	}
	r.sound(values, &s.root, "")
	return table{reader: r, node: &s.root, values: values}, nil
}

// checkText refuses what is not UTF-8 text of a sane size.
func checkText(file string, text []byte) *Error {
	at := func(offset int, message, hint string) *Error {
		return &Error{Place: newLines(file, string(text)).place(offset), Message: message, Hint: hint}
	}
	const save = "save it as UTF-8 without byte order mark"
	switch head := text[:min(len(text), 4)]; {
	case len(text) > maxFile:
		return &Error{Place: Place{file, 1, 1}, Message: fmt.Sprintf("the file has more than %d bytes", maxFile)}
	case bytes.HasPrefix(head, []byte{0xEF, 0xBB, 0xBF}):
		return at(0, "the file begins with a byte order mark", save)
	case bytes.HasPrefix(head, []byte{0xFE, 0xFF}), bytes.HasPrefix(head, []byte{0xFF, 0xFE}), bytes.IndexByte(head, 0) >= 0:
		return at(0, "the file looks like UTF-16", save)
	}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return at(i, fmt.Sprintf("the byte 0x%02x is not UTF-8", text[i]), save)
		}
		i += size
	}
	return nil
}

// mayDecode tells whether a text that the scanner could not follow is flat
// enough to ask the decoder, whose messages are better.
func mayDecode(text string) bool {
	if strings.Count(text, "{") > 1000 || strings.Count(text, "[") > 20000 {
		return false
	}
	for line := range strings.Lines(text) {
		if strings.Count(line, ".") > 200 {
			return false
		}
	}
	return true
}

// unmarshal decodes text; a panic of the decoder is an error like any other.
func unmarshal(text string) (values map[string]any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("not understood: %v", p)
		}
	}()
	err = toml.Unmarshal([]byte(text), &values)
	if values == nil {
		values = map[string]any{}
	}
	return values, err
}

func (r *reader) scanFailure(err error) *Error {
	var at *scanError
	offset := 0
	if errors.As(err, &at) {
		offset = at.offset
	}
	return &Error{Place: r.lines.place(offset), Message: err.Error()}
}

// syntax is the decoder's error in our words: one line, with a place.
func (r *reader) syntax(s *scanner, err error) *Error {
	var parse toml.ParseError
	if !errors.As(err, &parse) {
		return &Error{Place: r.lines.place(s.pos), Message: oneLine(err.Error())}
	}
	if s.dup != nil && strings.Contains(parse.Message, "already been defined") {
		first := r.lines.place(s.dup.first)
		return &Error{Place: r.lines.place(s.dup.second), Key: s.dup.name,
			Message: show(s.dup.name) + " is written twice", Hint: fmt.Sprintf("first in line %d", first.Line)}
	}
	return &Error{Place: r.lines.place(parse.Position.Start), Key: oneLine(parse.LastKey),
		Message: oneLine(parse.Message), Hint: syntaxHint(parse.Message)}
}

// syntaxHint is what to write instead for the slips that people make.
func syntaxHint(message string) string {
	switch {
	case strings.Contains(message, "expected value"):
		return `write a value: "text" in quotes, 5, true, ["a", "b"]`
	case strings.Contains(message, "strings cannot contain newlines"):
		return `end the string with a quote, or use """ for several lines`
	case strings.Contains(message, "table name"):
		return "write [name] or [[name]]"
	case strings.Contains(message, "expected '.' or '='"):
		return "write key = value"
	case strings.Contains(message, "array terminator"):
		return "end the array with ]"
	case strings.Contains(message, "invalid escape"):
		return `write \\ for a backslash, or use single quotes`
	}
	return ""
}

// oneLine makes a message printable and bounds it.
func oneLine(message string) string {
	message = strings.Map(func(r rune) rune {
		if isHidden(r) {
			return ' '
		}
		return r
	}, message)
	if runes := []rune(message); len(runes) > 200 {
		message = string(runes[:200]) + "…"
	}
	return message
}
