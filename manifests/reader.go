package manifests

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const (
	maxString = 64 << 10 // bytes of any string
	maxName   = 100      // bytes of a name
	maxItems  = 1000     // entries of a list that has no bound of its own
)

// advice is an error that knows what to write instead.
type advice struct{ message, hint string }

func (a *advice) Error() string { return a.message + ": " + a.hint }

// instead is an error with a hint.
func instead(hint, format string, args ...any) error {
	return &advice{message: fmt.Sprintf(format, args...), hint: hint}
}

// reader collects what is wrong with one text.
type reader struct {
	lines  *lines
	schema schema
	found  []finding
}

// finding is an error whose place is not worked out yet: a hostile text can
// have very many.
type finding struct {
	offset int
	err    *Error
}

func (r *reader) fail(offset int, key, message, hint string) {
	r.found = append(r.found, finding{offset, &Error{Key: key, Message: message, Hint: hint}})
}

// errors is all that was found, in the order of the text; nil if nothing was.
func (r *reader) errors() Errors {
	slices.SortStableFunc(r.found, func(a, b finding) int { return a.offset - b.offset })
	var errs Errors
	for i, f := range r.found {
		if len(errs) == maxErrors-1 && i < len(r.found)-1 {
			more := fmt.Sprintf("%d more errors from here on", len(r.found)-i)
			return append(errs, &Error{Place: r.lines.place(f.offset), Message: more})
		}
		f.err.Place = r.lines.place(f.offset)
		errs = append(errs, f.err)
	}
	return errs
}

// table is one table of the text, with all that a message about it needs.
type table struct {
	*reader
	path   string // with indexes from 1, such as "step[2]"; "" at the top
	doc    string // path in the schema, such as "step"
	node   *node
	values map[string]any
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func (t table) has(key string) bool { _, ok := t.values[key]; return ok }

// place is where the value of key is.
func (t table) place(key string) Place { return t.lines.place(t.node.child(key).value) }

// bad reports what err says about the value of key.
func (t table) bad(key string, err error) { t.badAt(t.node.child(key), key, err) }

func (t table) badAt(at *node, key string, err error) {
	var a *advice
	if errors.As(err, &a) {
		t.fail(at.value, join(t.path, key), key+": "+a.message, a.hint)
		return
	}
	t.fail(at.value, join(t.path, key), key+": "+err.Error(), "")
}

// missing reports a key that must be there.
func (t table) missing(key, hint string) {
	t.fail(t.node.key, join(t.path, key), key+" is missing", hint)
}

// wrong reports that key holds another type than want.
func (t table) wrong(key, want, hint string) {
	t.bad(key, instead(hint, "want %s, got %s", want, kind(t.values[key])))
}

// closed reports the keys that this table does not have. The table named own,
// if it is not "", belongs to a provider.
func (t table) closed(own string) {
	for _, key := range slices.Sorted(maps.Keys(t.values)) {
		if slices.Contains(t.schema[t.doc], key) && key != provider || own != "" && key == own {
			continue
		}
		at := t.node.child(key).key
		_, isTable := t.values[key].(map[string]any)
		if isTable && own != "" && nearest(key, t.schema.known(t.doc)) == "" {
			t.fail(at, join(t.path, key), fmt.Sprintf("the table %s is for another provider than %q", show(key), own),
				fmt.Sprintf("name it [%s.%s]", t.doc, own))
			continue
		}
		t.fail(at, join(t.path, key), "unknown key "+show(key), t.schema.hint(t.doc, key))
	}
}

// show quotes foreign text for a message: one line, printable, short.
func show(s string) string {
	if runes := []rune(s); len(runes) > 60 {
		s = string(runes[:60]) + "…"
	}
	return strconv.Quote(s)
}

// kind is what a decoded value is called in a message.
func kind(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case int64:
		return "an integer"
	case float64:
		return "a float"
	case bool:
		return "a boolean"
	case time.Time:
		return "a date or time"
	case map[string]any:
		return "a table"
	default:
		return "an array"
	}
}

// text is a string of any content; ok is false if there is none.
func (t table) text(key string) (s string, ok bool) {
	v, found := t.values[key]
	if !found {
		return "", false
	}
	if s, ok = v.(string); !ok {
		hint := ""
		switch v.(type) {
		case int64, float64, bool:
			hint = fmt.Sprintf(`write %s = "%v"`, key, v)
		}
		t.wrong(key, "a string", hint)
		return "", false
	}
	if strings.TrimSpace(s) == "" {
		t.bad(key, instead("write a value or leave the key out", "is empty"))
		return "", false
	}
	return s, true
}

// name is a short string of one line.
func (t table) name(key string) (string, bool) {
	s, ok := t.text(key)
	if !ok {
		return "", false
	}
	if err := checkName(s); err != nil {
		t.bad(key, err)
		return "", false
	}
	return s, true
}

func checkName(s string) error {
	if len(s) > maxName {
		return fmt.Errorf("is %d bytes long, at most %d are allowed", len(s), maxName)
	}
	if i := strings.IndexFunc(s, isHidden); i >= 0 {
		return fmt.Errorf("holds a control or invisible character: %s", show(s))
	}
	return nil
}

// isHidden tells characters that a name, URL or ref must not hold, since a
// reader does not see them or sees something else: controls, line ends,
// direction marks, joiners and the byte order mark.
func isHidden(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r == unicode.ReplacementChar
}

// boolean is the value of key, or otherwise if there is none.
func (t table) boolean(key string, otherwise bool) bool {
	v, found := t.values[key]
	if !found {
		return otherwise
	}
	b, ok := v.(bool)
	if !ok {
		hint := "write true or false"
		if s, isString := v.(string); isString && (s == "true" || s == "false") {
			hint += " without quotes"
		}
		t.wrong(key, "a boolean", hint)
		return otherwise
	}
	return b
}

// integer is the value of key between low and high, or otherwise.
func (t table) integer(key string, otherwise, low, high int) int {
	v, found := t.values[key]
	if !found {
		return otherwise
	}
	n, ok := v.(int64)
	if !ok {
		t.wrong(key, "an integer", fmt.Sprintf("write %s = %d", key, otherwise))
		return otherwise
	}
	if n < int64(low) || n > int64(high) {
		t.bad(key, fmt.Errorf("want %d to %d, got %d", low, high, n))
		return otherwise
	}
	return int(n)
}

// list is an array of strings; ok is false if there is none.
func (t table) list(key, hint string) (all []string, ok bool) {
	v, found := t.values[key]
	if !found {
		return nil, false
	}
	items, isArray := v.([]any)
	if !isArray {
		t.wrong(key, "an array of strings", hint)
		return nil, false
	}
	if len(items) > maxItems {
		t.bad(key, fmt.Errorf("has %d entries, at most %d are allowed", len(items), maxItems))
		return nil, false
	}
	for i, item := range items {
		s, isString := item.(string)
		if !isString {
			t.badAt(t.node.child(key).item(i), key, instead(hint, "want strings, got %s", kind(item)))
			continue
		}
		all = append(all, s)
	}
	if len(all) < len(items) {
		return nil, false
	}
	return all, true
}

// sub is the table under key; ok is false if there is none.
func (t table) sub(key string) (sub table, ok bool) {
	v, found := t.values[key]
	if !found {
		return table{}, false
	}
	values, ok := v.(map[string]any)
	if !ok {
		path := join(t.doc, key)
		hint := fmt.Sprintf("write [%s]", path)
		if _, isArray := v.([]map[string]any); isArray {
			hint += " with single brackets, once"
		}
		t.wrong(key, "a table", hint)
		return table{}, false
	}
	return table{t.reader, join(t.path, key), join(t.doc, key), t.node.child(key), values}, true
}

// subs are the tables of the array under key, at most limit.
func (t table) subs(key string, limit int) []table {
	items, ok := t.items(key)
	if !ok {
		return nil
	}
	if len(items) > limit {
		t.fail(t.node.child(key).item(limit).key, join(t.path, key),
			fmt.Sprintf("%s: %d of them, at most %d are allowed", key, len(items), limit), "")
		items = items[:limit]
	}
	var all []table
	for i, item := range items {
		at, path := t.node.child(key).item(i), fmt.Sprintf("%s[%d]", join(t.path, key), i+1)
		values, isTable := item.(map[string]any)
		if !isTable {
			t.badAt(at, key, instead(fmt.Sprintf("write [[%s]]", join(t.doc, key)), "want tables, got %s", kind(item)))
			continue
		}
		all = append(all, table{t.reader, path, join(t.doc, key), at, values})
	}
	return all
}

// items is the array under key, which the decoder has in two forms.
func (t table) items(key string) ([]any, bool) {
	switch v := t.values[key].(type) {
	case nil:
		return nil, false
	case []any:
		return v, true
	case []map[string]any:
		items := make([]any, len(v))
		for i := range v {
			items[i] = v[i]
		}
		return items, true
	default:
		t.wrong(key, "an array of tables", fmt.Sprintf("write [[%s]]", join(t.doc, key)))
		return nil, false
	}
}

// sound reports strings that are too long or hold NUL, and numbers that no
// other format can carry, anywhere in v.
func (r *reader) sound(v any, at *node, path string) {
	switch v := v.(type) {
	case string:
		if len(v) > maxString {
			r.fail(at.value, path, fmt.Sprintf("%s: the string is %d bytes long, at most %d are allowed", lastKey(path), len(v), maxString), "")
		} else if strings.ContainsRune(v, 0) {
			r.fail(at.value, path, lastKey(path)+": the string holds a NUL character", "")
		}
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			r.fail(at.value, path, lastKey(path)+": want a finite number", "")
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			r.sound(v[key], at.child(key), join(path, key))
		}
	case []map[string]any:
		for i := range v {
			r.sound(v[i], at.item(i), fmt.Sprintf("%s[%d]", path, i+1))
		}
	case []any:
		for i := range v {
			r.sound(v[i], at.item(i), fmt.Sprintf("%s[%d]", path, i+1))
		}
	}
}

func lastKey(path string) string {
	key := path[strings.LastIndexByte(path, '.')+1:]
	if quoted := show(key); len(quoted) != len(key)+2 {
		return quoted
	}
	return key
}
